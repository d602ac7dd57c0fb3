// A real watchdog with a real server for its cloud; only its socket is simulated.
import { CloudV2 } from "../../src/exoscale/cloud_v2.ts";
import { systemClock } from "../../src/host/clock.ts";
import { Watchdog, type WatchdogSettings } from "../../src/watch/watchdog.ts";
import type { Clock, Log, ServiceManager } from "../../src/world.ts";
import { tellWatchdog } from "./tell.ts";
import { MemorySocket } from "./memory_socket.ts";
import { SIM_KEY, SIM_SECRET } from "./cloud/api_v2.ts";
import type { SimAddress, SimInstance } from "./cloud/model.ts";
import { CloudServer } from "./cloud/server.ts";
import { cloudFetch } from "./cloud/cloud_fixture.ts";
import type { NodeSettings } from "../../src/core/node/state.ts";

/** A running watchdog and everything that a test uses. */
export interface ServedWatchdog {
  readonly watchdog: Watchdog;
  readonly server: CloudServer;
  readonly address: SimAddress;
  readonly self: SimInstance;
  readonly peer: SimInstance;
  readonly socket: MemorySocket;
  readonly lines: string[];
  readonly ended: ReturnType<Watchdog["run"]>;
  readonly tell: (signal: "better" | "worse" | "stop") => void;
}

/** Starts a watchdog with one peer, which never speaks. */
export function start(
  overrides: Partial<WatchdogSettings & NodeSettings> = {},
  clock: Clock = systemClock,
  serviceManager: ServiceManager | null = null,
  closing: (log: Log) => Promise<void> = () => Promise.resolve(),
): ServedWatchdog {
  const server = new CloudServer();
  const address = server.model.addAddress("198.51.100.50");
  const [self, peer] = [
    server.model.addInstance(1, "127.0.0.1"),
    server.model.addInstance(2, "127.0.0.2"),
  ];
  const socket = new MemorySocket({ localAddresses: ["127.0.0.1"] });
  const lines: string[] = [];
  const node: NodeSettings = {
    elasticIp: address.ip,
    priority: 10,
    intervalMs: 20,
    deadRatio: 3,
    exclusive: false,
    preemptDelayMs: 0,
    handoverTimeoutMs: 1_000,
    moveLimit: null,
    reconcileMs: 30_000,
    ...overrides,
  };
  const settings: WatchdogSettings = {
    nodes: [node],
    port: 12_345,
    trailer: true,
    selfId: self.id,
    addresses: [peer.address],
    verbose: true,
    ...overrides,
  };
  const log: Log = {
    write: (severity, event, text) => void lines.push(`${severity} ${event}: ${text}`),
  };
  const watchdog = new Watchdog(settings, {
    clock,
    closing: () => closing(log),
    random: Math.random,
    socket,
    serviceManager,
    log,
    connect: (_, onProgress) =>
      new CloudV2({
        endpoint: server.endpoint("v2"),
        apiKey: SIM_KEY,
        secret: SIM_SECRET,
        fetch: cloudFetch,
        clock,
        onProgress,
      }, {
        elasticIp: address.ip,
        instanceId: self.id,
        peers: { kind: "static", addresses: [peer.address] },
      }),
  });
  return {
    watchdog,
    server,
    address,
    self,
    peer,
    socket,
    lines,
    ended: watchdog.run(),
    tell: (signal) => tellWatchdog(watchdog, signal),
  };
}
