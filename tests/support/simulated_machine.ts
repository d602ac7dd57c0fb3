// A watchdog in virtual time, with one peer and a cloud that answers at once: hours pass in a moment.
import { encode } from "../../src/core/heartbeat.ts";
import type { ServiceManager, SignalName } from "../../src/world.ts";
import type { Keyring } from "../../src/host/keyring.ts";
import { Watchdog, type WatchdogSettings } from "../../src/watch/watchdog.ts";
import { VirtualClock } from "./clock.ts";
import { FakeCloud, peersAt } from "./fake_cloud.ts";
import { MemorySocket } from "./memory_socket.ts";
import { tellWatchdog } from "./tell.ts";
import { NODE_SETTINGS } from "./node_settings.ts";
import type { NodeSettings } from "../../src/core/node/state.ts";

/** Ids of this instance and of its peer. */
export const SELF = "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f",
  PEER = "0a1b2c3d-53c4-4a7d-8e2f-0a1b2c3d4e5f";
/** Address of the peer. */
export const PEER_ADDRESS = "192.0.2.2";

/** The watchdog and its surroundings. */
export class SimulatedMachine {
  readonly clock = new VirtualClock({ epochMs: 1e12 });
  readonly socket = new MemorySocket({
    localAddresses: ["192.0.2.1"],
    nowMs: this.clock.nowMs,
  });
  /** `12.3s info role: master (best)`. */
  readonly lines: string[] = [];
  readonly watchdog: Watchdog;
  readonly ended: Promise<0 | 1>;
  readonly cloud = new FakeCloud(SELF, peersAt({ [PEER_ADDRESS]: PEER }));
  /** The content of the peer's heartbeats; null while it is silent. */
  peer: { priority: number } | null = { priority: 20 };
  code: 0 | 1 | null = null;

  constructor(
    node: Partial<NodeSettings> = {},
    settings: Partial<WatchdogSettings> = {},
    serviceManager: ServiceManager | null = null,
    keyring: Keyring | null = null,
  ) {
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
          void this.lines.push(`${this.clock.nowMs() / 1_000}s ${severity} ${event}: ${text}`),
      },
      serviceManager,
      keyring,
      connect: () => this.cloud,
    });
    this.ended = this.watchdog.run();
    this.ended.then((code) => this.code = code);
    this.#speak();
  }

  tell(signal: Exclude<SignalName, "reload">): void {
    tellWatchdog(this.watchdog, signal);
  }

  /** Lets that time pass. */
  async pass(ms: number): Promise<void> {
    await this.clock.pass(ms, () => this.code !== null);
  }

  #speak(): void {
    const { elasticIp, intervalMs } = this.watchdog.watches[0]!.node.election.settings;
    if (this.peer) {
      const bytes = encode({ priority: this.peer.priority, elasticIp, id: PEER, trailer: null });
      this.socket.receive({ bytes, from: PEER_ADDRESS, fromPort: 12_345 });
    }
    this.clock.at(this.clock.nowMs() + intervalMs, () => this.#speak());
  }
}
