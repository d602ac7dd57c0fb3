// Which heartbeats are accepted, and what an accepted one changes about its sender: what it says, and how long it has
// lived. Only `accept()` decides, and the step takes only what `accept()` returns, so no later code checks again.
// src/watch/receiver.ts checks signatures; proof.ts says what a right signature proves.
import {
  deadTimeMs,
  deadTimeOfMs,
  deathAtMs,
  type Election,
  type Heard,
  slowerIntervalMs,
} from "./state.ts";
import type { Trailer } from "../heartbeat.ts";
import type { Peer } from "./peer.ts";
import { doubtOnAnyPath, type Measure, meet, prove, signsOnAnyPath } from "./proof.ts";
import { knownOnceHeard } from "./standing.ts";
import type { RejectReason } from "../registry/reject_reasons.ts";

/** A type-only brand: the compiler rejects any `Accepted` that `accept()` did not make. */
declare const ACCEPTED: unique symbol;

/** A heartbeat that may be believed. Only `accept()` makes one. */
export interface Accepted extends Required<Heard> {
  readonly kind: "heard";
  /** The wire id that the peer list had for that address. */
  readonly wireId: string | null;
  readonly [ACCEPTED]: true;
}

/** A heartbeat that must not be believed. */
export interface Rejected extends Required<Heard> {
  readonly kind: "rejected";
  readonly reason: RejectReason;
  /** An answer from us would let the sender prove itself. We send one if its signature is right. */
  readonly answerDue: boolean;
}

/**
 * Accepts a heartbeat, or says why not. If it is `signed`, its signature is assumed to be right: the check of the
 * signature costs far more, so it comes after this and most rejected heartbeats never need it.
 */
export function accept(state: Election, heard: Heard, atMs: number): Accepted | Rejected {
  const { from, heartbeat, signed = false } = heard;
  const reason = rejectionOf(state, heard, atMs);
  if (reason !== null) {
    const answerDue = reason === "unproven" && meetUnproven(state, heard, atMs) !== state;
    return { kind: "rejected", from, heartbeat, signed, reason, answerDue };
  }
  const wireId = state.peers.get(from)?.wireId ?? null;
  return { kind: "heard", from, heartbeat, signed, wireId } as Accepted;
}

function rejectionOf(
  state: Election,
  { from, heartbeat, signed = false }: Heard,
  atMs: number,
): RejectReason | null {
  const { peers, settings, selfId } = state;
  if (heartbeat.elasticIp !== settings.elasticIp) return "wrong-address";
  if (heartbeat.id === selfId) return "own-id";
  const peer = peers.get(from);
  if (!peer) return "unknown-source";
  if (peer.wireId !== null && heartbeat.id !== peer.wireId) return "wrong-id";
  const { trailer } = heartbeat;
  if (signed && trailer) {
    return doubtOnAnyPath(peer, state, { trailer, measure: measureOf(peer, state, atMs) });
  }
  // A peer that has signed once always signs, so an unsigned heartbeat is someone else's.
  if (signsOnAnyPath(peer, state)) return "unsigned";
  // Much older than the last one means a restart with another clock, not a late datagram.
  const lagMs = lagBehind(peer.trailer, trailer);
  return lagMs >= 0 && lagMs < deadTimeMs(settings) ? "reordered" : null;
}

function measureOf(
  peer: Peer,
  { settings, run }: Pick<Election, "settings" | "run">,
  atMs: number,
): Measure {
  return { selfRun: run, atMs, deadMs: deadTimeOfMs(peer, settings) };
}

/**
 * How much older the second one is, in ms; negative if it is newer. Without a secret we do not check signatures, so
 * either may be signed.
 */
function lagBehind(before: Trailer | null, now: Trailer | null): number {
  if (before === null || now === null || before.stamp?.run !== now.stamp?.run) return -Infinity;
  return (before.sequence - now.sequence) / (now.stamp === null ? 1 : 1_000);
}

