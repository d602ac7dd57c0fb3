// A cluster of real watchdogs in virtual time, on a simulated network, with a simulated cloud.
import { type PeerIdentity, unresolved } from "../../../src/core/election/peer.ts";
import type { Severity } from "../../../src/core/registry/events.ts";
import type { SignalName } from "../../../src/world.ts";
import { simUuid } from "../cloud/model.ts";
import { Attacker } from "./attacker.ts";
import { SimCloud } from "./cloud.ts";
import { SimStore } from "./lease_store.ts";
import { CoreAgent } from "./core_agent.ts";
import { LoopAgent } from "./loop_agent.ts";
import { type CallEnds, Machine, type Outside, SECOND_NETWORK } from "./machine.ts";
import { type SimDatagram, SimNetwork } from "./network.ts";
import { asideOf } from "./aside.ts";
import type { AsideKind } from "../../../src/core/election/aside.ts";
import { settle } from "../clock.ts";
import { Timeline } from "../timeline.ts";
import type { Node, NodeSettings } from "../../../src/core/node/state.ts";
import type { MissingPeer } from "../../../src/core/election/state.ts";
import type { Answer, Call } from "../../../src/core/ownership/call.ts";

const MEMBERS_MS = 5;
/** After this long, a name that does not exist counts as gone, and there has been time to see who holds. */
const BELIEVED_MS = 70_000;
/**
 * Between the monotonic clocks of two signing machines, because no node may compare them. A power of two, so that
 * additions are exact.
 */
const BOOTS_APART_MS = 2 ** 21;
/** More than any rounding of simulated times. */
const ROUNDING_MS = 1e-6;
/** The simulated Unix time at the start of the timeline. */
const EPOCH_MS = 1_900_000_000_000;

/** What can be observed from outside, for traces and checkers; every part is optional. */
export interface Observer {
  /** A datagram has reached the socket of a machine. */
  readonly arrived?: (to: Machine, datagram: SimDatagram) => void;
  readonly sent?: (from: Machine) => void;
  readonly called?: (by: Machine, call: Call) => void;
  /** `answer`: null for a call that failed. */
  readonly ended?: (by: Machine, call: Call, answer: Answer | null) => void;
  /** The membership is read. */
  readonly read?: (by: Machine) => void;
  readonly said?: (by: Machine, line: { severity: Severity; event: string; text: string }) => void;
  readonly stepped?: (machine: Machine, core: Node) => void;
  readonly exited?: (machine: Machine, code: 0 | 1) => void;
}

/** The kind of cluster. */
export interface ClusterOptions {
  readonly random: () => number;
  /** Peers come from the cloud's list instead of the configuration. */
  readonly dynamic?: boolean;
  /** The whole loop runs, not only the core. */
  readonly loop?: boolean;
  /** Heartbeats are signed. */
  readonly signed?: boolean;
  /** Each machine is in two networks, and a peer at both of its addresses. */
  readonly two?: boolean;
  /** Time to live of the lease; none if left out. */
  readonly leaseMs?: number;
}

/** The cluster. */
export class SimCluster {
  readonly timeline = new Timeline();
  readonly network: SimNetwork;
  /** The store of the lease, null without one. */
  readonly store: SimStore | null;
  /** The first Elastic IP's. */
  readonly cloud: SimCloud;
  /** Further Elastic IPs that move together with the first, by address. */
  readonly sisters = new Map<string, SimCloud>();
  readonly machines = new Map<string, Machine>();
  readonly observers: Observer[] = [];
  /** Records from the beginning; does nothing by itself. */
  readonly attacker: Attacker;
  readonly options: ClusterOptions;
  /** Calls that have not ended yet. */
  callsUnderWay = 0;
  /** How old the cloud's membership may be. */
  listLagMs = 0;
  /** The first broken rule; time stops there. */
  violation: string | null = null;
  /** Machines whose name cannot be resolved, and whether the name server denies them or is silent. */
  readonly hidden = new Map<Machine, { denied: boolean; sinceMs: number }>();
  readonly #byAddress = new Map<string, Machine>();
  #runs = 0n;
  readonly #lists: { atMs: number; machines: readonly Machine[] }[] = [];

