// A node that a test steps by hand, and its snapshot: the core alone, without socket, timer and cloud.
import type { ShadowReport } from "../../src/status/shadow_report.ts";
import { addressView } from "../../src/status/address_view.ts";
import type { Trailer } from "../../src/core/heartbeat.ts";
import { nodeWakeAtMs, startNode, stepNode } from "../../src/core/node/step.ts";
import type { Presence } from "../../src/core/presence.ts";
import type { ChangeView, CheckView, Snapshot } from "../../src/status/snapshot.ts";
import { type Judged, verdictOf } from "../../src/status/verdict.ts";
import { CallCounters, Count, Datagrams } from "../../src/status/counters.ts";
import { LeaseCounters } from "../../src/status/lease_counters.ts";
import { forNode, type Incoming } from "./incoming.ts";
import { StoreFixture } from "./lease_store.ts";
import { HEALTHY_TRAILER, NODE_SETTINGS } from "./node_settings.ts";
import { ageOf } from "../../src/core/age.ts";
import type { Node, NodeEffect, NodeEvent, NodeSettings } from "../../src/core/node/state.ts";

/** Instance ids of the node and of its peers. */
export const SELF_ID = "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f";
/** Addresses of the peers, and their instances. */
export const PEERS = ["203.0.113.11", "203.0.113.12"].map((address, index) => {
  const id = `00000000-0000-4000-8000-00000000000${index + 1}`;
  return { address, instanceId: id, wireId: id };
});
/** Unix time at 0 of every node's clock. */
export const EPOCH_MS = Date.UTC(2026, 0, 1, 12);

/** Run of the node. */
export const SELF_RUN = 5n;

/** A trailer of a healthy peer that hears us. */
export const TRAILER: Trailer = { ...HEALTHY_TRAILER, ownPriority: 20, intervalMs: 1_000 };

/** The node and its time. */
export class NodeFixture {
  nowMs = 0;
  node: Node;
  readonly counters = new CallCounters();
  readonly datagrams = new Datagrams();
  readonly takeOvers = new Count();
  readonly changes: Omit<ChangeView, "ageMs">[] = [];
  checks: readonly CheckView[] = [];
  phase: Snapshot["phase"] = "running";
  /** Whether this machine has the address, as far as known. */
  presence: Presence | null = null;
  /** Other holders in the cloud, and whether this node holds. */
  others: readonly { instanceId: string; off: boolean }[] = [];
  holds = false;
  /** Whether the cloud shows the address on a peer, when it is asked about one. */
  peerHolds = false;
  /** A shadow's report; null when this is none. */
  comparison: ShadowReport | null = null;
  /** Names of peers by address. */
  readonly names = new Map<string, string>();
  /** The store of its lease, and what happened there. */
  readonly store = new StoreFixture(SELF_ID, EPOCH_MS);
  readonly leaseCounters = new LeaseCounters();
  /** Whether the cloud fails now. */
  fails: () => boolean = () => false;

  constructor(settings: Partial<NodeSettings> = {}) {
    this.node = startNode({ ...NODE_SETTINGS, ...settings }, {
      atMs: 0,
      selfId: SELF_ID,
      run: SELF_RUN,
      peers: PEERS,
    });
  }

  /** Steps one event now. Calls to the cloud are answered at once. */
  step(event: NodeEvent | Incoming): void {
    const { role } = this.node.election;
    const [node, effects] = stepNode(this.node, forNode(this.node, event, this.nowMs), this.nowMs);
    this.leaseCounters.observe(this.node.lease, node.lease, this.nowMs);
    this.node = node;
    if (node.election.role === "master" && role !== "master") this.takeOvers.add(this.nowMs);
    // First the other effects of the step, then the answers.
    const [later, now] = [effects.filter(answered), effects.filter((it) => !answered(it))];
    for (const effect of [...now, ...later]) this.#perform(effect);
  }

  /** Advances to that instant, with all ticks that the node needs. */
  until(atMs: number): void {
    for (
      let wakeAtMs = nodeWakeAtMs(this.node);
      wakeAtMs <= atMs;
      wakeAtMs = nodeWakeAtMs(this.node)
    ) {
      this.nowMs = Math.max(this.nowMs, wakeAtMs);
      this.step({ kind: "tick" });
    }
    this.nowMs = atMs;
  }

  /** Delivers a heartbeat of the first or second peer. */
  hear(which: 0 | 1, says: Partial<Trailer> & { priority?: number } | "original" = {}): void {
    const { address, wireId } = PEERS[which]!;
    const { priority = 20, ...flags } = says === "original" ? {} : says;
    const trailer = says === "original"
      ? null
      : { ...TRAILER, ownPriority: priority, sequence: this.nowMs + 1, ...flags };
    const { elasticIp } = this.node.election.settings;
    this.datagrams.received.add(this.nowMs);
    this.step({
      kind: "incoming",
      from: address,
      heartbeat: { priority, elasticIp, id: wireId, trailer },
    });
  }

