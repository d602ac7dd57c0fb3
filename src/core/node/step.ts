// All decisions of one node: the two state machines and the peer list together. Events in, effects out; the watchdog
// and the simulation drive it the same way. It knows no clock, no socket and no cloud.
//
//            ┌─▶ election     who should hold the Elastic IP ── desired state ──┐
//   event ───┼─▶ ownership    make the cloud agree with that ◀──────────────────┘ ──▶ calls
//            ├─▶ lease        may we hold it? only with --lease ── calls ──▶ the store
//            └─▶ membership   when the peer list is read                          ──▶ members
//
// Each part gets its share of the event. The machines exchange their results until nothing changes. Only then do
// calls begin, so that none is made for a desired state that has just changed.
import type { Aside } from "../election/aside.ts";
import { hear, meetUnproven, type Rejected, saysNothingNew, touch } from "../election/accept.ts";
import { desiredStateOf } from "../election/desired_state.ts";
import { holdOut } from "../election/missing.ts";
import { deadTimeMs, type PeerIdentity, unresolved } from "../election/peer.ts";
import { type Election, holdOffMs, type MissingPeer, outranking } from "../election/state.ts";
import { elect, type ElectionEvent, electionWakeAtMs, startElection } from "../election/step.ts";
import { groupDiffers, membersOf, outlook, ownershipOf, ownershipsOf, permit } from "./group.ts";
import {
  allPeersKnown,
  beginReading,
  endReading,
  failReading,
  hurryReading,
  listedElsewhere,
  meetStranger,
  type Membership,
  membershipStale,
  membershipWakeAtMs,
  needReading,
  replaceList,
  startMembership,
} from "./membership.ts";
import { listingBetween, saying } from "../lease/candidates.ts";
import { actLease, learnLease, leaseWakeAtMs } from "../lease/step.ts";
import { type Lease, type LeaseEvent, sameView, startLease, viewOf } from "../lease/state.ts";
import { underLease, wishOf } from "./under_lease.ts";
import type { Answer } from "../ownership/call.ts";
import type { Member, Node, NodeEffect, NodeEvent, NodeSettings, Turn } from "./state.ts";
import { act, learn, ownershipWakeAtMs } from "../ownership/step.ts";
import {
  type Ownership,
  type OwnershipEvent,
  type OwnershipSettings,
  startOwnership,
} from "../ownership/state.ts";
import { shutdown } from "./shutdown.ts";
import { advert, answerTo, challenge, saysOf, someoneJoined, speak } from "./speak.ts";
import { changesBetween, limitReached } from "./transitions.ts";

/**
 * A node that has just started. `peers` is null while the cloud has not listed them. `missing` are configured peers
 * whose address or machine is not known. `dynamic`: the addresses of names may change.
 */
export function startNode(
  settings: NodeSettings,
  start: {
    atMs: number;
    selfId: string | null;
    run?: bigint | null;
    peers: readonly PeerIdentity[] | null;
    missing?: readonly MissingPeer[];
    dynamic?: boolean;
    /** Set if the node was drained before it started. */
    aside?: Aside | null;
  },
): Node {
  // Without heartbeats a node has one id everywhere, its instance's, and the store alone tells who its peers are.
  const { heartbeats } = settings.lease ?? { heartbeats: true };
  const silent = { heartbeats, run: null, peers: null, missing: [] };
  const election = startElection(settings, heartbeats ? start : { ...start, ...silent });
  const membership = startMembership(start.dynamic ?? start.peers === null);
  return {
    election,
    ownership: startOwnership(timesOf(settings), start.atMs),
    sisters: (settings.sisters ?? []).map((elasticIp) => ({
      elasticIp,
      ownership: startOwnership(timesOf(settings), start.atMs),
    })),
    membership: heartbeats ? membership : listedElsewhere(membership),
    lease: settings.lease ? startLease(settings.lease, start.atMs) : null,
    desired: desiredStateOf(election),
    said: advert(election),
    stoppedAtMs: null,
  };
}

/** When the node wants to be stepped next. */
export function nodeWakeAtMs(node: Node): number {
  const { election, ownership, sisters, membership, lease, stoppedAtMs } = node;
  return Math.min(
    electionWakeAtMs(election),
    ownershipWakeAtMs(ownership),
    ...sisters.map((sister) => ownershipWakeAtMs(sister.ownership)),
    ownership.prepared ? membershipWakeAtMs(membership) : Infinity,
    lease ? leaseWakeAtMs(lease) : Infinity,
    shutdown.wakeAtMs(stoppedAtMs, election),
  );
}

