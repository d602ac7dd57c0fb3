// Keeps who held one Elastic IP when, as this node knows it: a bounded list of changes. A heartbeat that changes
// nothing costs a comparison; a view is made only when somebody asks.
import { settling } from "../../core/election/state.ts";
import type { Node } from "../../core/node/state.ts";
import type { Peer } from "../../core/election/peer.ts";
import {
  ABSENT,
  type Change,
  type Entry,
  type Holding,
  holdingOf,
  type NodeInfo,
  SELF,
  type Standing,
} from "./entry.ts";
import {
  othersFresh,
  peerStanding,
  sameStanding,
  selfStanding,
  STRANGE,
  strangers,
} from "./standing.ts";

/** Most changes that are kept of one Elastic IP: with some 300 bytes each, about 0.6 MB. */
export const ENTRIES_MAX = 2_000;
/** How long they are kept. */
export const KEPT_MS = 7 * 24 * 3_600_000;
/** Old changes are dropped in batches, so that a full list costs no more than an empty one. */
const BATCH = 200;

/** What is known at one instant. */
export interface Moment {
  readonly atMs: number;
  /** Whether the watchdog runs. */
  readonly running: boolean;
  readonly nodes: ReadonlyMap<string, Standing & { readonly info: NodeInfo }>;
}

/** The record of one Elastic IP. */
export class HistoryRecorder {
  readonly elasticIp: string;
  /** Gets each new entry. */
  readonly #written: (entry: Entry) => void;
  #entries: Entry[] = [];
  /** The state before the first entry. */
  #base: { atMs: number; running: boolean; nodes: Map<string, Standing & { info: NodeInfo }> };
  readonly #nodes = new Map<string, Standing & { info: NodeInfo }>();
  /** Key by address, for machines with several addresses. */
  readonly #keys = new Map<string, string>();
  #strangers: readonly string[] = [];
  #holding: Holding = "unknown";
  #holdingSinceMs: number;
  #fresh = false;
  #settled = false;
  #begun = false;
  #unheldMs = 0;
  #twoHoldersMs = 0;

  /** `earlier`: what a file has of earlier runs, in order, all before `atMs`. */
  constructor(
    elasticIp: string,
    { atMs, earlier = [], written = () => {} }: {
      atMs: number;
      earlier?: readonly Entry[];
      written?: (entry: Entry) => void;
    },
  ) {
    this.elasticIp = elasticIp;
    this.#written = written;
    this.#entries = [...earlier];
    this.#base = { atMs: earlier[0]?.atMs ?? atMs, running: false, nodes: new Map() };
    this.#holdingSinceMs = atMs;
    this.#add({ kind: "start", atMs });
  }

  /** The state before the first entry. */
  get base(): Moment {
    return this.#base;
  }

