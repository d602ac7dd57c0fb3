// A peer as the election sees it, and the order of nodes. Lower priority wins; a node that is leaving or unable is
// ineligible and never outranks an eligible one.
import type { Advert, Mark, Trailer } from "../heartbeat.ts";

/** Advertised by a node that must not win. Source: spec section 5. */
export const LAST_PRIORITY = 255;
/** Advertised by a holder that keeps the address because of the move limit. */
export const BEST_PRIORITY = 0;

/** What the configuration and the cloud say about a peer; ids are null until the cloud has answered. */
export interface PeerIdentity {
  /** Address it sends from, in its canonical form. */
  readonly address: string;
  /** Instance that the cloud can take the Elastic IP from. */
  readonly instanceId: string | null;
  /** Id its heartbeats must carry: the NIC on API v1, the instance on v2. */
  readonly wireId: string | null;
  /** The instance's name, for people; left out if the cloud has told none. */
  readonly name?: string;
  /** Name of the private network that has the address; left out for a public address. */
  readonly network?: string;
}

/** How people know a node: `edge-2 (203.0.113.12)`, or its address alone, with the private network that has it. */
export function titleOf(
  { name, ...path }: {
    readonly address: string;
    readonly name?: string | null | undefined;
    readonly network?: string | null | undefined;
  },
): string {
  return name ? `${name} (${pathText(path)})` : pathText(path);
}

/** A peer with only a known address. */
export function unresolved(address: string): PeerIdentity {
  return { address, instanceId: null, wireId: null };
}

/** The believed run of a peer. */
export interface Proof extends Mark {
  /** When its first heartbeat was believed, on our clock, like all instants here. */
  readonly sinceMs: number;
  /** When its last heartbeat with a recent echo arrived, and that heartbeat's sequence. */
  readonly freshAtMs: number;
  readonly freshSequence: number;
}

/** A run that has proved nothing yet: its highest sequence, when it was first heard, and when we last answered it. */
export interface Met extends Mark {
  readonly sinceMs: number;
  readonly answeredAtMs: number;
}

/** A peer with what its heartbeats said. */
export interface Peer extends PeerIdentity {
  /** When it was last heard, null when never. */
  readonly heardAtMs: number | null;
  /** False until heard, and again once silent for the dead time. */
  readonly alive: boolean;
  /** Start of its current or last life: heard since then without a pause of the dead time. Null when never heard. */
  readonly aliveSinceMs: number | null;
  /** Heartbeats since then, counted up to 3. */
  readonly beats: number;
  /** Whether it was ever heard steadily. Only then can it die, because a few heartbeats can be forged. */
  readonly lived: boolean;
  /** When it died after being heard steadily; old deaths are forgotten, see accept.ts. */
  readonly deathsAtMs: readonly number[];
  /** It died while we were in the peer list, so its silence means death and not that it does not know us. */
  readonly diedWhileListed: boolean;
  /** What it may know about us, the latest last, see standing.ts; empty before we spoke to it. */
  readonly knowsUs: readonly Standing[];
  /** As in its last heartbeat; 255 before. */
  readonly priority: number;
  /** Id in its last heartbeat, empty before. */
  readonly heardId: string;
  /** Trailer of its last heartbeat; null for a peer that speaks the original's format. */
  readonly trailer: Trailer | null;
  /**
   * Since when each of its heartbeats says that it does not hear us; null if it hears us or speaks the original's
   * format.
   */
  readonly notHearingUsSinceMs: number | null;
  /** What its signed heartbeats have proved, null when none was believed. Once set, its heartbeats must be signed. */
  readonly proof: Proof | null;
  /** Runs whose heartbeats had a valid signature but did not prove when they were made. */
  readonly met: readonly Met[];
}

/** A peer that was never heard. */
export function unheard(identity: PeerIdentity): Peer {
  return {
    ...identity,
    heardAtMs: null,
    alive: false,
    aliveSinceMs: null,
    beats: 0,
    lived: false,
    deathsAtMs: [],
    diedWhileListed: false,
    knowsUs: [],
    priority: LAST_PRIORITY,
    heardId: "",
    trailer: null,
    notHearingUsSinceMs: null,
    proof: null,
    met: [],
  };
}

