// Real watchdogs in virtual time that learn of each other from a store in memory. Their cloud keeps its own account of
// who held, and every datagram that leaves is kept, too.
import { Watchdog } from "../../src/watch/watchdog.ts";
import type { Node, NodeSettings } from "../../src/core/node/state.ts";
import type { Cloud, Identity } from "../../src/world.ts";
import { simUuid } from "./cloud/model.ts";
import { sleepIn, VirtualClock } from "./clock.ts";
import { MemorySocket } from "./memory_socket.ts";
import { MemoryStore } from "./memory_store.ts";
import { NODE_SETTINGS } from "./node_settings.ts";

/** How long the cloud takes to look, and to change something. */
const LOOK_MS = 50, CHANGE_MS = 800;

/** Who holds in the cloud. */
class MemoryZone {
  readonly holders = new Set<string>();
  /** The most that ever held at the same time. */
  most = 0;
  /** Attaches and detaches with their time: `12.3 +2`. */
  readonly changes: string[] = [];
  /** How long nobody held, since the first hold. */
  unheldMs = 0;
  #unheldSinceMs: number | null = null;

  constructor(readonly clock: VirtualClock) {}

  set(id: string, holds: boolean): void {
    if (this.holders.has(id) === holds) return;
    if (holds) this.holders.add(id);
    else this.holders.delete(id);
    const nowMs = this.clock.nowMs();
    this.changes.push(`${nowMs / 1_000} ${holds ? "+" : "-"}${Number.parseInt(id.slice(-12), 16)}`);
    this.most = Math.max(this.most, this.holders.size);
    if (this.holders.size === 0) this.#unheldSinceMs = nowMs;
    else if (this.#unheldSinceMs !== null) {
      this.unheldMs += nowMs - this.#unheldSinceMs;
      this.#unheldSinceMs = null;
    }
  }
}

/** The zone as one machine reaches it. */
class MemoryCloud implements Cloud {
  readonly name = "a made-up cloud";
  readonly calls: string[] = [];
  reachable = true;

  constructor(readonly zone: MemoryZone, readonly identity: Omit<Identity, "holds">) {}

  prepare: Cloud["prepare"] = (signal) =>
    this.#ask("prepare", LOOK_MS, {
      signal,
      work: () => ({ ...this.identity, holds: this.#holds }),
    });

  members: Cloud["members"] = () => {
    this.calls.push("members");
    return Promise.reject(new Error("nobody needs to ask for the members"));
  };

  look: Cloud["look"] = (_, signal) =>
    this.#ask("look", LOOK_MS, {
      signal,
      work: () => {
        const others = [...this.zone.holders].filter((id) => id !== this.#self);
        return {
          holds: this.#holds,
          others: others.map((instanceId) => ({ instanceId, off: false })),
        };
      },
    });

  inspect: Cloud["inspect"] = (id, signal) =>
    this.#ask("inspect", LOOK_MS, { signal, work: () => this.zone.holders.has(id) });

  attach: Cloud["attach"] = (signal, { wanted = () => true } = {}) =>
    this.#ask("attach", CHANGE_MS, { signal, wanted, work: () => this.zone.set(this.#self, true) });

  detachSelf: Cloud["detachSelf"] = (signal) =>
    this.#ask("detach", CHANGE_MS, { signal, work: () => this.zone.set(this.#self, false) });

  evict: Cloud["evict"] = (id, { wanted = () => true }, signal) =>
    this.#ask("evict", CHANGE_MS, {
      signal,
      wanted,
      work: () => {
        const held = this.zone.holders.has(id);
        this.zone.set(id, false);
        return held ? "taken" as const : "absent" as const;
      },
    });

  get #self(): string {
    return this.identity.instanceId;
  }

  get #holds(): boolean {
    return this.zone.holders.has(this.#self);
  }

  async #ask<Value>(
    verb: string,
    tookMs: number,
    { signal, work, wanted = () => true }: {
      signal: AbortSignal;
      work: () => Value;
      wanted?: () => boolean;
    },
  ): Promise<Value> {
    this.calls.push(verb);
    if (!wanted()) throw new Error("nobody wants that any more");
    await sleepIn(this.zone.clock, tookMs, signal);
    if (signal.aborted) throw new Error("the call was ended");
    if (!this.reachable) throw new Error("no route to the cloud");
    return work();
  }
}

/** One machine with its watchdog. */
export class StoreMachine {
  readonly id: string;
  /** Its name at the store, another one for each process. */
  readonly process: string;
  readonly cloud: MemoryCloud;
  readonly socket: MemorySocket;
  readonly watchdog: Watchdog;
  /** `12.3 role: master (best)`. */
  readonly lines: string[] = [];
  code: 0 | 1 | null = null;

