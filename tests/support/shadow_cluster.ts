// Shadows in virtual time that hear each other, and somebody else who moves the address.
import { Shadow, shadowLookMs } from "../../src/watch/shadow.ts";
import { Watchdog } from "../../src/watch/watchdog.ts";
import type { PeerList, ReadOnlyCloud, Sighting } from "../../src/world.ts";
import { VirtualClock } from "./clock.ts";
import { peersAt } from "./fake_cloud.ts";
import { MemorySocket } from "./memory_socket.ts";
import { NODE_SETTINGS } from "./node_settings.ts";
import { simUuid } from "./cloud/model.ts";

/** The zone: who holds, who is off, and whether it answers. */
export class ShadowZone {
  readonly holders = new Set<string>();
  readonly off = new Set<string>();
  reachable = true;
  released: string | null = null;
  reads = 0;
}

/** The cloud of one machine. It has nothing that changes anything. */
class ReadingCloud implements ReadOnlyCloud {
  readonly name = "a made-up cloud";

  constructor(
    readonly zone: ShadowZone,
    readonly selfId: string,
    readonly address: string,
    readonly peers: PeerList["peers"],
  ) {}

  prepare: ReadOnlyCloud["prepare"] = () =>
    this.#answer(() => ({
      instanceId: this.selfId,
      wireId: this.selfId,
      nativeAddresses: [this.address],
      holds: this.zone.holders.has(this.selfId),
    }));

  members: ReadOnlyCloud["members"] = () =>
    this.#answer(() => ({ peers: this.peers, inPeerList: true }));

  look: ReadOnlyCloud["look"] = ({ others }) =>
    this.#answer((): Sighting => {
      const { holders, off, released } = this.zone;
      const rest = [...holders].filter((id) => id !== this.selfId);
      return {
        holds: holders.has(this.selfId),
        others: others
          ? rest.map((instanceId) => ({ instanceId, off: off.has(instanceId) }))
          : null,
        ...(released !== null && { released, exists: false }),
      };
    });

  inspect: ReadOnlyCloud["inspect"] = (id) => this.#answer(() => this.zone.holders.has(id));

  #answer<Value>(value: () => Value): Promise<Value> {
    this.zone.reads += 1;
    if (!this.zone.reachable) return Promise.reject(new Error("no route to the cloud"));
    return Promise.resolve(value());
  }
}

/** One machine with a shadow. */
export class ShadowMachine {
  readonly address: string;
  readonly id: string;
  readonly lines: string[] = [];
  readonly shadow: Shadow;
  readonly watchdog: Watchdog;
  readonly socket: MemorySocket;
  alive = true;
  code: 0 | 1 | null = null;

  constructor(readonly number: number, cluster: ShadowCluster) {
    const { clock, zone } = cluster;
    this.address = addressOf(number);
    this.id = idOf(number);
    this.socket = new MemorySocket({
      localAddresses: [this.address],
      nowMs: clock.nowMs,
      onSent: ({ bytes, to, port }) => {
        const target = cluster.machines.findLast(({ address }) => address === to);
        if (!this.alive || !target?.alive) return;
        target.socket.receive({ bytes, from: this.address, fromPort: port });
      },
    });
    const { elasticIp } = NODE_SETTINGS;
    this.shadow = new Shadow({ clock, elasticIps: [elasticIp], notify: null });
    const peers = cluster.numbers.filter((each) => each !== number);
    const identities = peersAt(
      Object.fromEntries(peers.map((each) => [addressOf(each), idOf(each)])),
    );
    const reading = new ReadingCloud(zone, this.id, this.address, identities);
    this.watchdog = new Watchdog({
      nodes: [{ ...NODE_SETTINGS, priority: 10 * number, reconcileMs: shadowLookMs(1) }],
      port: 12_345,
      trailer: true,
      shadow: true,
      selfId: this.id,
      addresses: peers.map(addressOf),
      verbose: false,
    }, {
      clock,
      random: () => 0.5,
      socket: this.socket,
      log: {
        write: (_, event, text) => void this.lines.push(`${event}: ${text}`),
      },
      serviceManager: null,
      shadowReport: (address) => this.shadow.report(address),
      connect: (address) => this.shadow.around(address, reading),
    });
    this.shadow.attend(this.watchdog);
    this.watchdog.run().then((code) => this.code = code);
  }

  /** What it said it would do. */
  get said(): string[] {
    return this.lines.flatMap((line) => /^shadow: (would .*)$/.exec(line)?.[1] ?? []);
  }

  /** Whether it would hold. */
  get holds(): boolean {
    return this.watchdog.watches[0]?.node.ownership.holding === true;
  }

  /** Tells it to stop. */
  stop(): void {
    this.shadow.stop();
    this.watchdog.tell({ kind: "stop" });
  }
}

/** Machines numbered from 1; a lower number ranks first. */
export class ShadowCluster {
  readonly clock = new VirtualClock({ epochMs: Date.UTC(2026, 10, 28, 14, 2) });
  readonly zone = new ShadowZone();
  readonly numbers: readonly number[];
  readonly machines: ShadowMachine[] = [];

  constructor(
    count: number,
    { holder = 1, started = count }: { holder?: number; started?: number } = {},
  ) {
    this.numbers = Array.from({ length: count }, (_, index) => index + 1);
    if (holder > 0) this.zone.holders.add(idOf(holder));
    for (const number of this.numbers.slice(0, started)) this.start(number);
  }

  /** Starts a shadow. */
  start(number: number): ShadowMachine {
    const machine = new ShadowMachine(number, this);
    this.machines.push(machine);
    return machine;
  }

  /** The latest shadow on that machine. */
  machine(number: number): ShadowMachine {
    const found = this.machines.findLast((each) => each.number === number);
    if (!found) throw new Error(`no shadow on machine ${number}`);
    return found;
  }

  /** The machine dies, with its shadow. */
  kill(number: number): void {
    this.machine(number).alive = false;
  }

  /** Somebody else moves the address. */
  moveTo(...numbers: readonly number[]): void {
    this.zone.holders.clear();
    for (const number of numbers) this.zone.holders.add(idOf(number));
  }

  /** Lets that time pass. */
  async pass(seconds: number): Promise<void> {
    await this.clock.pass(seconds * 1_000);
  }

  /** Ends all shadows; lets their last calls end. */
  async close(): Promise<void> {
    for (const machine of this.machines) {
      for (let stops = 0; stops < 3; stops++) machine.stop();
    }
    await this.pass(60);
  }
}

/** Address of a machine. */
export function addressOf(number: number): string {
  return `192.0.2.${number}`;
}

/** Instance of a machine. */
export function idOf(number: number): string {
  return simUuid(1, number);
}
