// Watches one Elastic IP, or several that move together: the loop that passes events to the core and performs its
// effects. Every event is stepped at once; effects are started without waiting, so that nothing the cloud does can
// delay a heartbeat.
import { type AddressFacts, addressView } from "../status/address_view.ts";
import type { Aside } from "../core/election/aside.ts";
import { type MissingPeer, settling } from "../core/election/state.ts";
import { apart, ownershipOf } from "../core/node/group.ts";
import { isAboutCall, nodeWakeAtMs, startNode, stepNode } from "../core/node/step.ts";
import { type Remains, shutdown } from "../core/node/shutdown.ts";
import { wants } from "../core/node/under_lease.ts";
import { reasonDetail } from "../core/node/explanation.ts";
import type { PeerIdentity } from "../core/election/peer.ts";
import type { AddressView } from "../status/snapshot.ts";
import { CloudCalls } from "./cloud_calls.ts";
import { LeaseCalls } from "./lease_calls.ts";
import { owns, spanOf } from "../core/lease/state.ts";
import { BurstLog } from "../log/burst_log.ts";
import { strayCause } from "./heartbeat_source.ts";
import type { EventName } from "../core/registry/events.ts";
import type { RejectReason } from "../core/registry/reject_reasons.ts";
import type { Line, RateLimitedLog } from "../log/rate_limited_log.ts";
import { CallCounters, Count } from "../status/counters.ts";
import { LeaseCounters } from "../status/lease_counters.ts";
import type { HistoryRecorder } from "../status/history/recorder.ts";
import type { Clock, Cloud, LeaseStore, Log, Observer, OwnPath, ReadPeers } from "../world.ts";
import {
  type Node,
  type NodeEffect,
  type NodeEvent,
  type NodeSettings,
  someSpeak,
} from "../core/node/state.ts";
import type { Call } from "../core/ownership/call.ts";

/** A heartbeat to send. */
export interface Outgoing extends Omit<Extract<NodeEffect, { kind: "send" }>, "kind"> {
  readonly elasticIp: string;
  readonly selfId: string;
  /** For a peer in a private network: our own address there, null if it is not known. */
  readonly source?: string | null;
}

/** Lines about changes in the cloud, which a shadow does not make. */
const CHANGES: readonly EventName[] = ["attached", "detached", "evicted"];

/** What a watch needs from the process. */
export interface WatchOptions {
  readonly settings: NodeSettings;
  /** Known on API v2 before the cloud has answered; null on v1. */
  readonly selfId: string | null;
  /** This process's run, null when heartbeats are not signed. */
  readonly run: bigint | null;
  /** Null when the cloud lists the peers. */
  readonly peers: readonly PeerIdentity[] | null;
  /** Configured peers whose address or machine is not known yet. */
  readonly missing: readonly MissingPeer[];
  /** Whether the peer list may change. */
  readonly dynamic: boolean;
  /** Set if the node was drained before it started. */
  readonly aside: Aside | null;
  /** Log every API call. */
  readonly verbose: boolean;
  /** Whether nothing is changed in the cloud, see shadow.ts. */
  readonly shadow: boolean;
  readonly clock: Clock;
  /** Uniform in 0..1. */
  readonly random: () => number;
  readonly log: Log;
  readonly limitedLog: RateLimitedLog;
  /** The logs for lines about one of several addresses. */
  readonly logsOf: (elasticIp: string) => Pick<WatchOptions, "log" | "limitedLog">;
  readonly observer: Observer | null;
  /** Keeps who held when: one for each address, the node's own first. */
  readonly recorders: readonly HistoryRecorder[];
  /** Builds the cloud client of an address. */
  readonly connect: (elasticIp: string) => Cloud;
  readonly readPeers: ReadPeers;
  /** Called when the cloud refuses the key. */
  readonly keyRefused: () => void;
  /** The store of the node's lease, null without one. */
  readonly store: LeaseStore | null;
  readonly send: (outgoing: Outgoing) => void;
  /** `cause` is the likely reason, where it is known. */
  readonly refuse: (from: string, reason: RejectReason, cause?: string) => void;
  /** Called when the cloud has said by which addresses the peers know this instance: native ones, then private. */
  readonly identified: (addresses: readonly string[]) => void;
  /** Called after every step. */
  readonly stepped: (atMs: number) => void;
  /** Called once, when this watch has ended. */
  readonly ended: () => void;
}