  constructor(readonly number: number, cluster: StoreCluster, settings: Partial<NodeSettings>) {
    const { clock, store, zone, ttlMs } = cluster;
    this.id = idOf(number);
    this.process = `process ${cluster.machines.length + 1}`;
    const address = `192.0.2.${number}`;
    this.socket = new MemorySocket({ localAddresses: [address], nowMs: clock.nowMs });
    // On API v1 a node's heartbeats have the id of its NIC.
    const wireId = cluster.api === "v1" ? simUuid(2, number) : this.id;
    const name = `edge-${number}`;
    this.cloud = new MemoryCloud(zone, {
      ...{ instanceId: this.id, name, wireId },
      nativeAddresses: [address],
    });
    this.watchdog = new Watchdog({
      nodes: [{
        ...NODE_SETTINGS,
        priority: 10 * number,
        exclusive: true,
        lease: { ttlMs, failsafe: true, heartbeats: false },
        ...settings,
      }],
      port: 12_345,
      trailer: true,
      selfId: cluster.api === "v1" ? null : this.id,
      // With heartbeats it has no peers.
      addresses: settings.lease?.heartbeats ? [] : null,
      verbose: false,
    }, {
      clock,
      random: () => 0.5,
      socket: this.socket,
      log: {
        write: (_, event, text) => {
          this.lines.push(`${clock.nowMs() / 1_000} ${event}: ${text}`);
        },
      },
      serviceManager: null,
      connect: () => this.cloud,
      store: () => store.clientOf(this.process),
    });
    this.watchdog.run().then((code) => this.code = code);
  }

  /** Its node. */
  get node(): Node {
    return this.watchdog.watches[0]!.node;
  }

  /** Its peers that it takes for live. */
  get livePeers(): number {
    return [...this.node.election.peers.values()].filter(({ alive }) => alive).length;
  }

  /** The lines with that event, without their times. */
  said(event: string): string[] {
    return this.lines.map((line) => line.slice(line.indexOf(" ") + 1))
      .filter((line) => line.startsWith(`${event}: `));
  }
}

/** Machines numbered from 1; a lower number has the better priority. */
export class StoreCluster {
  readonly clock = new VirtualClock({ epochMs: Date.UTC(2026, 10, 28, 14, 2) });
  readonly zone = new MemoryZone(this.clock);
  readonly store: MemoryStore;
  readonly machines: StoreMachine[] = [];
  readonly ttlMs: number;
  readonly api: "v1" | "v2";
  readonly #settings: Partial<NodeSettings>;

  constructor(
    count: number,
    { ttlMs = 6_000, api = "v2", ...settings }: Partial<NodeSettings> & {
      ttlMs?: number;
      api?: "v1" | "v2";
    } = {},
  ) {
    this.ttlMs = ttlMs;
    this.api = api;
    this.#settings = settings;
    this.store = new MemoryStore(this.clock, ttlMs);
    for (let number = 1; number <= count; number++) this.start(number);
  }

  /** Starts a watchdog on that machine. */
  start(number: number, settings: Partial<NodeSettings> = {}): StoreMachine {
    const machine = new StoreMachine(number, this, { ...this.#settings, ...settings });
    this.machines.push(machine);
    return machine;
  }

  /** The latest watchdog of that machine. */
  machine(number: number): StoreMachine {
    const found = this.machines.findLast((each) => each.number === number);
    if (!found) throw new Error(`no watchdog on machine ${number}`);
    return found;
  }

  /** The numbers of those that hold in the cloud. */
  get holders(): number[] {
    return [...this.zone.holders].map((id) => Number.parseInt(id.slice(-12), 16)).toSorted((a, b) =>
      a - b
    );
  }

  /** Whether that machine holds alone, owns the lease, and nobody else is master. */
  isHeldBy(number: number): boolean {
    const masters = this.machines.filter(({ code, node }) =>
      code === null && node.election.role === "master"
    );
    return this.holders.join() === `${number}` && this.store.owner === idOf(number) &&
      masters.map((each) => each.number).join() === `${number}`;
  }

  /** Waits until that machine holds alone, and returns how long that took. */
  async heldBy(number: number, title: string, withinMs = 120_000): Promise<number> {
    const sinceMs = this.clock.nowMs();
    await this.clock.until(() => this.isHeldBy(number), { title, withinMs });
    return this.clock.nowMs() - sinceMs;
  }

  /** The machine vanishes: nothing that it does arrives anywhere any more. */
  kill(number: number): void {
    const machine = this.machine(number);
    this.store.cut.add(machine.process);
    machine.cloud.reachable = false;
  }

  /** All datagrams that were sent. */
  get datagrams(): number {
    return this.machines.reduce((sum, { socket }) => sum + socket.sent.length, 0);
  }

  /** Ends all watchdogs. */
  async close(): Promise<void> {
    for (const { watchdog } of this.machines) {
      for (let stops = 0; stops < 3; stops++) watchdog.tell({ kind: "stop" });
    }
    await this.clock.pass(120_000);
  }
}

/** Instance of a machine. */
export function idOf(number: number): string {
  return simUuid(1, number);
}
