// Elastic IPs that move together: one election, and one ownership for each address. A node without a group is a group
// of one, for which everything here says what its only ownership says.
//
//   holds          all addresses that exist are on this node; while only some are, it does not know
//   attach         each by itself, but over a live holder none before one that was refused the last time
//   hand over      none before the successor says that it holds all, and the cloud confirms each that we hold
//   not possible   what no other node can serve whole stays where it works
import { type Election, twinned } from "./election/state.ts";
import type { DesiredState } from "./election/desired_state.ts";
import type { Member, Node, NodeEffect } from "./node_state.ts";
import { kept } from "./ownership/plan.ts";
import { report } from "./registry/report.ts";
import { FREE, type Ownership } from "./ownership/state.ts";

/** Until a node that gives up to two different holders asks again. */
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

/** The ownership of that address; the node's own one if the address is left out or is none of the node's. */
export function ownershipOf(node: Node, elasticIp?: string): Ownership {
  const found = node.sisters.find((sister) => sister.elasticIp === elasticIp);
  return found?.ownership ?? node.ownership;
}

/** The node as it would be with that address alone, in the order of `membersOf`: for display and for the end. */
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
  /** True when all addresses are on this node, false when no one is, null when some are or that is unknown. */
  readonly holding: boolean | null;
  readonly cloudReachable: boolean;
  /** When the last look began that has shown each of them. */
  readonly sightedAtMs: number;
  /** All are left with unknown holders. If one had no holder, nobody else would serve it. */
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
    // With a live holder, an address that comes and goes again would only disturb its traffic.
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
 * Without a confirmation that has become doubtful. The addresses are confirmed one after the other: meanwhile the
 * successor must go on saying that it holds all. To one that cannot say so, the original, no group is given up.
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
  // A node that holds only if no other one does finds that one in the cloud, for each address separately.
  const same = ownerships.every((each) => each.confirmed === null || each.confirmed === confirmed);
  return same ? state : { ...state, confirmed: null, inspectAtMs: atMs + DISAGREED_MS };
}

/** Readings without a hold, after which a successor that says it holds all has another group. */
const MISSED = 5;

/** The line for a successor that turns out to hold only a part of what we hold. */
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