/** What the process knows about an address beside the node. */
type ShownFacts = Pick<AddressFacts, "refused" | "presence" | "peerName" | "comparison">;

/** What a reload can change. */
export interface Reconfiguration {
  readonly settings?: NodeSettings;
  /** Addresses of configured peers; the cloud tells the rest. */
  readonly addresses?: readonly string[];
  /** Configured peers whose address or machine is not known. If left out while `addresses` is given: none. */
  readonly missing?: readonly MissingPeer[];
}

/** One address and its calls. */
interface Strand {
  readonly elasticIp: string;
  readonly cloud: Cloud;
  readonly calls: CloudCalls;
  readonly counters: CallCounters;
  readonly log: Log;
}

/**
 * Watches one Elastic IP, or several that move together, until told to stop, or until the cloud says that it can never
 * work.
 */
export class Watch {
  readonly #options: WatchOptions;
  /** The addresses, the node's own one first. */
  readonly #strands: readonly [Strand, ...Strand[]];
  readonly #ending = new AbortController();
  /** Addresses of which the cloud said at the start that they can never work. */
  readonly #hopeless = new Set<string>();
  readonly #takeOvers = new Count();
  readonly #burst: BurstLog;
  readonly #lease: LeaseCalls | null;
  readonly #leaseCounters = new LeaseCounters();
  /** Our own addresses: as the cloud lists them, and in the private networks of the peers. */
  #native: readonly string[] = [];
  #paths: readonly OwnPath[] = [];
  #node: Node;
  #wakeAtMs: number;
  #exitCode: 0 | 1 | null = null;

