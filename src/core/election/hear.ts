// What a heartbeat changes in what is known of its sender; nothing is concluded from it here.
import { deathAtMs, type Election, type Heard, selfRank } from "./state.ts";
import { livesOn, remembered, steady } from "./life.ts";
import type { Trailer } from "../heartbeat.ts";
import type { Peer, Standing } from "./peer.ts";
import { meet, prove } from "./proof.ts";
import { measureOf } from "./accept.ts";

/** The state with the heartbeat noted, and nothing concluded from it. */
export function hear(
  state: Election,
  { from, heartbeat, signed = false }: Heard,
  atMs: number,
): Election {
  const known = state.peers.get(from);
  if (!known) return state;
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
  const knowsUs = standing(state, known.knowsUs);
  const heard = { ...known, heardAtMs: atMs, alive: true, ...life, knowsUs, ...said };
  const peer = aged(heard, state, atMs);
  return { ...state, peers: new Map(state.peers).set(from, peer) };
}

/** What we are now; the same object as before when that is the same. */
function standing(state: Election, before: Standing | null): Standing {
  const { unhealthy, priority, id } = selfRank(state);
  const holds = state.holding === true;
  const same = before?.unhealthy === unhealthy && before.priority === priority &&
    before.id === id &&
    before.holds === holds;
  return same ? before : { unhealthy, priority, id, holds };
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
  { from, heartbeat, signed = false }: Heard,
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
