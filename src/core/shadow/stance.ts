// Why a shadow decides as it does, in words; and who holds, as far as the shadows know from each other's heartbeats.
import {
  deadTimeMs,
  ownPriorityOf,
  type Peer,
  rankOf,
  ranksBefore,
  titleOf,
} from "../election/peer.ts";
import { type Election, outranking } from "../election/state.ts";
import { reasonDetail } from "../node/explanation.ts";
import type { Node } from "../node/state.ts";

/** Why the node holds, or does not, as the reason of a difference. */
export function stanceOf({ election }: Node): string {
  const { role, reason } = election;
  if (role === "master") {
    if (reason === "best") return "this node ranks first and was healthy";
    return `this node was master (${withDetail(election)})`;
  }
  const [first, ...rest] = outranking(election);
  const best = rest.reduce(
    (one, peer) => one && ranksBefore(rankOf(peer), rankOf(one), true) ? peer : one,
    first,
  );
  if (reason !== "outranked" || !best) return `this node was backup (${withDetail(election)})`;
  return `${titled(best)} ranks first${best.trailer?.unhealthy ? "" : " and was healthy"}`;
}

/** Why the node attaches: the dead peer that held last, a peer that leaves, or this node's rank. */
export function attachReason({ election, desired, ownership }: Node): string {
  const dead = desired.dead.flatMap(({ instanceId }) => {
    const claim = claimOf(election, instanceId);
    const held = claim?.holds ?? isOther(ownership.others, instanceId);
    return { instanceId, held, heardAtMs: claim?.heardAtMs ?? -Infinity };
  });
  dead.sort((a, b) => Number(b.held) - Number(a.held) || b.heardAtMs - a.heardAtMs);
  const [last] = dead;
  if (last) return `peer ${peerTitle({ election }, last.instanceId)} is dead`;
  const leaving = [...election.peers.values()].find(({ alive, trailer }) =>
    alive && trailer?.leaving
  );
  return leaving
    ? `peer ${titleOf(leaving)} is leaving`
    : `this node is master (${withDetail(election)})`;
}

/** Why the node gives the address up. */
export function giveUpReason({ election, ownership }: Node): string {
  const successor = ownership.confirmed ?? null;
  const peer = successor === null ? undefined : peerWith(election, successor);
  if (peer) return `${titled(peer)} holds it`;
  if (election.stops > 0) return "this node stops";
  return `this node is ${election.role} (${withDetail(election)})`;
}

/** Name and address of the peer with that instance, else its id. */
export function peerTitle({ election }: Pick<Node, "election">, instanceId: string): string {
  const peer = peerWith(election, instanceId);
  return peer ? titleOf(peer) : `instance ${instanceId}`;
}

/** What a shadow's heartbeats say about its hold. */
export interface Claim {
  readonly holds: boolean;
  /** When it was last heard. */
  readonly heardAtMs: number;
}

/** What that instance's shadow said. Null: no shadow of it was ever heard, so only the cloud knows. */
export function claimOf(election: Election, instanceId: string): Claim | null {
  const peers = [...election.peers.values()].flatMap((peer) =>
    peer.heardAtMs === null ? [] : { ...peer, heardAtMs: peer.heardAtMs }
  );
  const heard = peers.filter((peer) => peer.instanceId === instanceId);
  if (heard.length === 0) return null;
  const heardAtMs = Math.max(...heard.map((peer) => peer.heardAtMs));
  const claims = heard.some((peer) => peer.trailer?.holds === true);
  if (!claims || heard.some(({ alive }) => alive)) return { holds: claims, heardAtMs };
  // A dead shadow holds until another one holds, which takes the address from it.
  const takenMs = heardAtMs + 2 * deadTimeMs(election.settings);
  const taken = peers.some((peer) =>
    peer.instanceId !== instanceId && peer.trailer?.holds === true && peer.heardAtMs > takenMs
  );
  return { holds: !taken, heardAtMs };
}

function isOther(others: readonly { readonly instanceId: string }[], id: string): boolean {
  return others.some(({ instanceId }) => instanceId === id);
}

function peerWith({ peers }: Election, instanceId: string): Peer | undefined {
  const found = [...peers.values()].filter((peer) => peer.instanceId === instanceId);
  return found.find(({ alive }) => alive) ?? found[0];
}

function titled(peer: Peer): string {
  return `${titleOf(peer)} with priority ${ownPriorityOf(peer)}`;
}

function withDetail(election: Election): string {
  const detail = reasonDetail(election);
  return detail === "" ? election.reason : `${election.reason}: ${detail}`;
}
