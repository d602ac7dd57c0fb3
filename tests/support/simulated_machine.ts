// A watchdog in simulated time, with one peer and a cloud that answers at once: hours pass in a moment.
import { encode } from "../../src/core/heartbeat.ts";
import type { Clock, Cloud, ServiceManager, SignalName } from "../../src/world.ts";
import type { Keyring } from "../../src/host/keyring.ts";
import { Watchdog, type WatchdogSettings } from "../../src/watch/watchdog.ts";
import { InboxSocket } from "./inbox_link.ts";
import { tellWatchdog } from "./tell.ts";
import { NODE_SETTINGS } from "./node_settings.ts";
import { Timeline } from "../simulation/timeline.ts";
import type { NodeSettings } from "../../src/core/node_state.ts";

/** Ids of this instance and of its peer. */
export const SELF = "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f",
  PEER = "0a1b2c3d-53c4-4a7d-8e2f-0a1b2c3d4e5f";
/** Where the peer is. */
export const PEER_ADDRESS = "192.0.2.2";

class StillSocket extends InboxSocket {
  readonly localAddresses = ["192.0.2.1"];
  readonly sent: { bytes: Uint8Array; to: string; atMs: number }[] = [];
  readonly #timeline: Timeline;
  constructor(timeline: Timeline) {
    super();
    this.#timeline = timeline;
  }
  send(bytes: Uint8Array, to: string): void {
    this.sent.push({ bytes: bytes.slice(), to, atMs: this.#timeline.nowMs });
  }
}

/** The watchdog and what surrounds it. */
export class SimulatedMachine {
  readonly timeline = new Timeline();
  readonly socket = new StillSocket(this.timeline);
  /** `12.3s info role: master (best)`. */
  readonly lines: string[] = [];
  readonly watchdog: Watchdog;
  readonly ended: Promise<0 | 1>;
  readonly cloud: Cloud;
  /** What the peer's heartbeats say; null while it is silent. */
  peer: { priority: number } | null = { priority: 20 };
  /** Whether the cloud answers. */
  reachable = true;
  code: 0 | 1 | null = null;
  #holds = false;

  constructor(
    node: Partial<NodeSettings> = {},
    settings: Partial<WatchdogSettings> = {},
    serviceManager: ServiceManager | null = null,
    keyring: Keyring | null = null,
  ) {
    this.cloud = this.#cloud();
    this.watchdog = new Watchdog({
      nodes: [{ ...NODE_SETTINGS, ...node }],
      port: 12_345,
      trailer: true,
      selfId: SELF,
      addresses: [PEER_ADDRESS],
      verbose: false,
      ...settings,
    }, {
      clock: this.clock,
      random: () => 0.5,
      socket: this.socket,
      log: {
        write: (severity, event, text) =>
          void this.lines.push(`${this.timeline.nowMs / 1_000}s ${severity} ${event}: ${text}`),
      },
      serviceManager,
      keyring,
      connect: () => this.cloud,
    });
    this.ended = this.watchdog.run();
    this.ended.then((code) => this.code = code);
    this.#speak();
  }

  get clock(): Clock {
    return {
      nowMs: () => this.timeline.nowMs,
      wallMs: () => 1e12 + this.timeline.nowMs,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          signal?.addEventListener("abort", () => resolve());
          this.timeline.at(this.timeline.nowMs + Math.max(ms, 0), resolve);
        }),
    };
  }

  tell(signal: Exclude<SignalName, "reload">): void {
    tellWatchdog(this.watchdog, signal);
  }

  /** Lets that time pass. */
  async pass(ms: number): Promise<void> {
    const settle = async () => {
      for (let turn = 0; turn < 30; turn++) await Promise.resolve();
    };
    const endMs = this.timeline.nowMs + ms;
    await this.timeline.runSettled(endMs, { over: () => this.code !== null, settle });
  }

  #speak(): void {
    const { elasticIp, intervalMs } = this.watchdog.watches[0]!.node.election.settings;
    if (this.peer) {
      const bytes = encode({ priority: this.peer.priority, elasticIp, id: PEER, trailer: null });
      this.socket.receive({ bytes, from: PEER_ADDRESS, fromPort: 12_345 });
    }
    this.timeline.at(this.timeline.nowMs + intervalMs, () => this.#speak());
  }

  #cloud(): Cloud {
    const answer = <T>(value: () => T) =>
      this.reachable
        ? Promise.resolve(value())
        : Promise.reject(new Error("no route to the cloud"));
    const peers = [{ address: PEER_ADDRESS, instanceId: PEER, wireId: PEER }];
    const others: never[] = [];
    const self = { instanceId: SELF, wireId: SELF, nativeAddresses: ["192.0.2.1"] };
    return {
      name: "a made-up cloud",
      prepare: () => answer(() => ({ ...self, holds: this.#holds })),
      members: () => answer(() => ({ peers, inPeerList: true })),
      look: () => answer(() => ({ holds: this.#holds, others })),
      inspect: (id) => answer(() => id === SELF && this.#holds),
      attach: () => answer(() => void (this.#holds = true)),
      detachSelf: () => answer(() => void (this.#holds = false)),
      evict: () => answer(() => "absent" as const),
    };
  }
}
