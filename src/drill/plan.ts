// Whether a drill may begin, and to which node it moves the address. Pure: it uses only the holder's snapshot.
import { titleOf } from "../core/election/peer.ts";
import type { AddressView, PeerView, Snapshot } from "../status/snapshot.ts";
import { verdictIn } from "../status/verdict.ts";

/** There and back. */
const MOVES = 2;

/** The two nodes of a drill. */
export interface DrillPlan {
  readonly elasticIp: string;
  /** All addresses that move, `elasticIp` among them. */
  readonly elasticIps: readonly string[];
  /** Whether the nodes use a lease: then each move has a gap. */
  readonly leased: boolean;
  /** The instance that holds, and how people know it. */
  readonly holderId: string;
  readonly holder: string;
  /** The next best one. */
  readonly nextId: string;
  readonly next: string;
}

/** The plan, or why the drill may not begin. */
export function planDrill(
  snapshot: Snapshot,
  wanted: string | null,
): DrillPlan | { readonly refused: string } {
  if (snapshot.shadow) return { refused: "this watchdog is a shadow: it moves nothing" };
  const view = viewOf(snapshot, wanted);
  if ("refused" in view) return view;
  const { elasticIp } = view;
  const others = view.peers.filter(({ alive, holds }) => alive && holds);
  const who = others.map(titleOf).join(" and ");
  if (view.holding !== true && others.length > 0) {
    return {
      refused: `this node does not hold ${elasticIp}: run the drill where it is held, ${who}`,
    };
  }
  const { level, text } = verdictIn(snapshot);
  if (level !== "OK") {
    return { refused: `the cluster is not healthy, and a drill may harm: ${text}` };
  }
  if (view.holding !== true || view.role !== "master") {
    return { refused: `this node does not hold ${elasticIp}: run the drill where it is held` };
  }
  if (others.length > 0) {
    return { refused: `${who} holds ${elasticIp}, too: a drill needs one holder` };
  }
  const { movesLeft } = view;
  if (movesLeft !== null && movesLeft < MOVES) {
    const left = movesLeft === 0 ? "none" : `${movesLeft}`;
    return { refused: `a drill makes ${MOVES} moves, and --move-limit leaves ${left} for now` };
  }
  const { instanceId } = snapshot;
  const next = nextBest(view);
  if (!next?.instanceId || instanceId === null) {
    return { refused: `no other node can serve ${elasticIp}: start one first` };
  }
  const holder = snapshot.instanceName ?? instanceId;
  const nodes = { holderId: instanceId, holder, nextId: next.instanceId, next: titleOf(next) };
  const leased = view.lease !== null;
  return { elasticIp, elasticIps: [elasticIp, ...view.movesWith], leased, ...nodes };
}

function viewOf(
  { addresses }: Snapshot,
  wanted: string | null,
): AddressView | { readonly refused: string } {
  const known = addresses.map(({ elasticIp }) => elasticIp).join(", ");
  const found = addresses.filter(({ elasticIp }) => wanted === null || elasticIp === wanted);
  const [only, ...more] = found;
  if (!only) return { refused: `the watchdog does not watch ${wanted}, but ${known || "nothing"}` };
  if (more.every(({ elasticIp }) => only.movesWith.includes(elasticIp))) return only;
  return { refused: `a drill moves one Elastic IP: give one of ${known} with -xi` };
}

/** The live peer that can serve and ranks first. */
function nextBest({ peers }: AddressView): PeerView | null {
  const able = peers.filter(({ alive, unable, unhealthy, leaving, link, instanceId }) =>
    alive && !unable && !unhealthy && !leaving && instanceId !== null &&
    (link === "both" || link === "unconfirmed" || link === "listed")
  );
  const rank = ({ ownPriority, priority }: PeerView) => ownPriority ?? priority ?? 255;
  const id = ({ instanceId }: PeerView) => instanceId ?? "";
  const [best] = able.sort((a, b) => rank(a) - rank(b) || (id(a) < id(b) ? -1 : 1));
  return best ?? null;
}
