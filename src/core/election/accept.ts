// Which heartbeats are accepted, what a right signature proves, and what an accepted heartbeat changes about its
// sender. Only `accept()` decides, and the step takes only what `accept()` returns, so no later code checks again.
// src/watch/receiver.ts checks signatures.
import {
  aheadMs,
  deadTimeMs,
  deadTimeOfMs,
  knownOnceHeard,
  livesOn,
  type Met,
  type Paths,
  pathsOf,
  type Peer,
  type Proof,
  remembered,
  steady,
} from "./peer.ts";
import { deathAtMs, type Election, type Heard } from "./state.ts";
import type { Trailer } from "../heartbeat.ts";
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
  const lagMs = aheadMs(peer.trailer, trailer) ?? -Infinity;
  return lagMs >= 0 && lagMs < deadTimeMs(settings) ? "reordered" : null;
}

function measureOf(
  peer: Peer,
  { settings, run }: Pick<Election, "settings" | "run">,
  atMs: number,
): Measure {
  return { selfRun: run, atMs, deadMs: deadTimeOfMs(peer, settings) };
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

// What a signed heartbeat proves about when it was made. A valid signature proves only that a node made it: it may be a
// recording that is sent again, later, or to another node. No wall clocks are compared.
//
// Each process draws a random run number, and each heartbeat names the latest heartbeat that its sender heard from the
// receiver: the echo. A heartbeat that echoes our run was made after we sent the echoed one, so our own clock bounds
// its age. Such a heartbeat makes its run believed. From then on the run's sequences must rise, and a heartbeat without
// a recent echo (the peer may not hear us) may lag our clock by LATE_MS at most. A new run replaces the believed one
// only if it echoes a heartbeat that we sent after we began to believe the old one. An earlier process had ended by
// then and cannot have heard it, so no recording replaces the live process.

/** How far a heartbeat without a recent echo may lag our clock, in addition to the dead time. */
const LATE_MS = 60_000;
/** Share by which slewed clocks may drift apart while a peer does not hear us. */
const DRIFT = 0.001;
/** A burst of heartbeats is numbered ahead of the clock: 1000 sequences are one millisecond. */
const BURST_MS = 1;
/** Most unproven runs that are remembered: more than restarts cause, and a bound for recordings. */
const RUNS_MAX = 8;

/** What a heartbeat's age is checked against. */
export interface Measure {
  /** Our own run, null when we do not sign. */
  readonly selfRun: bigint | null;
  readonly atMs: number;
  /** The peer's dead time. */
  readonly deadMs: number;
}

/** Greatest age of a recent echo: a peer sends once per interval, and some of our heartbeats may be lost. */
function recentMs(deadMs: number): number {
  return 2 * deadMs + 1_000;
}

/** Why a heartbeat with a valid signature must not be believed, null when it may. */
export function doubtOf(
  proof: Proof | null,
  trailer: Trailer,
  measure: Measure,
): "replayed" | "unproven" | null {
  const { atMs, deadMs } = measure;
  const echoedAtMs = recentEchoAt(trailer, measure);
  if (proof === null || trailer.stamp?.run !== proof.run) {
    return echoedAtMs !== null && echoedAtMs > (proof?.sinceMs ?? -Infinity) ? null : "unproven";
  }
  if (trailer.sequence <= proof.sequence) return "replayed";
  const lateMs = latenessMs(proof, trailer.sequence, atMs);
  const mostMs = LATE_MS + deadMs + DRIFT * (atMs - proof.freshAtMs);
  return echoedAtMs !== null || lateMs <= mostMs ? null : "unproven";
}

/** The proof after a believed heartbeat. */
export function prove(proof: Proof | null, trailer: Trailer, measure: Measure): Proof | null {
  const { stamp, sequence } = trailer;
  if (stamp === null) return proof;
  const { atMs } = measure;
  const now = { run: stamp.run, sequence, freshAtMs: atMs, freshSequence: sequence };
  if (proof?.run !== stamp.run) return { ...now, sinceMs: atMs };
  const fresh = recentEchoAt(trailer, measure) !== null;
  // It is ahead of our clock because our clock ran slower, or stood still while we slept.
  const ahead = latenessMs(proof, sequence, atMs) < 0;
  return fresh || ahead ? { ...now, sinceMs: proof.sinceMs } : { ...proof, sequence };
}

/** When we sent the echoed heartbeat; null when this process did not send it, or it is not recent. */
export function recentEchoAt(
  { stamp }: Pick<Trailer, "stamp">,
  { selfRun, atMs, deadMs }: Measure,
): number | null {
  const echo = stamp?.echo ?? null;
  if (echo === null || echo.run !== selfRun) return null;
  const echoedAtMs = echo.sequence / 1_000;
  const possible = echoedAtMs <= atMs + BURST_MS;
  return possible && atMs - echoedAtMs <= recentMs(deadMs) ? echoedAtMs : null;
}

/** How much more time has passed on our clock than on the peer's since the last recent echo. */
function latenessMs(proof: Proof, sequence: number, atMs: number): number {
  return atMs - proof.freshAtMs - (sequence - proof.freshSequence) / 1_000;
}

/**
 * Adds a run to the unproven ones. A live process proves itself with our answer, so each run is answered at once, but
 * at most twice per interval. Returns the same list if it is too early or there are too many runs.
 */
export function meet(
  met: readonly Met[],
  { stamp, sequence }: Trailer,
  { intervalMs, atMs }: { intervalMs: number; atMs: number },
): readonly Met[] {
  if (stamp === null) return met;
  const { run } = stamp;
  const rested = ({ answeredAtMs }: Met) => atMs >= answeredAtMs + intervalMs / 2;
  const known = met.find((each) => each.run === run);
  if (known && !rested(known)) return met;
  const others = met.filter((each) => each !== known);
  const oldest = others.find(rested);
  if (others.length >= RUNS_MAX && !oldest) return met;
  const kept = others.length >= RUNS_MAX ? others.filter((each) => each !== oldest) : others;
  const sinceMs = known?.sinceMs ?? atMs;
  const most = Math.max(sequence, known?.sequence ?? 0);
  return [...kept, { run, sequence: most, sinceMs, answeredAtMs: atMs }];
}

// What the other paths to a machine say about a heartbeat on one path. A signed heartbeat does not name the path that
// it was made for, and each path has numbers of its own. Without this, somebody who cuts one path could send there what
// was recorded on the other one: old words of a live machine, and signs of life of a dead one.

/** Why a signed heartbeat must not be believed, by what all paths to its sender have proved; null when it may. */
export function doubtOnAnyPath(
  peer: Peer,
  state: Paths,
  { trailer, measure }: { trailer: Trailer; measure: Measure },
): "replayed" | "unproven" | null {
  const doubt = doubtOf(peer.proof, trailer, measure);
  if (doubt !== null || !state.repeated) return doubt;
  const newest = newestProof(pathsOf(peer, state));
  if (newest === null) return null;
  if (trailer.stamp?.run === newest.run) {
    // The paths may delay differently, but not by more than the dead time.
    return trailer.sequence < newest.sequence - measure.deadMs * 1_000 ? "replayed" : null;
  }
  // A process that began after the newest believed one echoes what we sent since then.
  const echoedAtMs = recentEchoAt(trailer, measure);
  return echoedAtMs !== null && echoedAtMs > newest.sinceMs ? null : "unproven";
}

/** Whether the sender has signed on any path: then it always signs. */
export function signsOnAnyPath(peer: Peer, state: Paths): boolean {
  return pathsOf(peer, state).some(({ proof }) => proof !== null);
}

/** The proof of the machine's latest process: its latest start, then its highest number. */
function newestProof(paths: readonly Peer[]): Proof | null {
  return paths.map(({ proof }) => proof).reduce((newest, proof) => {
    if (newest === null || proof === null) return newest ?? proof;
    if (proof.run === newest.run) return proof.sequence > newest.sequence ? proof : newest;
    return proof.sinceMs > newest.sinceMs ? proof : newest;
  }, null);
}