  /** All kept entries, in the order in which they were noticed. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** The current state of every node, as entries: the beginning of another file. */
  current(atMs: number): Entry[] {
    return [
      { kind: "start", atMs },
      ...[...this.#nodes].map(([node, standing]): Change => ({
        ...standing,
        kind: "node",
        atMs,
        sinceMs: atMs,
        node,
      })),
    ];
  }

  /** For how long, in this run, no node was known to hold, and for how long several held that should not. */
  totals(atMs: number): { readonly unheldMs: number; readonly twoHoldersMs: number } {
    const lastingMs = atMs - this.#holdingSinceMs;
    return {
      unheldMs: this.#unheldMs + (this.#holding === "outage" ? lastingMs : 0),
      twoHoldersMs: this.#twoHoldersMs + (this.#holding === "two-holders" ? lastingMs : 0),
    };
  }

  /** Notes what a step changed; `before` is null for the first. */
  observe(before: Node | null, after: Node, atMs: number): void {
    const { election, ownership } = after;
    const fresh = othersFresh(ownership, atMs), settled = !settling(election);
    const all = !this.#begun || fresh !== this.#fresh || settled !== this.#settled ||
      ownership.others !== before?.ownership.others || ownership.taken !== before?.ownership.taken;
    if (!all && election === before?.election && ownership === before?.ownership) return;
    this.#begun = true;
    this.#fresh = fresh;
    this.#settled = settled;
    if (all || election.peers !== before?.election.peers) {
      this.#observePeers(before, after, { atMs, all });
    }
    // After the peers: a peer's silence, noticed in the same step, began earlier.
    if (all || !sameSelf(before, after)) {
      const info = { address: null, instanceId: election.selfId };
      this.#note(SELF, { ...selfStanding(after), sinceMs: atMs, info }, atMs);
    }
    if (all) this.#observeStrangers(after, atMs);
  }

  /** The watchdog ends. */
  stop(atMs: number): void {
    this.#add({ kind: "stop", atMs });
    this.#hold("not-running", atMs);
  }

  #observePeers(
    before: Node | null,
    node: Node,
    { atMs, all }: { atMs: number; all: boolean },
  ): void {
    const { peers } = node.election, old = before?.election.peers;
    for (const [address, peer] of peers) {
      if (!all && saysTheSame(old?.get(address), peer)) continue;
      const info = { address, instanceId: peer.instanceId };
      this.#note(this.#keyOf(info), { ...peerStanding(peer, { node, atMs }), info }, atMs);
    }
    for (const address of old?.keys() ?? []) {
      if (peers.has(address)) continue;
      const key = this.#keys.get(address) ?? address;
      this.#keys.delete(address);
      if ([...this.#keys.values()].includes(key)) continue;
      this.#note(key, { ...ABSENT, sinceMs: atMs, info: infoOf(this.#nodes, key) }, atMs);
    }
  }

  #observeStrangers(node: Node, atMs: number): void {
    const now = strangers(node, atMs);
    for (const id of this.#strangers) {
      if (now.includes(id)) continue;
      this.#note(id, { ...ABSENT, sinceMs: atMs, info: infoOf(this.#nodes, id) }, atMs);
    }
    for (const id of now) {
      const info = { address: null, instanceId: id };
      this.#note(id, { ...STRANGE, sinceMs: atMs, info }, atMs);
    }
    this.#strangers = now;
  }

  /** The first address of a machine is its key. */
  #keyOf({ address, instanceId }: { address: string; instanceId: string | null }): string {
    const known = this.#keys.get(address);
    if (known !== undefined) return known;
    const same = [...this.#nodes].find(([key, { info }]) =>
      instanceId !== null && info.instanceId === instanceId &&
      [...this.#keys.values()].includes(key)
    );
    const key = same?.[0] ?? address;
    this.#keys.set(address, key);
    return key;
  }

  #note(
    node: string,
    { sinceMs, info, ...standing }: Standing & { readonly sinceMs: number; info: NodeInfo },
    atMs: number,
  ): void {
    const before = this.#nodes.get(node);
    if (sameStanding(before, standing)) return;
    if (standing.state === "absent") this.#nodes.delete(node);
    else this.#nodes.set(node, { ...standing, info: { ...info, address: addressOf(node, info) } });
    // A node that was silent before is not in another state since its last heartbeat.
    const heard = before?.state !== "silent" && before?.state !== "holds-unheard";
    const trueMs = heard ? Math.min(sinceMs, atMs) : atMs;
    this.#add({ kind: "node", atMs, sinceMs: trueMs, node, info, ...standing });
    this.#hold(holdingOf(this.#nodes.values(), this.#holding), trueMs);
  }

  /** Another state of the whole begins; the time of the last one is counted. */
  #hold(holding: Holding, sinceMs: number): void {
    if (holding === this.#holding) return;
    const fromMs = Math.max(sinceMs, this.#holdingSinceMs);
    const { unheldMs, twoHoldersMs } = this.totals(fromMs);
    this.#unheldMs = unheldMs;
    this.#twoHoldersMs = twoHoldersMs;
    this.#holding = holding;
    this.#holdingSinceMs = fromMs;
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    this.#written(entry);
    const [oldest] = this.#entries;
    const old = oldest !== undefined && oldest.atMs < entry.atMs - KEPT_MS;
    if (this.#entries.length >= ENTRIES_MAX + BATCH || old) this.#trim(entry.atMs - KEPT_MS);
  }

  /** Drops the oldest entries; what they changed becomes the state before the rest. */
  #trim(sinceMs: number): void {
    const young = this.#entries.findIndex(({ atMs }) => atMs >= sinceMs);
    const count = Math.max(young, this.#entries.length - ENTRIES_MAX);
    for (const entry of this.#entries.splice(0, count)) {
      this.#base.atMs = entry.atMs;
      if (entry.kind !== "node") {
        this.#base.running = entry.kind === "start";
        this.#base.nodes.clear();
      } else if (entry.state === "absent") this.#base.nodes.delete(entry.node);
      else this.#base.nodes.set(entry.node, entry);
    }
  }
}

/** Whether everything that decides this node's state is as before. */
function sameSelf(before: Node | null, { election, ownership }: Node): boolean {
  if (before === null || before.ownership !== ownership) return false;
  const { reason, healthy, priority, settings, selfId } = before.election;
  return reason === election.reason && healthy === election.healthy &&
    priority === election.priority && settings === election.settings && selfId === election.selfId;
}

/** Whether a heartbeat said what the last one did. */
function saysTheSame(before: Peer | undefined, peer: Peer): boolean {
  if (before === peer) return true;
  if (before?.alive !== peer.alive || before.instanceId !== peer.instanceId) return false;
  const [one, other] = [before.trailer, peer.trailer];
  return before.priority === peer.priority && one?.holds === other?.holds &&
    one?.leaving === other?.leaving && one?.unable === other?.unable &&
    one?.unhealthy === other?.unhealthy && one?.ownPriority === other?.ownPriority &&
    (before.heardAtMs === null) === (peer.heardAtMs === null);
}

/** A machine's first address stays its address. */
function addressOf(node: string, { address }: NodeInfo): string | null {
  return address === null ? null : node;
}

function infoOf(
  nodes: ReadonlyMap<string, { readonly info: NodeInfo }>,
  node: string,
): NodeInfo {
  return nodes.get(node)?.info ?? { address: null, instanceId: null };
}