/** One step. */
export function stepNode(before: Node, event: NodeEvent, atMs: number): [Node, NodeEffect[]] {
  if (event.kind === "rejected") return stepRejected(before, event, atMs);
  // Fast path: nearly all events are heartbeats that repeat the last one, and with many peers the whole step is slow.
  const usual = event.kind === "heard" && saysNothingNew(before.election, event) &&
    atMs < nodeWakeAtMs(before);
  if (!usual) return stepFully(before, event, atMs);
  return [{ ...before, election: hear(before.election, event, atMs) }, []];
}

/** One step without the fast path. */
export function stepFully(
  before: Node,
  event: Exclude<NodeEvent, Rejected>,
  atMs: number,
): [Node, NodeEffect[]] {
  const effects: NodeEffect[] = [], turn: Turn = { atMs, effects };
  const { forElection, forOwnership, forLease, membership, stoppedAtMs } = divide(
    before,
    event,
    atMs,
  );
  const election = elect(before.election, forElection, atMs);
  const about = "elasticIp" in event ? event.elasticIp : undefined;
  const share = { event: forOwnership, about, forLease };
  const settled = settle({ ...before, election, membership, stoppedAtMs }, share, turn);
  const acting = beginCalls(settled, turn);
  effects.push(...changesBetween(before, acting, atMs), ...limitReached(event, before, acting));
  effects.push(...groupDiffers(before, acting));
  const node = readMembers(before, acting, turn);
  challenge(before, node, effects);
  const answered = event.kind === "heard" && provedBetween(before, node, event.from)
    ? event.from
    : null;
  const joined = someoneJoined(before, node);
  return [speak(node, { ...turn, answered, joined }), effects];
}

const TICK = { kind: "tick" } as const;

/** Each part's share of an event; a tick for the parts that the event does not concern. */
function divide(
  node: Node,
  event: Exclude<NodeEvent, Rejected>,
  atMs: number,
): {
  forElection: ElectionEvent;
  forOwnership: OwnershipEvent;
  forLease: LeaseEvent;
  membership: Membership;
  stoppedAtMs: number | null;
} {
  const { election: { peers }, membership, stoppedAtMs } = node;
  const rest = {
    forElection: TICK,
    forOwnership: TICK,
    forLease: TICK,
    membership,
    stoppedAtMs,
  };
  switch (event.kind) {
    case "tick":
      return rest;
    case "heard":
    case "twin-heard":
    case "nudge":
    case "health":
    case "aside":
    case "promote":
    case "missing":
      return { ...rest, forElection: event };
    case "stop":
      return { ...rest, forElection: event, stoppedAtMs: stoppedAtMs ?? atMs };
    case "settings": {
      const forOwnership = { kind: "settings", settings: timesOf(event.settings) } as const;
      return { ...rest, forElection: event, forOwnership };
    }
    case "members":
      return { ...rest, forElection: event, membership: endReading(membership, event) };
    case "members-failed":
      return { ...rest, membership: failReading(membership, event, atMs) };
    case "peers": {
      const known = event.addresses.map((address) => peers.get(address) ?? unresolved(address));
      const { missing = [] } = event;
      const forElection = { kind: "members", peers: known, inPeerList: true, missing } as const;
      return { ...rest, forElection, membership: replaceList(membership) };
    }
    case "answered": {
      const { answer } = event;
      const forElection = answer.verb === "prepare" ? identity(answer, node.election) : TICK;
      const isBack = ownershipOf(node, event.elasticIp).read.failures > 0;
      const list = isBack ? hurryReading(membership) : membership;
      return { ...rest, forElection, forOwnership: event, membership: list };
    }
    case "failed":
    case "progress":
    case "accepted":
      return { ...rest, forOwnership: event };
    case "store-seen":
    case "store-answered":
    case "store-failed":
      return { ...rest, forLease: event };
    default:
      return event satisfies never;
  }
}

/** What the election learns of this node: in the store all nodes go by their instances. */
function identity(
  { addresses, ...answer }: Extract<Answer, { verb: "prepare" }>,
  { heartbeats }: Election,
): ElectionEvent {
  const selfId = heartbeats ? answer.selfId : answer.instanceId;
  return { kind: "identified", selfId, addresses };
}

function timesOf(settings: NodeSettings): OwnershipSettings {
  return { reconcileMs: settings.reconcileMs, deadTimeMs: deadTimeMs(settings) };
}

/** Whether the event is about one call to the cloud, whose number counts for its address alone. */
export function isAboutCall<Event extends { readonly kind: string }>(
  event: Event,
): event is Extract<Event, { readonly kind: "accepted" | "answered" | "failed" }> {
  return event.kind === "accepted" || event.kind === "answered" || event.kind === "failed";
}