  /** For how long nobody held, and two did. */
  totals(): { unheldMs: number; twoHoldersMs: number } {
    return { unheldMs: 0, twoHoldersMs: 0 };
  }

  /** The current snapshot. */
  snapshot(): Snapshot {
    const { nowMs, datagrams } = this;
    const { sent, received, refused } = datagrams;
    const judged: Judged = {
      shadow: this.comparison !== null,
      version: 1,
      takenAtMs: EPOCH_MS + Math.round(nowMs),
      program: { version: "1.2.3", commit: "abc" },
      upMs: Math.round(nowMs),
      instanceId: SELF_ID,
      instanceName: null,
      zone: "ch-gva-2",
      phase: this.phase,
      loop: {
        overdueMs: 0,
        lateMs: 1,
        lateAgeMs: 20,
        worstLateMs: 4,
        worstLateAgeMs: 900,
        listening: true,
      },
      heartbeats: {
        sent: sent.count,
        sentAgeMs: ageOf(sent.atMs, nowMs),
        received: received.count,
        receivedAgeMs: ageOf(received.atMs, nowMs),
        refused: refused.views(nowMs),
      },
      addresses: [addressView(this.node, {
        wallMs: 1_000_000 + this.nowMs,
        cloud: "API v2 at https://api-ch-gva-2.exoscale.com/v2",
        peersAtMs: this.counters.lists.atMs,
        takeOvers: this.takeOvers,
        totals: this.totals(),
        evictions: this.counters.evictions,
        calls: this.counters.views(nowMs),
        refused: datagrams.senders,
        presence: this.presence,
        comparison: this.comparison,
        lease: {
          store: "etcd at https://10.0.0.5:2379",
          ...this.leaseCounters.views(nowMs),
          wallMs: EPOCH_MS + nowMs,
        },
        peerName: (address) => this.names.get(address) ?? null,
      }, nowMs)],
      addressesLeftOut: 0,
      checks: this.checks,
      changes: this.changes.map((change) => ({
        ...change,
        ageMs: ageOf(change.atMs, EPOCH_MS + nowMs),
      })),
    };
    return { ...judged, verdict: verdictOf(judged) };
  }

  #perform(effect: NodeEffect): void {
    const { nowMs } = this;
    if (effect.kind === "send") this.datagrams.sent.add(nowMs);
    if (effect.kind === "refused") this.datagrams.refuse(effect.from, effect.reason, nowMs);
    if (effect.kind === "report") {
      const { severity, event, text } = effect;
      this.changes.push({ atMs: EPOCH_MS + Math.round(nowMs), severity, event, text });
    }
    if (effect.kind === "members") {
      this.counters.lists.add(nowMs);
      this.step({ kind: "members", peers: PEERS, inPeerList: true });
    }
    if (effect.kind === "call") this.#answer(effect);
    if (effect.kind === "store") this.#answerLease(effect);
  }

  #answerLease({ id, call }: Extract<NodeEffect, { kind: "store" }>): void {
    const { nowMs, leaseCounters: { calls } } = this;
    const answer = this.store.answer(call, nowMs);
    if (answer === null) {
      calls.failed(call.verb, "unreachable", nowMs);
      return this.step({ kind: "store-failed", id, roll: 0.5 });
    }
    calls.done(call.verb, { tookMs: 3, atMs: nowMs });
    this.step({ kind: "store-answered", id, answer, roll: 0.5 });
  }

  #answer({ id, call }: Extract<NodeEffect, { kind: "call" }>): void {
    const { nowMs } = this;
    if (call.verb === "attach") this.holds = true;
    if (call.verb === "detach-self") this.holds = false;
    const { holds, others } = this;
    if (this.fails()) {
      const setback = { retryable: true, retryAfterMs: null, roll: 0.5 };
      return this.step({ kind: "failed", id, ...setback });
    }
    const answers = {
      prepare: { verb: "prepare", holds, selfId: SELF_ID, instanceId: SELF_ID, addresses: [] },
      look: { verb: "look", holds, others: call.verb === "look" && call.others ? others : null },
      inspect: { verb: "inspect", holds: this.peerHolds },
      attach: { verb: "attach" },
      "detach-self": { verb: "detach-self" },
      evict: { verb: "evict", outcome: "absent" },
    } as const;
    this.counters.done(call.verb, { tookMs: 12, atMs: nowMs });
    this.step({ kind: "answered", id, answer: answers[call.verb], roll: 0.5 });
  }
}

function answered({ kind }: NodeEffect): boolean {
  return kind === "call" || kind === "members" || kind === "store";
}