/** The heartbeat that we echo to the peer, null when none with a valid signature came. */
export function echoFor({ proof, met }: Peer): Mark | null {
  const known = proof ?? met.at(-1);
  return known ? { run: known.run, sequence: known.sequence } : null;
}

/** The peer's path for a person: its network and its address. */
export function pathText(
  { network, address }: { readonly address: string; readonly network?: string | null | undefined },
): string {
  return network ? `${network} ${address}` : address;
}

/** The paths of each machine, in the order of their first one: a machine can be a peer at several addresses. */
export function byMachine<Path extends Pick<PeerIdentity, "address" | "instanceId">>(
  peers: Iterable<Path>,
): Path[][] {
  return [...Map.groupBy(peers, ({ instanceId, address }) => instanceId ?? address).values()];
}

/** Whether a machine is listed more than once, at different addresses. */
export function repeats(peers: readonly PeerIdentity[]): boolean {
  const ids = peers.flatMap(({ instanceId }) => instanceId ?? []);
  return new Set(ids).size < ids.length;
}

/** Whether the peer can be master now. */
export function eligible(peer: Peer): boolean {
  return peer.alive && !peer.trailer?.leaving && !peer.trailer?.unable;
}

/** Whether the peer is unhealthy. */
export function unhealthy({ trailer }: Peer): boolean {
  return trailer?.unhealthy === true;
}

/** Its configured priority. A peer that stands back advertises the last priority instead. */
export function ownPriorityOf({ priority, trailer }: Peer): number {
  return trailer?.ownPriority ?? priority;
}

/** Why it does not want to be master, in words; empty if it does, or speaks the original's format. */
export function standingBack({ priority, trailer }: Peer): string {
  if (trailer === null) return "";
  if (trailer.leaving) return "leaving";
  if (trailer.unable) return "cannot take the address";
  if (trailer.unhealthy) return "unhealthy";
  const back = priority === LAST_PRIORITY && trailer.ownPriority !== LAST_PRIORITY;
  return back ? "stands back" : "";
}

/**
 * A rank to compare with: the healthy before the unhealthy, a holder that keeps the address because of the move limit
 * before others, then priority, then (among equals, if exclusive) id.
 */
export interface Rank {
  readonly unhealthy: boolean;
  /** It advertises `BEST_PRIORITY` instead of its own, see moves.ts. */
  readonly keeps: boolean;
  readonly priority: number;
  readonly id: string;
}

/** What a node says of itself, or said for a while: its rank, and whether it holds. */
export interface Standing extends Rank {
  readonly holds: boolean;
  /** When that ended; Infinity while it is so. */
  readonly untilMs: number;
}

/** Whether `one` ranks before `other`. Equals rank before each other only when `exclusive`, by lower id. */
export function ranksBefore(one: Rank, other: Rank, exclusive: boolean): boolean {
  if (one.unhealthy !== other.unhealthy) return other.unhealthy;
  if (one.keeps !== other.keeps) return one.keeps;
  if (one.priority !== other.priority) return one.priority < other.priority;
  return exclusive && one.id < other.id;
}

/** Whether all but the id is equal. */
export function sameRank(one: Rank, other: Rank): boolean {
  return one.unhealthy === other.unhealthy && one.keeps === other.keeps &&
    one.priority === other.priority;
}

/**
 * The rank that a peer claims. All unhealthy nodes advertise the last priority and compare their own priorities. The
 * original's format has no flag for health, so a peer with the last priority counts as unhealthy: two nodes that each
 * took the other to be healthy would both make way.
 */
export function rankOf(peer: Peer): Rank {
  const { trailer, priority, heardId: id } = peer;
  if (trailer !== null) return claimOf({ ...trailer, priority }, id);
  return { unhealthy: priority === LAST_PRIORITY, keeps: false, priority, id };
}

/** The rank that an advert claims. */
export function claimOf(
  { unhealthy, priority, ownPriority }: Pick<Advert, "unhealthy" | "priority" | "ownPriority">,
  id: string,
): Rank {
  const keeps = !unhealthy && priority === BEST_PRIORITY && ownPriority !== BEST_PRIORITY;
  return { unhealthy, keeps, priority: unhealthy || keeps ? ownPriority : priority, id };
}

/** Whether the peer keeps the address because of the move limit. */
export function keepsAddress(peer: Peer): boolean {
  return peer.alive && rankOf(peer).keeps;
}
