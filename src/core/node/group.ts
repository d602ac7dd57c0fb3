// Elastic IPs that move together: one election, and one ownership for each address. A node without `--together` is a
// group of one, for which every function here says what its only ownership says.
//
//   holds        true if all addresses that exist are on this node, unknown while only some are
//   attach       each address on its own; but while a live peer holds, first those whose last attach was refused
//   hand over    only when the successor says that it holds all, and the cloud confirms each address that we hold
//   stuck        if no other node can serve the whole group, the addresses stay where they work
import { type Election, twinned } from "../election/state.ts";
import type { DesiredState } from "../election/desired_state.ts";
import type { Member, Node, NodeEffect } from "./state.ts";
import { kept } from "../ownership/step.ts";
import { report } from "../registry/events.ts";
import { FREE, type Ownership } from "../ownership/state.ts";

/** How long to wait if the cloud confirmed different successors for the addresses, before asking it again. */
const DISAGREED_MS = 5_000;

/** All addresses of a node, its own first. */
export function membersOf(
  { election, ownership, sisters }: Pick<Node, "election" | "ownership" | "sisters">,
): readonly Member[] {
  return [{ elasticIp: election.settings.elasticIp, ownership }, ...sisters];
}

/** What they know of the cloud, in the same order. */
export function ownershipsOf(members: readonly Member[]): readonly Ownership[] {
  return members.map(({ ownership }) => ownership);
}

/** The ownership of that address; that of the node's first address if it is left out or unknown here. */
export function ownershipOf(node: Node, elasticIp?: string): Ownership {
  const found = node.sisters.find((sister) => sister.elasticIp === elasticIp);
  return found?.ownership ?? node.ownership;
}

/** The node as if it had each address alone, in the order of `membersOf`: for display and for the shutdown. */
export function apart(node: Node): readonly Node[] {
  if (node.sisters.length === 0) return [node];
  return membersOf(node).map(({ elasticIp, ownership }) => {
    const settings = { ...node.election.settings, elasticIp };
    const { holding } = ownership;
    return { ...node, election: { ...node.election, settings, holding }, ownership, sisters: [] };
  });
}

/** What the election is told about all ownerships. */
export interface Outlook {
  /** True when all addresses are on this node, false when none is, null when some are or while that is unknown. */
  readonly holding: boolean | null;
  readonly cloudReachable: boolean;
  /** When the oldest of their latest looks began. */
  readonly sightedAtMs: number;
  /** Each address is left with an unknown holder. If one had none, nobody else would serve it. */
  readonly kept: boolean;
}

/** Joins what all ownerships say. An address that exists nowhere cannot keep the others from being held. */
export function outlook(ownerships: readonly Ownership[]): Outlook {
  const there = ownerships.filter(({ released }) => released === null);
  const shown = there.length > 0 ? there : ownerships;
  const [first = null, ...rest] = shown.map(({ holding }) => holding);
  return {
    holding: rest.every((holding) => holding === first) ? first : null,
    cloudReachable: ownerships.every(({ cloudReachable }) => cloudReachable),
    sightedAtMs: Math.min(...shown.map(({ sightedAtMs }) => sightedAtMs)),
    kept: ownerships.every(kept),
  };
}

/** Tells each ownership what the others allow it to do now. */
export function permit(
  ownerships: readonly Ownership[],
  { desired, election, atMs }: { desired: DesiredState; election: Election; atMs: number },
): readonly Ownership[] {
  if (ownerships.length < 2 || twinned(election)) return ownerships;
  const agreed = ownerships.map((each) => withoutDoubtful(each, { ownerships, desired, atMs }));
  const giveUp = agreed.every(({ holding, confirmed }) => holding === false || confirmed !== null);
  const served = someoneServes(election);
  const refused = agreed.some(isRefused);
  return agreed.map((each) => {
    // While a live peer holds, an address that we attach and must give back would only disturb its traffic.
    const attach = !served || !refused || isRefused(each);
    const { allowed } = each;
    const same = allowed.attach === attach && allowed.giveUp === giveUp;
    return same ? each : { ...each, allowed: attach && giveUp ? FREE : { attach, giveUp } };
  });
}

function isRefused({ balked, released }: Ownership): boolean {
  return balked && released === null;
}

/** Whether a live peer says that it holds all. */
function someoneServes({ peers }: Election): boolean {
  return [...peers.values()].some(({ alive, trailer }) => alive && trailer?.holds === true);
}

/**
 * Drops a confirmation that has become doubtful. The addresses are confirmed one after the other, and meanwhile the
 * successor must go on saying that it holds all. The original cannot say so, so no group is given up to it.
 */
function withoutDoubtful(
  state: Ownership,
  { ownerships, desired, atMs }: {
    ownerships: readonly Ownership[];
    desired: DesiredState;
    atMs: number;
  },
): Ownership {
  const { confirmed } = state;
  if (confirmed === null) return state;
  if (desired.intent === "yield") {
    return confirmed === desired.claimant ? state : { ...state, confirmed: null };
  }
  // A node that holds only if nobody else does finds the other holder in the cloud, separately for each address.
  const same = ownerships.every((each) => each.confirmed === null || each.confirmed === confirmed);
  return same ? state : { ...state, confirmed: null, inspectAtMs: atMs + DISAGREED_MS };
}

/** After this many readings that show no hold, a successor that claims to hold all must have another group. */
const MISSED = 5;

/** The line about a successor that turns out to hold only some of our addresses. */
export function groupDiffers(before: Node, node: Node): NodeEffect[] {
  const missing = notHeldBySuccessor(node);
  if (missing === null || notHeldBySuccessor(before) !== null) return [];
  const text =
    `instance ${node.desired.claimant} says that it holds, but the cloud does not show ` +
    `it at ${missing}: this node keeps all addresses that move together`;
  return [{ kind: "report", ...report("warning", "group-differs", text) }];
}

function notHeldBySuccessor(node: Node): string | null {
  const { claimant, intent } = node.desired;
  const members = membersOf(node);
  if (claimant === null || intent !== "yield") return null;
  if (!members.some(({ ownership }) => ownership.confirmed === claimant)) return null;
  const missed = members.find(({ ownership: { holding, confirmed, inspectedCount } }) =>
    holding === true && confirmed === null && inspectedCount >= MISSED
  );
  return missed?.elasticIp ?? null;
}
