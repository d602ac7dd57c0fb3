// A peer as the election sees it: its rank, when its silence means death, how long it has lived, the machine behind its
// addresses, and what it may know of this node.
import type { Advert, Mark, Trailer } from "../heartbeat.ts";

/** Advertised by a node that must not win: the worst there is, for original nodes, too. */
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

/** The peer's path for a person: its network and its address. */
export function pathText(
  { network, address }: { readonly address: string; readonly network?: string | null | undefined },
): string {
  return network ? `${network} ${address}` : address;
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
  /** When it died after being heard steadily; old deaths are forgotten, see `remembered`. */
  readonly deathsAtMs: readonly number[];
  /** It died while we were in the peer list, so its silence means death and not that it does not know us. */
  readonly diedWhileListed: boolean;
  /** What it may know about us, the latest last, see `told`; empty before we spoke to it. */
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

// Ranks: who goes before whom. Lower priority wins. A node that is leaving or unable is ineligible, and goes before no
// eligible one, with one exception (see `goesBefore` in state.ts).

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

// The dead time: when the silence of a peer means death.

/** What says after which silence a peer is dead; part of the election's settings. */
export interface Timing {
  /** Time between heartbeats. */
  readonly intervalMs: number;
  /** Intervals of silence after which a peer is dead. */
  readonly deadRatio: number;
}

/** Silence after which a peer is dead. Source: exoip engine.go, PeerIsNewlyDead. */
export function deadTimeMs(
  { intervalMs, deadRatio }: Timing,
): number {
  return intervalMs * deadRatio;
}

/** Longest peer interval that is believed: one forged datagram must not keep a dead peer alive for hours. */
export const THEIR_INTERVAL_MAX_MS = 10_000;

/** The dead time of one peer. It follows the slower of its interval and ours, which should be equal. */
export function deadTimeOfMs(
  peer: Pick<Peer, "trailer">,
  settings: Timing,
): number {
  return slowerIntervalMs(peer, settings) * settings.deadRatio;
}

/** The longer of our interval and the peer's. */
export function slowerIntervalMs(
  { trailer }: Pick<Peer, "trailer">,
  { intervalMs }: Pick<Timing, "intervalMs">,
): number {
  const theirsMs = Math.min(trailer?.intervalMs ?? 0, THEIR_INTERVAL_MAX_MS);
  // Heartbeats encode an interval within 4 %, so a nearly equal one counts as ours.
  return theirsMs > intervalMs * 1.05 ? theirsMs : intervalMs;
}

// How long a peer has lived, judged by its heartbeats. Without a secret, anybody who can send from its address can
// forge a few, so a peer that was heard only for a moment does not count as alive: nobody gives the address up for it,
// and it neither starts nor ends an eviction.
//
// This doubt must stay short, because a holder that dies before it counts as alive keeps the address. So a peer counts
// from its third heartbeat on, which any real peer sends before it can attach. The first death does not change that: if
// a machine crashes, comes back and crashes again, failover is as fast the second time. From then on the time doubles
// with each death. A death is forgotten after a while even if the machine keeps dying now and then.

/** Consecutive heartbeats that make a life, with at most DEATHS_FREE remembered deaths. */
const BEATS = 3, DEATHS_FREE = 1;
/** Intervals over which they must be spread at least: the third follows the first after two, give or take a delay. */
const SPREAD = 1.5;
/** Each further death doubles the time that a life must last, at most this many times. */
const DOUBLINGS_MAX = 5;
/** Deaths are remembered for this many dead times. */
const MEMORY = 64;

/** Counts a heartbeat of a peer; `goesOn` if the peer was alive until now. */
export function livesOn(
  { beats, aliveSinceMs }: Pick<Peer, "beats" | "aliveSinceMs">,
  { goesOn, atMs }: { goesOn: boolean; atMs: number },
): Pick<Peer, "beats" | "aliveSinceMs"> {
  return goesOn
    ? { beats: Math.min(beats + 1, BEATS), aliveSinceMs }
    : { beats: 1, aliveSinceMs: atMs };
}

/**
 * Whether the peer is heard steadily: three consecutive heartbeats and, from the second death on, for two dead times,
 * then four, up to 32. A peer that has proved its signature is steady from its first heartbeat on.
 */
export function steady(peer: Peer, { settings }: { readonly settings: Timing }): boolean {
  const { alive, proof, heardAtMs, aliveSinceMs, beats, deathsAtMs } = peer;
  if (!alive || heardAtMs === null || aliveSinceMs === null) return false;
  if (proof !== null) return true;
  const doublings = Math.min(deathsAtMs.length - DEATHS_FREE, DOUBLINGS_MAX);
  const trialMs = doublings > 0
    ? deadTimeOfMs(peer, settings) * 2 ** doublings
    : slowerIntervalMs(peer, settings) * SPREAD;
  return beats >= BEATS && heardAtMs - aliveSinceMs >= trialMs;
}

/** The peer's deaths without old ones; the same list if none is old. */
export function remembered(
  peer: Peer,
  { settings }: { readonly settings: Timing },
  atMs: number,
): readonly number[] {
  const sinceMs = atMs - MEMORY * deadTimeOfMs(peer, settings);
  const { deathsAtMs } = peer;
  return deathsAtMs.some((each) => each <= sinceMs)
    ? deathsAtMs.filter((each) => each > sinceMs)
    : deathsAtMs;
}

/** The peer's deaths with a new one, if it was steady; only as many as count are kept. */
export function withDeath(
  peer: Peer,
  state: { readonly settings: Timing },
  atMs: number,
): readonly number[] {
  const { deathsAtMs } = peer;
  return steady(peer, state)
    ? [...deathsAtMs, atMs].slice(-(DEATHS_FREE + DOUBLINGS_MAX))
    : deathsAtMs;
}

// The machines behind the peers. A machine that is reachable at several addresses, as on a public and a private
// network, is a peer at each of them: it has several paths. All decisions are about machines: a machine lives while it
// is heard on any path, and it says what it said last, on whichever path that came.

/** The peers by address. */
export type Paths = { readonly peers: ReadonlyMap<string, Peer>; readonly repeated: boolean };

/** How much older by its number the second heartbeat may be, in ms, before its sender must have restarted. */
const RESTARTED_MS = 10_000;

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

/** One peer for each machine, with what is known of it on all its paths. */
export function machinesOf({ peers: all, repeated }: Paths): readonly Peer[] {
  const peers = [...all.values()];
  if (!repeated) return peers;
  return byMachine(peers).map(merged);
}

/** The machine that is the peer at that address. */
export function machineOf(peer: Peer, state: Paths): Peer {
  const paths = pathsOf(peer, state);
  return paths.length === 1 ? peer : merged(paths);
}

/** All paths to the machine of that peer. */
export function pathsOf(peer: Peer, { peers, repeated }: Paths): readonly Peer[] {
  if (!repeated || peer.instanceId === null) return [peer];
  return [...peers.values()].filter(({ instanceId }) => instanceId === peer.instanceId);
}

/** Whether the machine of that peer is heard on another path. */
export function livesElsewhere(peer: Peer, state: Paths): boolean {
  return pathsOf(peer, state).some(({ address, alive }) => alive && address !== peer.address);
}

function merged(paths: readonly Peer[]): Peer {
  const live = paths.filter(({ alive }) => alive);
  const known = live.length > 0 ? live : paths;
  const last = known.reduce((one, other) => saidLater(other, one) ? other : one);
  const longest = known.reduce((one, other) => steadier(other, one) ? other : one);
  const heardAtMs = latest(known);
  // The proved life is the longest.
  const { aliveSinceMs, beats, proof } = longest;
  return {
    ...last,
    heardAtMs,
    aliveSinceMs: heardAtMs === null || aliveSinceMs === null ? null : heardAtMs - lifeMs(longest),
    beats,
    proof,
    // A peer of an earlier version says of each path whether it hears us there.
    notHearingUsSinceMs: known.some(({ notHearingUsSinceMs }) => notHearingUsSinceMs === null)
      ? null
      : last.notHearingUsSinceMs,
    lived: paths.some(({ lived }) => lived),
    deathsAtMs: paths.reduce(
      (most: readonly number[], { deathsAtMs }) =>
        deathsAtMs.length > most.length ? deathsAtMs : most,
      [],
    ),
    knowsUs: last.knowsUs.length > 0
      ? last.knowsUs
      : paths.find(({ knowsUs }) => knowsUs.length > 0)?.knowsUs ?? [],
  };
}

function latest(peers: readonly Peer[]): number | null {
  const times = peers.flatMap(({ heardAtMs }) => heardAtMs ?? []);
  return times.length > 0 ? Math.max(...times) : null;
}

/** Whether `one` brought the machine's later words: by their numbers, else by when they came. */
function saidLater(one: Peer, other: Peer): boolean {
  const [at, otherAt] = [one.heardAtMs ?? -Infinity, other.heardAtMs ?? -Infinity];
  const ms = aheadMs(one.trailer, other.trailer);
  // A process that was restarted with another clock numbers otherwise.
  return ms === null || ms === 0 || Math.abs(ms) > RESTARTED_MS ? at > otherAt : ms > 0;
}

/** How much later by its number the first one was sent, in ms; null when they cannot be compared. */
export function aheadMs(one: Trailer | null, other: Trailer | null): number | null {
  if (one === null || other === null || one.stamp?.run !== other.stamp?.run) return null;
  return (one.sequence - other.sequence) / (one.stamp === null ? 1 : 1_000);
}

/** Whether the life of `one` proves more: its signature, then its heartbeats, then its length. */
function steadier(one: Peer, other: Peer): boolean {
  const [proved, otherProved] = [one.proof !== null, other.proof !== null];
  if (proved !== otherProved) return proved;
  if (one.beats !== other.beats) return one.beats > other.beats;
  return lifeMs(one) > lifeMs(other);
}

function lifeMs({ heardAtMs, aliveSinceMs }: Peer): number {
  return (heardAtMs ?? 0) - (aliveSinceMs ?? 0);
}

// What a peer may know of this node. Two halves of a network that cannot hear each other take turns by what they know
// of each other (`taking` in desired_state.ts). So each must allow for all that the other may go by: not only what this
// node tells now, but also what it told while its last heartbeats may have been lost, and since the other one spoke.
// Then no pair of views puts both first, and none puts both second: a node that may be either waits for longer still.

/** What a node says of itself, or said for a while: its rank, and whether it holds. */
export interface Standing extends Rank {
  readonly holds: boolean;
  /** When that ended; Infinity while it is so. */
  readonly untilMs: number;
}

/** More changes than this within a dead time are not kept apart: the oldest are forgotten. */
const STANDINGS_MAX = 8;

/** The peer after a heartbeat of ours to it; the same one when that says nothing new. */
export function told(
  peer: Peer,
  { priority, ownPriority, unhealthy, holds }: Advert,
  { id, atMs }: { id: string; atMs: number },
): Peer {
  const now = { ...claimOf({ priority, ownPriority, unhealthy }, id), holds };
  const last = peer.knowsUs.at(-1);
  if (last && sameStanding(last, now)) return peer;
  const past = peer.knowsUs.map((each) =>
    each.untilMs === Infinity ? { ...each, untilMs: atMs } : each
  );
  const knowsUs = [...past, { ...now, untilMs: Infinity }].slice(-STANDINGS_MAX);
  return { ...peer, knowsUs };
}

/**
 * What a peer that is heard now may go by: all that it was told within its dead time, because the latest heartbeats may
 * have been lost or still be on their way. The same list when that is all of it.
 */
export function knownOnceHeard(
  peer: Pick<Peer, "knowsUs" | "trailer">,
  settings: Timing,
  atMs: number,
): readonly Standing[] {
  const { knowsUs } = peer;
  const sinceMs = atMs - deadTimeOfMs(peer, settings);
  if (knowsUs.every(({ untilMs }) => untilMs > sinceMs)) return knowsUs;
  return knowsUs.filter(({ untilMs }) => untilMs > sinceMs);
}

function sameStanding(one: Omit<Standing, "untilMs">, other: Omit<Standing, "untilMs">): boolean {
  return sameRank(one, other) && one.id === other.id && one.holds === other.holds;
}