  constructor(options: ClusterOptions) {
    this.options = options;
    this.network = new SimNetwork(this.timeline, options.random, (each) => this.#arrive(each));
    this.cloud = new SimCloud(this.timeline, options.random);
    this.store = options.leaseMs === undefined
      ? null
      : new SimStore(this.timeline, options.random, options.leaseMs);
    this.attacker = new Attacker(this);
  }

  /** The clouds of all Elastic IPs, the first one first. */
  get clouds(): readonly SimCloud[] {
    return [this.cloud, ...this.sisters.values()];
  }

  /** Adds an Elastic IP that moves together with the first. */
  addSister(elasticIp: string): void {
    const { latencyMs, operationMs, staleMs } = this.cloud;
    const sister = new SimCloud(this.timeline, this.options.random, this.cloud);
    this.sisters.set(elasticIp, Object.assign(sister, { latencyMs, operationMs, staleMs }));
  }

  /** Adds a machine, switched off. */
  add(name: string, settings: NodeSettings, { plain = false, inPeerList = true } = {}): Machine {
    const number = this.machines.size + 1;
    const machine = new Machine(
      name,
      `10.0.0.${number}`,
      simUuid(1, number),
      settings,
      plain,
      this.options.two ? `${SECOND_NETWORK}.${number}` : null,
    );
    if (this.options.signed) machine.aheadMs = number * BOOTS_APART_MS;
    this.machines.set(name, machine);
    for (const address of machine.addresses) this.#byAddress.set(address, machine);
    if (inPeerList) this.list(machine, true);
    return machine;
  }

  /** Adds the machine to the cloud's list, or removes it. */
  list(machine: Machine, inPeerList: boolean): void {
    machine.inPeerList = inPeerList;
    const others = (this.#lists.at(-1)?.machines ?? []).filter((other) => other !== machine);
    const machines = inPeerList ? [...others, machine] : others;
    this.#lists.push({ atMs: this.timeline.nowMs, machines });
  }

  /** Starts the machine and its watchdog. */
  start(machine: Machine): void {
    if (machine.agent) return;
    if (this.cloud.stopped.delete(machine.instanceId)) machine.onAtMs = this.timeline.nowMs;
    machine.end();
    machine.startedAtMs = this.timeline.nowMs;
    machine.run = this.options.signed ? ++this.#runs : 0n;
    machine.stopping = false;
    machine.exitCode = null;
    machine.priority = machine.settings.priority;
    machine.healthy = true;
    if (machine.aside === "demoted") machine.aside = null;
    const outside = this.#outside(machine);
    const others = this.options.dynamic ? [] : this.#othersThan(machine, 0);
    machine.unseen = new Set(others.filter((other) => this.hidden.has(other)));
    const addresses = this.options.dynamic ? null : this.#seenBy(machine);
    const missing = this.#missingTo(machine);
    const agent = this.options.loop
      ? new LoopAgent(machine, outside, { addresses, missing })
      : new CoreAgent(machine, outside, { peers: addresses?.map(unresolved) ?? null, missing });
    machine.agent = agent;
    agent.start();
  }

  /** From now on the name of that machine cannot be resolved; nodes that know its address keep it. */
  hide(machine: Machine, { denied }: { denied: boolean }): void {
    this.hidden.set(machine, { denied, sinceMs: this.timeline.nowMs });
    this.#tellOfNames();
  }

  /** Its name can be resolved again. */
  show(machine: Machine): void {
    this.hidden.delete(machine);
    this.#tellOfNames();
  }

  /** Whether a node may still assume that an unknown holder is a peer whose name it cannot resolve. */
  inDoubt({ unseen, startedAtMs }: Machine): boolean {
    return [...unseen].some((other) => {
      const { denied, sinceMs } = this.hidden.get(other) ?? { denied: false, sinceMs: 0 };
      return !denied || this.timeline.nowMs < Math.max(sinceMs, startedAtMs) + BELIEVED_MS;
    });
  }

  #tellOfNames(): void {
    for (const machine of this.machines.values()) {
      const found = [...machine.unseen].filter((other) => !this.hidden.has(other));
      for (const other of found) machine.unseen.delete(other);
      if (machine.unseen.size + found.length === 0) continue;
      machine.reach("answer", this.timeline.nowMs, () => {
        const missing = this.#missingTo(machine);
        const addresses = this.#seenBy(machine);
        machine.agent?.change(
          found.length > 0 ? { kind: "peers", addresses, missing } : { kind: "missing", missing },
        );
      });
    }
  }

  #seenBy(machine: Machine): string[] {
    return this.#othersThan(machine, 0).filter((other) => !machine.unseen.has(other))
      .flatMap(({ addresses }) => addresses);
  }

