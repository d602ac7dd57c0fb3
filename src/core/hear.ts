// What a heartbeat changes in what is known of its sender; nothing is concluded from it here.
import type { Election } from "./election_state.ts";
import type { Trailer } from "./heartbeat.ts";
import type { Heard } from "./trust.ts";

/** The state with the heartbeat noted, and nothing concluded from it. */
export function hear(
  state: Election,
  { from, heartbeat, sealed = false }: Heard,
  atMs: number,
): Election {
  const known = state.peers.get(from);
  if (!known) return state;
  const { priority, id: heardId, trailer } = heartbeat;
  const deafBeforeMs = known.alive ? known.deafSinceMs : null;
  const deafSinceMs = trailer && !trailer.hearsYou ? deafBeforeMs ?? atMs : null;
  const sealedSequence = sealed && trailer ? trailer.sequence : known.sealedSequence;
  const said = { priority, heardId, trailer, deafSinceMs, sealedSequence };
  const peer = { ...known, heardAtMs: atMs, alive: true, ...said };
  return { ...state, peers: new Map(state.peers).set(from, peer) };
}

/** The state with the peer, if it lives, known to live at that instant, and nothing else. */
export function touch(state: Election, from: string, atMs: number): Election {
  const peer = state.peers.get(from);
  if (!peer?.alive) return state;
  return { ...state, peers: new Map(state.peers).set(from, { ...peer, heardAtMs: atMs }) };
}

/** Whether it says what the peer's last one said, so that nothing follows from it but that the peer lives. */
export function saysNothingNew(
  { peers }: Election,
  { from, heartbeat }: Heard,
): boolean {
  const peer = peers.get(from);
  if (!peer?.alive || peer.deafSinceMs !== null) return false;
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
