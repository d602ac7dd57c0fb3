// A node's settings and a trailer, for tests that use one or two fields only.
import type { Trailer } from "../../src/core/heartbeat.ts";
import type { NodeSettings } from "../../src/core/node/state.ts";

/** The defaults of the command line. */
export const NODE_SETTINGS: NodeSettings = {
  elasticIp: "198.51.100.50",
  priority: 10,
  intervalMs: 1_000,
  deadRatio: 3,
  exclusive: false,
  preemptDelayMs: 0,
  handoverTimeoutMs: 10_000,
  moveLimit: null,
  reconcileMs: 30_000,
};

/** The trailer of a healthy peer that holds nothing and hears us. */
export const HEALTHY_TRAILER: Trailer = {
  holds: false,
  leaving: false,
  unable: false,
  unhealthy: false,
  ownPriority: 10,
  intervalMs: null,
  hearsYou: true,
  keyId: 0,
  sequence: 0,
  stamp: null,
};