  constructor(options: WatchOptions) {
    this.#options = options;
    const { settings, selfId, run, peers, missing, dynamic, aside, clock } = options;
    const { log, limitedLog } = options;
    this.#burst = new BurstLog({ log, limitedLog, clock });
    const { elasticIp, sisters = [] } = settings;
    const own = this.#strand(elasticIp, sisters.length > 0 ? options.logsOf(elasticIp) : options);
    const rest = sisters.map((sister) => this.#strand(sister, options.logsOf(sister)));
    this.#strands = [own, ...rest];
    this.#lease = options.store && this.#leaseCalls(options.store);
    const atMs = clock.nowMs();
    this.#node = startNode(settings, { atMs, selfId, run, peers, missing, dynamic, aside });
    this.#wakeAtMs = nodeWakeAtMs(this.#node);
  }

  /** The node's current state. */
  get node(): Node {
    return this.#node;
  }

  /** For messages. */
  get cloudName(): string {
    return this.#strands[0].cloud.name;
  }

  /** All its addresses, the node's own one first. */
  get elasticIps(): readonly string[] {
    return this.#strands.map(({ elasticIp }) => elasticIp);
  }

  /** When the node wants to be stepped next, Infinity once it has ended. */
  get wakeAtMs(): number {
    return this.#exitCode === null ? this.#wakeAtMs : Infinity;
  }

  /** Null while it runs. */
  get exitCode(): 0 | 1 | null {
    return this.#exitCode;
  }

  /** The state of each address that may be left here at the end; empty while it runs. */
  get remains(): readonly Remains[] {
    return this.#exitCode === 1 ? shutdown.remainsOf(this.#node) : [];
  }

  /** The addresses for display. */
  views(factsOf: (elasticIp: string) => ShownFacts): AddressView[] {
    const nowMs = this.#options.clock.nowMs();
    const { lists } = this.#strands[0].counters;
    const wallMs = this.#options.clock.wallMs(), { store } = this.#options;
    return apart(this.#node).map((node, index) => {
      const { elasticIp, cloud, counters } = this.#strands[index] ?? this.#strands[0];
      return addressView(node, {
        cloud: cloud.name,
        wallMs,
        peersAtMs: lists.atMs,
        takeOvers: this.#takeOvers,
        evictions: counters.evictions,
        calls: counters.views(nowMs),
        movesWith: this.elasticIps.filter((other) => other !== elasticIp),
        totals: this.#options.recorders[index]?.totals(nowMs) ?? { unheldMs: 0, twoHoldersMs: 0 },
        lease: store && { store: store.name, wallMs, ...this.#leaseCounters.views(nowMs) },
        ...factsOf(elasticIp),
      }, nowMs);
    });
  }

  /** Starts the node. */
  start(): void {
    const { log } = this.#options;
    const all = this.elasticIps;
    const what = all.length > 1 ? `${all.join(", ")}, which move together,` : all.join();
    const { store, settings } = this.#options;
    const lease = store ? `, with a lease in ${store.name}` : "";
    const silent = someSpeak([settings]) ? "" : " and without heartbeats";
    log.write("info", "start", `watching ${what} through ${this.cloudName}${lease}${silent}`);
    this.#lease?.watch();
    this.deliver({ kind: "tick" });
  }

  /** Steps the node by one event and performs the effects. */
  deliver(event: NodeEvent): void {
    if (this.#exitCode !== null) return;
    const before = this.#node;
    const atMs = this.#options.clock.nowMs();
    const [node, effects] = stepNode(before, event, atMs);
    this.#node = node;
    this.#wakeAtMs = nodeWakeAtMs(node);
    this.#leaseCounters.observe(before.lease, node.lease, atMs);
    for (const effect of effects) this.#perform(effect);
    if (node.lease && !owns(node.lease, atMs)) {
      for (const { calls } of this.#strands) calls.endAttach();
    }
    this.#observe(before);
    const was = apart(before);
    for (const [index, each] of apart(node).entries()) {
      this.#options.recorders[index]?.observe(was[index] ?? null, each, atMs);
    }
    this.#options.stepped(atMs);
  }

  /** Applies other settings and peers; anything left out stays. */
  reconfigure({ settings, addresses, missing }: Reconfiguration): void {
    if (settings) this.deliver({ kind: "settings", settings });
    if (!addresses) return missing && this.deliver({ kind: "missing", missing });
    this.#strands[0].calls.replaceMembers();
    this.deliver({ kind: "peers", addresses, missing: missing ?? [] });
  }

  /** Resolves when no call to the cloud is under way any more, which is soon after the end. */
  async callsEnded(): Promise<void> {
    await Promise.all([...this.#strands.map(({ calls }) => calls.ended()), this.#lease?.ended()]);
  }

  #strand(
    elasticIp: string,
    { log, limitedLog }: Pick<WatchOptions, "log" | "limitedLog">,
  ): Strand {
    const { clock, random, verbose, connect, settings, readPeers, keyRefused } = this.#options;
    const cloud = connect(elasticIp), counters = new CallCounters();
    const about = settings.sisters?.length ? { elasticIp } : {};
    const calls = new CloudCalls({
      ...{ clock, random, log, limitedLog, verbose, cloud, counters, readPeers, keyRefused },
      identified: (native) => this.#identify({ native }),
      placed: (paths) => this.#identify({ paths }),
      ending: this.#ending.signal,
      deliver: (event) => this.deliver(isAboutCall(event) ? { ...event, ...about } : event),
      starting: (verb) => !this.#hopeless.has(elasticIp) && this.#starting(verb, elasticIp),
      wanted: (call) => wants(this.#node, { call, elasticIp }, clock.nowMs()),
      lease: () => spanOf(this.#node.lease, clock.nowMs()),
      giveUp: () => this.#giveUp(elasticIp),
    });
    return { elasticIp, cloud, calls, counters, log };
  }

  #leaseCalls(store: LeaseStore): LeaseCalls {
    const { clock, random, limitedLog } = this.#options;
    return new LeaseCalls({
      ...{ store, clock, random, limitedLog, counters: this.#leaseCounters },
      ending: this.#ending.signal,
      deliver: (event) => this.deliver(event),
      claim: () => {
        const { instanceId, instanceName } = this.#node.ownership;
        const name = instanceName === null ? {} : { name: instanceName };
        return { instanceId: instanceId ?? "", ...name, wallMs: clock.wallMs() };
      },
    });
  }

  #strandOf(elasticIp: string | undefined): Strand {
    return this.#strands.find((each) => each.elasticIp === elasticIp) ?? this.#strands[0];
  }

  #observe({ election: before }: Node): void {
    const { role, reason, priority, holding, settings } = this.#node.election;
    if (role === before.role && reason === before.reason) return;
    const { elasticIp } = settings;
    const previousRole = before.role;
    if (role === "master" && role !== previousRole) {
      this.#takeOvers.add(this.#options.clock.nowMs());
    }
    const { observer } = this.#options;
    const { elasticIps } = this;
    const together = elasticIps.length > 1 ? { elasticIps } : {};
    const change = { elasticIp, ...together, role, previousRole, reason, priority, holding };
    observer?.roleChanged({ ...change, reasonDetail: reasonDetail(this.#node.election) });
  }

  #perform(effect: NodeEffect): void {
    switch (effect.kind) {
      case "send":
        return this.#send(effect);
      case "call":
        return this.#strandOf(effect.elasticIp).calls.begin(effect.id, effect.call);
      case "members":
        return this.#strands[0].calls.readMembers();
      case "store":
        return this.#lease?.begin(effect.id, effect.call, effect.limitMs);
      case "refused":
        return this.#refuse(effect);
      case "report":
        return this.#report(effect);
      case "exit":
        return this.#exit(effect.code);
      default:
        return effect satisfies never;
    }
  }

  /**
   * A flapping check makes the role flap, and a peer that is heard only now and then comes and goes: limit such lines.
   */
  #report({ severity, event, text, elasticIp }: Extract<NodeEffect, { kind: "report" }>): void {
    const { shadow } = this.#options;
    if (shadow && CHANGES.includes(event)) return;
    const line: Line = [severity, event, shadow && event === "role" ? `would be ${text}` : text];
    if (event === "role" || event === "twin") this.#burst.write(event, line);
    else if (elasticIp === undefined) this.#options.log.write(...line);
    else this.#strandOf(elasticIp).log.write(...line);
  }

  #send(effect: Extract<NodeEffect, { kind: "send" }>): void {
    const { selfId, settings: { elasticIp } } = this.#node.election;
    if (selfId === null) return;
    const network = this.#node.election.peers.get(effect.to)?.network;
    const source = network === undefined
      ? {}
      : { source: this.#paths.find((path) => path.network === network)?.address ?? null };
    this.#options.send({ ...effect, elasticIp, selfId, ...source });
  }

  #identify(
    { native = this.#native, paths = this.#paths }: {
      native?: readonly string[];
      paths?: readonly OwnPath[];
    },
  ): void {
    [this.#native, this.#paths] = [native, paths];
    this.#options.identified([...native, ...paths.map(({ address }) => address)]);
  }

  #refuse({ from, reason, id }: Extract<NodeEffect, { kind: "refused" }>): void {
    const { peers } = this.#node.election;
    const cause = reason === "unknown-source" ? strayCause(id, peers.values()) : undefined;
    this.#options.refuse(from, reason, cause);
  }

  /** Whether a refusal may still end the program: the cloud has not answered yet, or no peer list is known. */
  #starting(verb: Call["verb"] | "members", elasticIp: string): boolean {
    const { membership, election } = this.#node;
    return verb === "members"
      ? !membership.known && settling(election)
      : !ownershipOf(this.#node, elasticIp).prepared;
  }

  /** One address that cannot work does not take the others of its group down. */
  #giveUp(elasticIp: string): boolean {
    this.#hopeless.add(elasticIp);
    if (this.#strands.some((each) => !this.#hopeless.has(each.elasticIp))) return false;
    this.#exit(1);
    return true;
  }

  #exit(code: 0 | 1): void {
    this.#exitCode = code;
    this.#ending.abort();
    this.#options.ended();
  }
}