/** Each round settles `holding`, `cloudReachable` or `kept`; each changes at most once per event. */
const ROUNDS = 4;

/** An event for one ownership, or for all of them. */
interface Share {
  readonly event: OwnershipEvent;
  /** The address that it is about; undefined for the node's own one, which is told of everything else, too. */
  readonly about: string | undefined;
  readonly forLease: LeaseEvent;
}

/**
 * Tells ownership its share of the event, then exchanges results between ownership and election, which has its share
 * already.
 */
function settle(before: Node, { event, about, forLease }: Share, turn: Turn): Node {
  let { election, desired } = before;
  let lease = leaseAfter(before.lease, forLease, turn);
  const listing = listingBetween(before.lease, lease, { self: election.selfId, ...turn });
  if (listing) election = elect(election, { kind: "candidates", ...listing }, turn.atMs);
  const { atMs } = turn, { stoppedAtMs } = before, peersKnown = allPeersKnown(before.membership);
  const own = election.settings.elasticIp;
  const call = isAboutCall(event);
  let members = membersOf(before).map((member) => {
    const concerned = !call || member.elasticIp === (about ?? own);
    return taught(member, concerned ? event : TICK, { ...turn, node: before });
  });
  for (let round = 0; round < ROUNDS; round++) {
    const informed = inform(election, ownershipsOf(members), lease, turn.atMs);
    if (round > 0 && informed === election) break;
    election = informed;
    const wanted = desiredStateOf(election);
    desired = lease
      ? underLease(wanted, {
        ...{ lease, election, peersKnown, stoppedAtMs, atMs },
        ownerships: ownershipsOf(members),
      })
      : wanted;
    const goal = { kind: "desired", desired } as const;
    members = members.map((member) => taught(member, goal, { ...turn, node: before }));
    if (lease === null) continue;
    const ownerships = ownershipsOf(members);
    const wish = wishOf(lease, { election, desired, wanted, ownerships, atMs });
    lease = leaseAfter(lease, { kind: "wish", wish }, turn);
  }
  const permitted = permit(ownershipsOf(members), { desired, election, atMs: turn.atMs });
  return { ...withOwnerships(before, permitted), election, lease, desired };
}

/** The lease after its share of an event; null without one. */
function leaseAfter(
  before: Lease | null,
  event: LeaseEvent,
  { atMs, effects }: Turn,
): Lease | null {
  if (before === null) return null;
  const [lease, reports] = learnLease(before, event, atMs);
  for (const each of reports) effects.push({ kind: "report", ...each });
  return lease;
}

/** The node with these ownerships, in the order of `membersOf`. */
function withOwnerships(node: Node, [ownership, ...rest]: readonly Ownership[]): Node {
  const sisters = node.sisters.map((sister, index) => ({
    ...sister,
    ownership: rest[index] ?? sister.ownership,
  }));
  return {
    ...node,
    ownership: ownership ?? node.ownership,
    sisters,
  };
}

function taught(
  member: Member,
  event: OwnershipEvent,
  { atMs, effects, node }: Turn & { node: Node },
): Member {
  const [ownership, reports] = learn(member.ownership, event, atMs);
  for (const each of reports) {
    effects.push({ kind: "report", ...each, ...aboutOf(node, member.elasticIp) });
  }
  return { ...member, ownership };
}

/** The address that an effect is about, left out where there is only one. */
function aboutOf({ sisters }: Node, elasticIp: string): { elasticIp?: string } {
  return sisters.length === 0 ? {} : { elasticIp };
}

function inform(
  before: Election,
  ownerships: readonly Ownership[],
  lease: Lease | null,
  atMs: number,
): Election {
  const { holding, cloudReachable, sightedAtMs, kept } = outlook(ownerships);
  let election = before;
  if (election.holding !== holding) election = elect(election, { kind: "holding", holding }, atMs);
  if (election.wokeAtMs !== null && sightedAtMs >= election.wokeAtMs) {
    election = elect(election, { kind: "sighted" }, atMs);
  }
  if (election.kept !== kept) election = elect(election, { kind: "kept", kept }, atMs);
  const view = lease && viewOf(lease, atMs);
  if (view && !sameView(election.lease, view)) {
    election = elect(election, { kind: "lease", lease: view }, atMs);
  }
  return election.cloudReachable === cloudReachable
    ? election
    : elect(election, { kind: "cloudReachable", cloudReachable }, atMs);
}

/**
 * Begins the calls that are due. A stale peer list is read instead of the other holders: two calls per look are enough.
 */