  #missingTo({ unseen }: Machine): MissingPeer[] {
    return [...unseen].map((other) => ({
      peer: other.name,
      denied: this.hidden.get(other)?.denied ?? false,
    }));
  }

  /** The watchdog dies silently; with `powerOff` the whole machine. */
  kill(machine: Machine, { powerOff = false } = {}): void {
    machine.end();
    if (powerOff) this.cloud.stopped.add(machine.instanceId);
  }

  /** Freezes the machine; meanwhile its socket buffer fills. */
  freeze(machine: Machine, forMs: number, { suspended = false } = {}): void {
    if (!machine.agent) return;
    const { nowMs } = this.timeline;
    if (nowMs >= machine.frozenUntilMs) {
      machine.frozenSinceMs = nowMs;
      machine.suspended = suspended;
    }
    // A shorter freeze within a longer one changes nothing: the clock must not stand still twice for the same time.
    if (nowMs + forMs <= machine.frozenUntilMs) return;
    machine.frozenUntilMs = nowMs + forMs;
    const { incarnation, frozenUntilMs } = machine;
    this.timeline.at(frozenUntilMs, () => {
      if (machine.incarnation !== incarnation || machine.frozenUntilMs !== frozenUntilMs) return;
      if (machine.suspended) {
        machine.stopClock({ sinceMs: machine.frozenSinceMs, untilMs: frozenUntilMs });
      }
      machine.thaw(this.options.random() < 0.5);
    });
  }

  /** Suspends the machine and its monotonic clock: it does not know for how long. */
  suspend(machine: Machine, forMs: number): void {
    this.freeze(machine, forMs, { suspended: true });
  }

  /** Sends a signal to the watchdog. */
  tell(machine: Machine, signal: SignalName): void {
    machine.reach("answer", this.timeline.nowMs, () => {
      if (signal === "stop") machine.stopping = true;
      else {
        const moved = machine.priority + (signal === "better" ? -1 : 1);
        machine.priority = Math.min(255, Math.max(Math.min(1, machine.priority), moved));
      }
      machine.agent?.tell(signal);
    });
  }

  /** The machine's checks report healthy or unhealthy. */
  check(machine: Machine, healthy: boolean): void {
    machine.reach("answer", this.timeline.nowMs, () => {
      machine.healthy = healthy;
      machine.agent?.change({ kind: "health", healthy });
    });
  }

  /** An operator asks the node to stand aside, or to take part again. A drain also reaches a node that does not run. */
  stepAside(machine: Machine, kind: AsideKind | null): void {
    if (machine.agent === null) {
      if (kind !== "demoted") machine.aside = kind;
      return;
    }
    machine.reach("answer", this.timeline.nowMs, () => {
      machine.aside = kind;
      machine.agent?.change({ kind: "aside", aside: asideOf(machine) });
    });
  }

  /** An operator puts the node first; the core chooses the priority. */
  promote(machine: Machine): void {
    machine.reach("answer", this.timeline.nowMs, () => {
      machine.aside = null;
      machine.agent?.change({ kind: "aside", aside: null });
      machine.agent?.change({ kind: "promote" });
      machine.priority = machine.agent?.priority ?? machine.priority;
    });
  }

  /** Applies a new configuration. */
  configure(machine: Machine, changes: Partial<NodeSettings>): void {
    machine.reach("answer", this.timeline.nowMs, () => {
      const settings = { ...machine.settings, ...changes };
      // A priority changed by signals stays, unless the configuration changes it.
      if (settings.priority !== machine.settings.priority) machine.priority = settings.priority;
      machine.settings = settings;
      machine.agent?.change({ kind: "settings", settings });
    });
  }

  /** Advances time, until a rule is broken. */
  async run(forMs: number): Promise<void> {
    const endMs = this.timeline.nowMs + forMs;
    const over = () => this.violation !== null;
    if (!this.options.loop) return this.timeline.runUntil(endMs, over);
    // After one turn of the real event loop, all promises that need no time have settled.
    await this.timeline.runSettled(endMs, { over, settle });
  }

  /** Records a broken rule. */
  fail(who: string, rule: string): void {
    this.violation ??= `at ${this.timeline.nowMs.toFixed(0)} ms ${who}: ${rule}`;
  }

  /** The list as the cloud shows it now: as old as the lag, but never from before the start of the story. */
  #listedAt(atMs: number = this.timeline.nowMs - this.listLagMs): readonly Machine[] {
    return this.#lists.findLast((each) => each.atMs <= Math.max(0, atMs))?.machines ?? [];
  }

  #othersThan(machine: Machine, atMs?: number): Machine[] {
    return this.#listedAt(atMs).filter((other) => other !== machine);
  }

  #arrive(datagram: SimDatagram): void {
    const machine = this.#byAddress.get(datagram.to);
    if (!machine) return;
    const hear = () => machine.agent?.hear(datagram.from, datagram.bytes);
    // It counts as arrived even if it waits for the machine to thaw.
    const frozen = this.timeline.nowMs < machine.frozenUntilMs;
    // The rules are about machines: it is all the same to them on which path one is heard.
    const from = this.#byAddress.get(datagram.from)?.address ?? datagram.from;
    const seen = from === datagram.from ? datagram : { ...datagram, from };
    if (!frozen) { for (const { arrived } of this.observers) arrived?.(machine, seen); }
    const kept = machine.reach("datagram", this.timeline.nowMs, hear);
    if (frozen && kept) { for (const { arrived } of this.observers) arrived?.(machine, seen); }
  }

  #outside(machine: Machine): Outside {
    const { timeline, observers } = this;
    const { incarnation } = machine;
    const alive = () => machine.incarnation === incarnation;
    const reach = (kind: "timer" | "answer", work: () => void) =>
      void (alive() && machine.reach(kind, timeline.nowMs, work));
    return {
      nowMs: () => timeline.nowMs + machine.aheadMs,
      wallMs: () => EPOCH_MS + Math.floor(timeline.nowMs) + machine.wallOffsetMs,
      random: this.options.random,
      at: (atMs, work) => {
        const plan = () => {
          const { aheadMs } = machine;
          // A clock that stood still meanwhile has not reached this time yet.
          const due = () => machine.aheadMs < aheadMs ? plan() : work();
          const planned = atMs - aheadMs;
          // Rounded down, it would wake the node before its deadline, again and again.
          const early = planned + aheadMs < atMs;
          timeline.at(early ? planned + ROUNDING_MS : planned, () => reach("timer", due));
        };
        plan();
      },
      send: (bytes, to) => {
        if (!alive()) return;
        for (const { sent } of observers) sent?.(machine);
        this.network.send(machine.sourceFor(to), to, bytes);
      },
      store: (call, limitMs, { answer, fail }) => {
        if (!alive()) return;
        this.store?.call(call, { instanceId: machine.instanceId, limitMs }, {
          answer: (result) => reach("answer", () => answer(result)),
          fail: () => reach("answer", fail),
        });
      },
      watchStore: (show) =>
        this.store?.watch(machine.instanceId, (sight) => reach("answer", () => show(sight))),
      call: (call, ends, about) => alive() && this.#call(machine, call, { ends, reach, about }),
      members: ({ answer, fail }) => {
        if (alive()) { for (const { read } of observers) read?.(machine); }
        const ok = ["ok", "keeps", "denies", "pends"].includes(
          this.cloud.fault(machine.instanceId),
        );
        // Given addresses belong to the same machines, whatever the list says.
        const atMs = this.options.dynamic ? undefined : 0;
        const others = this.#othersThan(machine, atMs);
        const inPeerList = !this.options.dynamic || this.#listedAt().includes(machine);
        // The knowledge about names is that of the moment in which the cloud answers.
        const answered = () => {
          const peers = others.filter((each) => !machine.unseen.has(each)).flatMap(identitiesOf);
          answer({ peers, inPeerList, missing: this.#missingTo(machine) });
        };
        timeline.at(timeline.nowMs + MEMBERS_MS, () => reach("answer", ok ? answered : fail));
      },
      say: (severity, event, text) => {
        if (!alive()) return;
        for (const { said } of observers) said?.(machine, { severity, event, text });
      },
      stepped: (core) => {
        if (!alive()) return;
        machine.core = core;
        for (const { stepped } of observers) stepped?.(machine, core);
      },
      exit: (code) => {
        if (!alive()) return;
        machine.end();
        machine.exitCode = code;
        for (const { exited } of observers) exited?.(machine, code);
      },
    };
  }

  #call(
    machine: Machine,
    call: Call,
    { ends, reach, about }: {
      ends: CallEnds;
      reach: (kind: "answer", work: () => void) => void;
      about: string | undefined;
    },
  ): void {
    const sister = this.sisters.get(about ?? "");
    // The rules for calls are checked for the first Elastic IP; those for groups look at all holders.
    const observers = sister ? [] : this.observers;
    for (const { called } of observers) called?.(machine, call);
    this.callsUnderWay += 1;
    const end = (answer: Answer | null, work: () => void) => {
      this.callsUnderWay -= 1;
      reach("answer", () => {
        for (const { ended } of observers) ended?.(machine, call, answer);
        work();
      });
    };
    (sister ?? this.cloud).call(call, {
      instanceId: machine.instanceId,
      resume: (work) => reach("answer", work),
      wanted: () => ends.wanted(),
      // By the cloud's clock. It knows from earlier answers how far that was ahead of its own one, see cloud_clock.ts.
      lease: () => {
        const span = ends.lease();
        return span && { ...span, endsAtMs: span.endsAtMs - machine.aheadAt(span.renewedAtMs) };
      },
      progress: (tookMs) => reach("answer", () => ends.progress(tookMs)),
      accepted: () => reach("answer", () => ends.accepted()),
      answer: (answer) => end(answer, () => ends.answer(answer)),
      fail: (setback) => end(null, () => ends.fail(setback)),
    });
  }
}

function identitiesOf({ addresses, instanceId }: Machine): PeerIdentity[] {
  return addresses.map((address) => ({
    address,
    instanceId,
    wireId: instanceId,
    ...(address.startsWith(`${SECOND_NETWORK}.`) && { network: "second" }),
  }));
}
