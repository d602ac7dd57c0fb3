// How the nodes decide.
import type { MoveLimit } from "../core/election/state.ts";
import { choice, count, duration, flag, type Option, parsed, plain } from "./option.ts";
import { parseDuration } from "./duration.ts";

/** Bounds of the move limit, as a user writes them. */
const MOVES_MAX = 1_000, WITHIN = ["1min", "1d"] as const;

/** Options of the original. */
export const RANK = [
  count({
    name: "P",
    group: "start",
    key: "priority",
    variables: ["IF_HOST_PRIORITY"],
    ends: [0, 255],
    fallback: "10",
    alias: "priority",
    origin: "original",
    help: "priority of this node; the lowest wins",
    watchdogOnly: true,
    reload: "election",
  }),
  duration({
    name: "t",
    group: "timing",
    key: "intervalMs",
    variables: ["IF_ADVERTISEMENT_INTERVAL"],
    ends: ["10ms", "1h"],
    fallback: "1",
    alias: "interval",
    origin: "original",
    help: "time between heartbeats, 10ms to 1h; a bare number means seconds",
    watchdogOnly: true,
    reload: "election",
  }),
  count({
    name: "r",
    group: "timing",
    key: "deadRatio",
    variables: ["IF_DEAD_RATIO"],
    ends: [1, 1_000],
    fallback: "3",
    alias: "dead-ratio",
    origin: "original",
    help: "intervals without a heartbeat after which a peer counts as dead",
    watchdogOnly: true,
    reload: "election",
  }),
] as const satisfies readonly Option[];

/** Options beyond the original. */
export const ELECTION = [
  flag({
    name: "exclusive",
    group: "peers",
    key: "exclusive",
    variables: ["IF_EXCLUSIVE"],
    help:
      "among nodes with the same best priority, only the one with the lowest id holds the Elastic IP",
  }),
  plain({
    name: "no-preempt",
    group: "timing",
    variables: ["IF_NO_PREEMPT"],
    help: "leave the Elastic IP on a live node that ranks lower",
  }),
  duration({
    name: "preempt-delay",
    group: "timing",
    key: "preemptDelayMs",
    variables: ["IF_PREEMPT_DELAY"],
    ends: ["0s", "1d"],
    fallback: "0",
    help: "how long a better node waits before it takes over, 0 to 1 day",
    unless: (reader) => reader.on("no-preempt") ? Infinity : null,
    watchdogOnly: true,
    reload: "election",
  }),
  parsed({
    name: "move-limit",
    group: "timing",
    key: "moveLimit",
    variables: ["IF_MOVE_LIMIT"],
    value: "N/TIME",
    help:
      "after N moves within TIME, as in 4/1h, leave the Elastic IP on any holder that can serve",
    watchdogOnly: true,
    reload: "election",
    read(reader): MoveLimit | null {
      const text = reader.value("move-limit");
      if (text === null) return null;
      const [, count = "", span = ""] = /^(\d{1,4})\/(.+)$/.exec(text.trim()) ?? [];
      const moves = Number(count), withinMs = parseDuration(span);
      const [least, most] = WITHIN.map((each) => parseDuration(each) ?? 0) as [number, number];
      const fits = withinMs !== null && withinMs >= least && withinMs <= most;
      reader.need(
        moves >= 1 && moves <= MOVES_MAX && fits,
        "move-limit",
        `${JSON.stringify(text)} is not N/TIME, as in 4/1h, with 1 to ${MOVES_MAX} moves within ` +
          `${WITHIN.join(" to ")}`,
      );
      return { moves, withinMs: withinMs ?? most };
    },
  }),
  duration({
    name: "handover-timeout",
    group: "timing",
    key: "handoverTimeoutMs",
    variables: ["IF_HANDOVER_TIMEOUT"],
    ends: ["0s", "10min"],
    fallback: "10",
    help: "when told to stop: how long to wait until a successor holds the Elastic IP, 0 to 10min",
    watchdogOnly: true,
    reload: "election",
  }),
  duration({
    name: "reconcile-interval",
    group: "timing",
    key: "reconcileMs",
    variables: ["IF_RECONCILE_INTERVAL"],
    ends: ["5s", "5min"],
    fallback: "30",
    help: "how often to compare with the cloud, 5s to 5min",
    watchdogOnly: true,
    reload: "election",
  }),
  choice({
    name: "heartbeat-format",
    group: "peers",
    key: "heartbeatFormat",
    variables: ["IF_HEARTBEAT_FORMAT"],
    choices: ["extended", "original"],
    usual: "extended",
    help: "original sends only the original tool's 24 bytes, without our trailer",
    watchdogOnly: true,
  }),
] as const satisfies readonly Option[];