/** Notes the heartbeat without deciding anything. */
export function hear(
  state: Election,
  { from, heartbeat, signed, wireId }: Accepted,
  atMs: number,
): Election {
  const known = state.peers.get(from);
  // The peer list may have changed during the signature check: the machine that sent this is then no longer at that
  // address.
  if (known === undefined || known.wireId !== wireId || heartbeat.id === state.selfId) return state;
  if (signed && overtaken(known, heartbeat.trailer, state, atMs)) return state;
  const { priority, id: heardId } = heartbeat;
  const trailer = signed ? addressedToUs(heartbeat.trailer, known, state) : heartbeat.trailer;
  const notHearingUsBeforeMs = known.alive ? known.notHearingUsSinceMs : null;
  const notHearingUsSinceMs = trailer && !trailer.hearsYou ? notHearingUsBeforeMs ?? atMs : null;
  const proof = signed && trailer
    ? prove(known.proof, trailer, measureOf(known, state, atMs))
    : known.proof;
  const proved = proof?.run !== known.proof?.run;
  const met = proved ? known.met.filter(({ run }) => run !== proof?.run) : known.met;
  const said = { priority, heardId, trailer, notHearingUsSinceMs, proof, met };
  // During a hold-off a silent peer is still marked alive, but its pause ends its life all the same.
  const goesOn = known.alive && atMs < deathAtMs(known, state);
  const life = livesOn(known, { goesOn, atMs });
  const knowsUs = knownOnceHeard(known, state.settings, atMs);
  const heard = { ...known, heardAtMs: atMs, alive: true, ...life, knowsUs, ...said };
  const peer = aged(heard, state, atMs);
  return { ...state, peers: new Map(state.peers).set(from, peer) };
}

/** Whether a copy of it, or a later heartbeat, arrived during the check of its signature. */
function overtaken(
  known: Peer,
  trailer: Trailer | null,
  state: Election,
  atMs: number,
): boolean {
  const measure = measureOf(known, state, atMs);
  return trailer !== null && doubtOnAnyPath(known, state, { trailer, measure }) !== null;
}

/** A signed heartbeat may have been sent to another node, so its `hearsYou` counts only if it echoes our run. */
function addressedToUs(trailer: Trailer | null, known: Peer, { run }: Election): Trailer | null {
  if (trailer === null || trailer.stamp?.echo?.run === run) return trailer;
  const { hearsYou = true } = known.trailer ?? {};
  return { ...trailer, hearsYou };
}

/** The peer with its remembered deaths and `lived` updated. */
function aged(before: Peer, state: Election, atMs: number): Peer {
  const deathsAtMs = remembered(before, state, atMs);
  const peer = deathsAtMs === before.deathsAtMs ? before : { ...before, deathsAtMs };
  return !peer.lived && steady(peer, state) ? { ...peer, lived: true } : peer;
}

/** Notes a heartbeat with a valid signature but without proof; returns the same state if it gets no answer. */
export function meetUnproven(state: Election, { from, heartbeat }: Heard, atMs: number): Election {
  const known = state.peers.get(from);
  if (!known || heartbeat.trailer === null) return state;
  const { intervalMs } = state.settings;
  const met = meet(known.met, heartbeat.trailer, { intervalMs, atMs });
  return met === known.met
    ? state
    : { ...state, peers: new Map(state.peers).set(from, { ...known, met }) };
}

/** Notes that a live peer was heard, and nothing else. */
export function touch(state: Election, from: string, atMs: number): Election {
  const peer = state.peers.get(from);
  if (!peer?.alive) return state;
  return { ...state, peers: new Map(state.peers).set(from, { ...peer, heardAtMs: atMs }) };
}

/** Whether it repeats the peer's last heartbeat, so that it only shows that the peer lives. */
export function saysNothingNew(
  state: Election,
  { from, heartbeat, signed }: Accepted,
): boolean {
  const peer = state.peers.get(from);
  if (!peer?.alive || peer.notHearingUsSinceMs !== null || !steady(peer, state)) return false;
  if (signed && heartbeat.trailer?.stamp?.run !== peer.proof?.run) return false;
  const { priority, id, trailer } = heartbeat;
  return priority === peer.priority && id === peer.heardId && sameFlags(trailer, peer.trailer);
}

function sameFlags(one: Trailer | null, other: Trailer | null): boolean {
  if (one === null || other === null) return one === other;
  return one.holds === other.holds && one.leaving === other.leaving &&
    one.unable === other.unable && one.unhealthy === other.unhealthy &&
    one.ownPriority === other.ownPriority && one.intervalMs === other.intervalMs &&
    one.hearsYou && other.hearsYou;
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
export function steady(peer: Peer, { settings }: Pick<Election, "settings">): boolean {
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
  { settings }: Pick<Election, "settings">,
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
  state: Pick<Election, "settings">,
  atMs: number,
): readonly number[] {
  const { deathsAtMs } = peer;
  return steady(peer, state)
    ? [...deathsAtMs, atMs].slice(-(DEATHS_FREE + DOUBLINGS_MAX))
    : deathsAtMs;
}
