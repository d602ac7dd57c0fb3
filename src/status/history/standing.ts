// The state of each node, read from the core's own state.
import { type Election, settling } from "../../core/election/state.ts";
import type { Peer } from "../../core/election/peer.ts";
import type { Node } from "../../core/node/state.ts";
import type { Ownership } from "../../core/ownership/state.ts";
import { ABSENT, type NodeState, type Standing, STRANGER } from "./entry.ts";

/** Beyond twice the interval of looks, and this, a reading of all holders is too old to say anything. */
const MARGIN_MS = 10_000;

/** Of several addresses of one machine, the one that says most counts. */
const TELLING: readonly NodeState[] = ["holds", "alive", "unknown", "holds-unheard", "silent"];

/** Whether the last reading of all holders still counts. */
export function othersFresh({ othersAtMs, settings }: Ownership, atMs: number): boolean {
  return atMs - othersAtMs <= 2 * settings.reconcileMs + MARGIN_MS;
}

/** This node's own state. */
export function selfStanding({ election, ownership }: Node): Standing {
  const { holding, prepared } = ownership;
  const rank = rankText(
    election.healthy,
    election.priority,
    election.settings.exclusive ? "self" : "",
  );
  if (holding === true) return { state: "holds", why: election.reason, rank };
  // Within the hold-off this node, and peers that have just begun, know too little to call anything an outage.
  const state = holding === null || !prepared || settling(election) ? "unknown" : "alive";
  return { state, why: hindrance(election, ownership), rank: null };
}

/** What keeps this node from attaching; else the reason of its role. */
function hindrance(election: Election, { released, cloudReachable, write }: Ownership): string {
  if (released !== null) return "released";
  if (!cloudReachable) return "cloud-unreachable";
  if (write.failures > 0) return "attach-failing";
  return election.reason;
}

/** A peer's state, with the time since when it is so. */
export function peerStanding(
  peer: Peer,
  { node, atMs }: { node: Node; atMs: number },
): Standing & { readonly sinceMs: number } {
  const { election } = node;
  if (!election.repeated || peer.instanceId === null) return atAddress(peer, { node, atMs });
  const same = [...election.peers.values()].filter(({ instanceId }) =>
    instanceId === peer.instanceId
  );
  return same.map((each) => atAddress(each, { node, atMs }))
    .reduce((best, next) =>
      TELLING.indexOf(next.state) < TELLING.indexOf(best.state) ? next : best
    );
}

function atAddress(
  { alive, heardAtMs, trailer, instanceId, priority }: Peer,
  { node: { election, ownership }, atMs }: { node: Node; atMs: number },
): Standing & { readonly sinceMs: number } {
  if (alive) {
    if (trailer === null) return { state: "unknown", why: "original", rank: null, sinceMs: atMs };
    const { leaving, unable, unhealthy, ownPriority, holds } = trailer;
    const why = leaving ? "leaving" : unable ? "unable" : unhealthy ? "unhealthy" : "";
    if (!holds) return { state: "alive", why, rank: null, sinceMs: atMs };
    const id = election.settings.exclusive ? instanceId ?? "" : "";
    const rank = rankText(!unhealthy, ownPriority ?? priority, id);
    return { state: "holds", why, rank, sinceMs: atMs };
  }
  const shown = shownHolder(instanceId, { ownership, atMs });
  const sinceMs = heardAtMs ?? atMs;
  if (shown === "on") return { state: "holds-unheard", why: "", rank: null, sinceMs };
  const never = heardAtMs === null;
  const state = never && settling(election) ? "unknown" : "silent";
  return { state, why: shown === "off" ? "off" : never ? "never-heard" : "", rank: null, sinceMs };
}

/** Whether the cloud shows the address on that instance, and its machine is on. */
function shownHolder(
  instanceId: string | null,
  { ownership, atMs }: { ownership: Ownership; atMs: number },
): "on" | "off" | null {
  if (instanceId === null || !othersFresh(ownership, atMs)) return null;
  const { others, taken, othersAtMs } = ownership;
  if (taken?.instanceId === instanceId && taken.atMs >= othersAtMs) return null;
  const holder = others.find((each) => each.instanceId === instanceId);
  return holder ? holder.off ? "off" : "on" : null;
}

/** Instances that hold and are no peers. */
export function strangers({ election, ownership }: Node, atMs: number): string[] {
  if (ownership.others.length === 0) return [];
  const peers = new Set([...election.peers.values()].map(({ instanceId }) => instanceId));
  return ownership.others.map(({ instanceId }) => instanceId)
    .filter((id) => !peers.has(id) && shownHolder(id, { ownership, atMs }) === "on");
}

/** The state of an instance that holds and is no peer. */
export const STRANGE: Standing = { state: "holds-unheard", why: STRANGER, rank: null };

/** Whether nothing differs. */
export function sameStanding(one: Standing = ABSENT, other: Standing): boolean {
  return one.state === other.state && one.why === other.why && one.rank === other.rank;
}

function rankText(healthy: boolean, priority: number, id: string): string {
  return `${healthy ? "healthy" : "unhealthy"} ${priority} ${id}`.trim();
}
