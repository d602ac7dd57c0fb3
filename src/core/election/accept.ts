// Which heartbeats are accepted, and what one changes in what is known of its sender. `accept()` alone decides that and
// makes the only values that the step takes, so nothing behind it asks again. Whether a signature is right is found out
// in src/watch/authenticator.ts, what a right one proves in proof.ts.
import { deadTimeMs, deadTimeOfMs, deathAtMs, type Election, type Heard } from "./state.ts";
import { livesOn, remembered, steady } from "./life.ts";
import type { Trailer } from "../heartbeat.ts";
import type { Peer } from "./peer.ts";
import { doubtOf, type Measure, meet, prove } from "./proof.ts";
import { knownOnceHeard } from "./standing.ts";
import type { RejectReason } from "../registry/reject_reasons.ts";

/** No value has it: it keeps the compiler from taking any other object for one that `accept()` has made. */
declare const ACCEPTED: unique symbol;

/** A heartbeat that may be believed. Only `accept()` makes one. */
export interface Accepted extends Required<Heard> {
  readonly kind: "heard";
  /** Which machine the list had at that address. */
  readonly wireId: string | null;
  readonly [ACCEPTED]: true;
}

/** A heartbeat that must not be believed. */
export interface Rejected extends Required<Heard> {
  readonly kind: "rejected";
  readonly reason: RejectReason;
  /** With our answer the sender could prove itself. It gets one if its signature is right. */
  readonly answerDue: boolean;
}

/**
 * Accepts a heartbeat, or tells why not. The signature of one that is `signed` is taken to be right: this comes before
 * the check, which costs far more and which most rejected ones need not have.
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
  { peers, settings, selfId, run }: Election,
  { from, heartbeat, signed = false }: Heard,
  atMs: number,
): RejectReason | null {
  if (heartbeat.elasticIp !== settings.elasticIp) return "wrong-address";
  if (heartbeat.id === selfId) return "own-id";
  const peer = peers.get(from);
  if (!peer) return "unknown-source";
  if (peer.wireId !== null && heartbeat.id !== peer.wireId) return "wrong-id";
  const { trailer } = heartbeat;
  if (signed && trailer) {
    return doubtOf(peer.proof, trailer, measureOf(peer, { settings, run }, atMs));
  }
  // Who has signed once can sign: what comes without a tag is another's.
  if (peer.proof !== null) return "unsigned";
  // Much older than the last one means a restart with another clock, not a late datagram.
  const lagMs = lagBehind(peer.trailer, trailer);
  return lagMs >= 0 && lagMs < deadTimeMs(settings) ? "reordered" : null;
}

/** What the signed heartbeats of that peer are measured with. */
function measureOf(
  peer: Peer,
  { settings, run }: Pick<Election, "settings" | "run">,
  atMs: number,
): Measure {
  return { selfRun: run, atMs, deadMs: deadTimeOfMs(peer, settings) };
}

/** How much older the second is, negative when it is not; where nobody checks tags both may be signed, or one. */
function lagBehind(before: Trailer | null, now: Trailer | null): number {
  if (before === null || now === null || before.stamp?.run !== now.stamp?.run) return -Infinity;
  return (before.sequence - now.sequence) / (now.stamp === null ? 1 : 1_000);
}

/** The state with the heartbeat noted, and nothing concluded from it. */
export function hear(
  state: Election,
  { from, heartbeat, signed, wireId }: Accepted,
  atMs: number,
): Election {
  const known = state.peers.get(from);
  // While its signature was checked the list may have changed: this was said by the machine that was there before.
  if (known === undefined || known.wireId !== wireId) return state;
  if (signed && overtaken(known, heartbeat.trailer, measureOf(known, state, atMs))) return state;
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
  // In a hold-off nobody is judged: the pause counts all the same.
  const goesOn = known.alive && atMs < deathAtMs(known, state);
  const life = livesOn(known, { goesOn, atMs });
  const knowsUs = knownOnceHeard(known, state.settings, atMs);
  const heard = { ...known, heardAtMs: atMs, alive: true, ...life, knowsUs, ...said };
  const peer = aged(heard, state, atMs);
  return { ...state, peers: new Map(state.peers).set(from, peer) };
}

/** Whether, while its signature was checked, another one came that makes it old: a copy of it, or a later one. */
function overtaken({ proof }: Peer, trailer: Trailer | null, measure: Measure): boolean {
  return trailer !== null && doubtOf(proof, trailer, measure) !== null;
}

/** A signed heartbeat may have been sent to another node: only one that echoes our run says whether it hears us. */
function addressedToUs(trailer: Trailer | null, known: Peer, { run }: Election): Trailer | null {
  if (trailer === null || trailer.stamp?.echo?.run === run) return trailer;
  const { hearsYou = true } = known.trailer ?? {};
  return { ...trailer, hearsYou };
}

/** The peer with what follows from how long it has lived. */
function aged(before: Peer, state: Election, atMs: number): Peer {
  const deathsAtMs = remembered(before, state, atMs);
  const peer = deathsAtMs === before.deathsAtMs ? before : { ...before, deathsAtMs };
  return !peer.lived && steady(peer, state) ? { ...peer, lived: true } : peer;
}

/** The state with a heartbeat noted that has a right tag and is unproven; the same one when it is not answered. */
export function meetUnproven(state: Election, { from, heartbeat }: Heard, atMs: number): Election {
  const known = state.peers.get(from);
  if (!known || heartbeat.trailer === null) return state;
  const { intervalMs } = state.settings;
  const met = meet(known.met, heartbeat.trailer, { intervalMs, atMs });
  return met === known.met
    ? state
    : { ...state, peers: new Map(state.peers).set(from, { ...known, met }) };
}

/** The state with the peer, if it lives, known to live at that instant, and nothing else. */
export function touch(state: Election, from: string, atMs: number): Election {
  const peer = state.peers.get(from);
  if (!peer?.alive) return state;
  return { ...state, peers: new Map(state.peers).set(from, { ...peer, heardAtMs: atMs }) };
}

/** Whether it says what the peer's last one said, so that nothing follows from it but that the peer lives. */
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