function beginCalls(before: Node, { atMs, effects }: Turn): Node {
  let { membership } = before, begun = false;
  const ownerships = membersOf(before).map(({ elasticIp, ownership }) => {
    const [acting, calls] = act(ownership, atMs);
    for (const { id, call } of calls) {
      begun = true;
      const swap = call.verb === "look" && membershipStale(membership, atMs);
      const made = swap ? { verb: "look", others: false } as const : call;
      effects.push({ kind: "call", id, call: made, ...aboutOf(before, elasticIp) });
      if (!swap) continue;
      membership = beginReading(membership, atMs);
      effects.push({ kind: "members" });
    }
    return acting;
  });
  const node = begun ? { ...withOwnerships(before, ownerships), membership } : before;
  if (node.lease === null) return node;
  const [lease, calls] = actLease(saying(node.lease, saysOf(node)), atMs);
  for (const call of calls) effects.push({ kind: "store", ...call });
  return lease === node.lease ? node : { ...node, lease };
}

/** Reads the peer list if that is due, or if a death or an unknown holder suggests that it has changed. */
function readMembers(before: Node, node: Node, { atMs, effects }: Turn): Node {
  let { membership } = node;
  const stranger = strangerAtMs(node) !== strangerAtMs(before);
  if (stranger || someoneDied(before, node)) {
    membership = needReading(membership, outranking(node.election).length, atMs);
  }
  if (node.ownership.prepared && membershipWakeAtMs(membership) <= atMs) {
    membership = beginReading(membership, atMs);
    effects.push({ kind: "members" });
  }
  return membership === node.membership ? node : { ...node, membership };
}

/** When an unknown holder was last seen at any address. */
function strangerAtMs(node: Node): number {
  return Math.max(...membersOf(node).map(({ ownership }) => ownership.unknownHolderAtMs));
}

function someoneDied({ election: before }: Node, { election }: Node): boolean {
  if (election.peers === before.peers) return false;
  return [...election.peers.values()].some(({ address, alive }) =>
    !alive && before.peers.get(address)?.alive
  );
}

/** Whether this step made us believe a new process of that peer, which must hear from us, too. */
function provedBetween({ election: before }: Node, { election }: Node, from: string): boolean {
  const proof = election.peers.get(from)?.proof ?? null;
  return proof !== null && proof.run !== before.peers.get(from)?.proof?.run;
}

/** Handles a rejected heartbeat. */
function stepRejected(before: Node, event: Rejected, atMs: number): [Node, NodeEffect[]] {
  const { from, heartbeat: { id }, reason } = event;
  const refused: NodeEffect = { kind: "refused", from, id, reason };
  switch (reason) {
    case "unproven":
      return stepUnproven(before, event, { atMs, refused });
    case "reordered":
      // Its content is old, or a forged heartbeat made it look old, but the peer lives.
      return [{ ...before, election: touch(before.election, from, atMs) }, [refused]];
    case "unknown-source":
    case "wrong-id": {
      const election = holdOut(before.election, event, atMs);
      const membership = meetStranger(before.membership, from, atMs);
      const first = election !== before.election || membership !== before.membership;
      // In a flood from unknown senders only the first heartbeat causes a step.
      if (!first) return [before, [refused]];
      const [node, effects] = stepFully(
        { ...before, election, membership },
        TICK,
        atMs,
      );
      return [node, [refused, ...effects]];
    }
    default:
      return [before, [refused]];
  }
}

/** The signature is valid, but nothing proves when the heartbeat was made. A live process proves it with our answer. */
function stepUnproven(
  node: Node,
  rejected: Rejected,
  { atMs, refused }: { atMs: number; refused: NodeEffect },
): [Node, NodeEffect[]] {
  const { from, heartbeat } = rejected;
  const before = node.election.peers.get(from);
  // A heartbeat that came too early for an answer had no signature check, so it is not answered here either.
  const election = rejected.answerDue ? meetUnproven(node.election, rejected, atMs) : node.election;
  const next = { ...node, election };
  const run = heartbeat.trailer?.stamp?.run;
  const met = election.peers.get(from)?.met.find((each) => each.run === run);
  // Each process begins unproven, and its proof may get lost, so this is not reported for the length of a hold-off.
  const begins = met !== undefined && before?.proof?.run !== run &&
    atMs <= met.sinceMs + holdOffMs(election.settings);
  const effects: NodeEffect[] = begins ? [] : [refused];
  if (election !== node.election && met) effects.push(...answerTo(next, from, { echo: met, atMs }));
  return [next, effects];
}
