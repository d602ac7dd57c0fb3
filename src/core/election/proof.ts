// What a signed heartbeat proves of the time at which it was made. A right tag proves only that a node has made it: it
// may have been recorded, and be sent again, later, or to another node. No wall clock is compared.
//
// Each process draws a random run number, and each heartbeat repeats to its receiver the latest one that the sender has
// heard from it: the echo. A heartbeat that echoes our run was made after we sent what it echoes, so its age has a
// bound by our own clock. A run is believed after such a heartbeat; then its sequences must rise, and a heartbeat that
// echoes nothing recent (the peer may not hear us) may lie behind our clock by LATE_MS at the most. Another run takes
// the place of the one that is believed only by an echo of what we sent after we had believed that one: the process
// before it was over then, and cannot have heard it. So no recording pushes out the process that lives.
import type { Mark, Trailer } from "../heartbeat.ts";

/** How far a heartbeat without a recent echo may lie behind, beside the dead time. */
export const LATE_MS = 60_000;
/** Clocks that are slewed may run apart by this share while a peer does not hear us. */
const DRIFT = 0.001;
/** Many heartbeats that leave at once are numbered ahead of the clock, 1000 in a millisecond. */
const BURST_MS = 1;
/** Runs that are remembered although they have proved nothing: more than restarts make, and a bound for recordings. */
export const RUNS_MAX = 8;

/** The run of a peer that is believed. */
export interface Proof extends Mark {
  /** When its first heartbeat was believed, on our clock as all instants here. */
  readonly sinceMs: number;
  /** When its last heartbeat with a recent echo came, and the sequence of that one. */
  readonly freshAtMs: number;
  readonly freshSequence: number;
}

/** A run that has proved nothing yet: its highest sequence, when it was met, and when it was last answered. */
export interface Met extends Mark {
  readonly sinceMs: number;
  readonly answeredAtMs: number;
}

/** What a heartbeat is measured with. */
export interface Measure {
  /** Our own run, null when we do not sign. */
  readonly selfRun: bigint | null;
  readonly atMs: number;
  /** After which the peer counts as dead. */
  readonly deadMs: number;
}

/** The oldest age of an echo that is recent: a peer speaks once in an interval, and may lose some of ours. */
function recentMs(deadMs: number): number {
  return 2 * deadMs + 1_000;
}

/** Why a heartbeat with a right tag must not be believed, null when it may. */
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

/** What is proved after a heartbeat that was believed. */
export function prove(proof: Proof | null, trailer: Trailer, measure: Measure): Proof | null {
  const { stamp, sequence } = trailer;
  if (stamp === null) return proof;
  const { atMs } = measure;
  const now = { run: stamp.run, sequence, freshAtMs: atMs, freshSequence: sequence };
  if (proof?.run !== stamp.run) return { ...now, sinceMs: atMs };
  const fresh = recentEchoAt(trailer, measure) !== null;
  // Ahead of our clock: it ran slower, or stood still while we slept. The heartbeat is not from the future.
  const ahead = latenessMs(proof, sequence, atMs) < 0;
  return fresh || ahead ? { ...now, sinceMs: proof.sinceMs } : { ...proof, sequence };
}

/** When we sent what the heartbeat echoes; null when that was not this process, or is not recent. */
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

/** By how much more time has passed here than there since the last recent echo. */
function latenessMs(proof: Proof, sequence: number, atMs: number): number {
  return atMs - proof.freshAtMs - (sequence - proof.freshSequence) / 1_000;
}

/**
 * The runs that were met, with that one. A live process proves itself with what it is answered, so each run is answered
 * at once, but twice in an interval at the most: the same list when that is too early, or too many ask.
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
