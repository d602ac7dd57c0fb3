// What a signed heartbeat proves about when it was made. A valid signature proves only that a node made it: it may be a
// recording that is sent again, later, or to another node. No wall clocks are compared.
//
// Each process draws a random run number, and each heartbeat names the latest heartbeat that its sender heard from the
// receiver: the echo. A heartbeat that echoes our run was made after we sent the echoed one, so our own clock bounds
// its age. Such a heartbeat makes its run believed. From then on the run's sequences must rise, and a heartbeat without
// a recent echo (the peer may not hear us) may lag our clock by LATE_MS at most. A new run replaces the believed one
// only if it echoes a heartbeat that we sent after we began to believe the old one. An earlier process had ended by
// then and cannot have heard it, so no recording replaces the live process.
import type { Trailer } from "../heartbeat.ts";
import { pathsOf } from "./machines.ts";
import type { Met, Peer, Proof } from "./peer.ts";

/** How far a heartbeat without a recent echo may lag our clock, in addition to the dead time. */
export const LATE_MS = 60_000;
/** Share by which slewed clocks may drift apart while a peer does not hear us. */
const DRIFT = 0.001;
/** A burst of heartbeats is numbered ahead of the clock: 1000 sequences are one millisecond. */
const BURST_MS = 1;
/** Most unproven runs that are remembered: more than restarts cause, and a bound for recordings. */
export const RUNS_MAX = 8;

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

type Paths = Parameters<typeof pathsOf>[1];

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
