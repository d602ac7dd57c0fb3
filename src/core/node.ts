// The whole decision of one node: election, ownership and peer list, joined. Events in, effects out; the
// watchdog and the simulation drive it the same way. It knows no clock, no socket and no cloud.
import { advert } from "./election/advert.ts";
import { desiredStateOf } from "./election/desired_state.ts";
import { shutdown } from "./shutdown.ts";
import { electionEvent, ownershipEvent } from "./division.ts";
import { elect, electionWakeAtMs, startElection } from "./election/step.ts";
import {
  deadTimeMs,
  type Heard,
  holdOffMs,
  type MissingPeer,
  outranking,
} from "./election/state.ts";
import { hear, meetUnproven, saysNothingNew, touch } from "./election/hear.ts";
import { holdOut } from "./election/missing.ts";
import { ownershipWakeAtMs } from "./ownership/plan.ts";
import { type Ownership, type OwnershipSettings, startOwnership } from "./ownership/state.ts";
import type { PeerIdentity } from "./election/peer.ts";
import { report } from "./registry/report.ts";
import {
  beginReading,
  endReading,
  failReading,
  hurryReading,
  meetStranger,
  membershipWakeAtMs,
  needReading,
  replaceList,
  startMembership,
} from "./membership.ts";
import { answerTo, challenge, someoneJoined, speak } from "./speak.ts";
import { settle } from "./settle.ts";
import { changesBetween } from "./transitions.ts";
import { rejectionOf } from "./election/accept.ts";
import type { Node, NodeEffect, NodeEvent, NodeSettings } from "./node_state.ts";

/**
 * A node that has just started. `peers` is null when the cloud has yet to list them; `missing` are those that the
 * configuration names and that cannot be placed; `dynamic`: names may get other addresses.
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
  },
): Node {
  const election = startElection(settings, start);
  return {
    election,
    ownership: startOwnership(timesOf(settings), start.atMs),
    membership: startMembership(start.dynamic ?? start.peers === null),
    desired: desiredStateOf(election),
    said: advert(election),
    stoppedAtMs: null,
  };
}

/** When the node wants to be stepped next. */
export function nodeWakeAtMs({ election, ownership, membership, stoppedAtMs }: Node): number {
  return Math.min(
    electionWakeAtMs(election),
    ownershipWakeAtMs(ownership),
    ownership.prepared ? membershipWakeAtMs(membership) : Infinity,
    shutdown.wakeAtMs(stoppedAtMs, election),
  );
}

/** One step. */
export function stepNode(before: Node, event: NodeEvent, atMs: number): [Node, NodeEffect[]] {
  // Nearly all events are heartbeats that say what the last one said, and among many peers the whole step is long.
  const usual = event.kind === "heard" && saysNothingNew(before.election, event) &&
    rejectionOf(before.election, event, atMs) === null && atMs < nodeWakeAtMs(before);
  if (!usual) return stepFully(before, event, atMs);
  return [{ ...before, election: hear(before.election, event, atMs) }, []];
}

/** The same without the short way. */
export function stepFully(before: Node, event: NodeEvent, atMs: number): [Node, NodeEffect[]] {
  const effects: NodeEffect[] = [];
  let node = before;
  if (event.kind === "heard") {
    const reason = rejectionOf(node.election, event, atMs);
    if (reason === "unproven") return doubted(node, event, atMs);
    if (reason) {
      effects.push({ kind: "refused", from: event.from, id: event.heartbeat.id, reason });
      // What it says is old, or another's word has put it in the wrong; but somebody speaks.
      if (reason === "reordered") {
        return [{ ...node, election: touch(node.election, event.from, atMs) }, effects];
      }
      if (reason !== "unknown-source" && reason !== "wrong-id") return [node, effects];
      node = { ...node, election: holdOut(node.election, event, atMs) };
      const membership = meetStranger(node.membership, event.from, atMs);
      // In a flood of strangers only the first counts.
      if (membership === node.membership && node.election === before.election) {
        return [node, effects];
      }
      node = { ...node, membership };
    }
  }
  if (event.kind === "stop") node = { ...node, stoppedAtMs: node.stoppedAtMs ?? atMs };
  if (event.kind === "members") node = { ...node, membership: endReading(node.membership, event) };
  if (event.kind === "peers") node = { ...node, membership: replaceList(node.membership) };
  if (event.kind === "answered" && before.ownership.read.failures > 0) {
    node = { ...node, membership: hurryReading(node.membership) };
  }
  if (event.kind === "settings") node = { ...node, ownership: retimed(node, event.settings) };
  if (event.kind === "members-failed") {
    node = { ...node, membership: failReading(node.membership, event, atMs) };
  }

  const forElection = electionEvent(event, before.election);
  const forOwnership = ownershipEvent(event);
  node = { ...node, election: elect(node.election, forElection, atMs) };
  node = settle(node, forOwnership, { atMs, effects });
  effects.push(...changesBetween(before, node, atMs));
  if (event.kind === "nudge" && node.election.priority === before.election.priority) {
    const limit = event.by < 0 ? "there is no better one" : "there is no worse one";
    const text = `priority stays ${node.election.priority}: ${limit}`;
    effects.push({ kind: "report", ...report("warning", "priority", text) });
  }
  const died = node.election.peers !== before.election.peers && someoneDied(before, node);
  if (died || node.ownership.unknownHolderAtMs !== before.ownership.unknownHolderAtMs) {
    node = {
      ...node,
      membership: needReading(node.membership, outranking(node.election).length, atMs),
    };
  }
  if (node.ownership.prepared && membershipWakeAtMs(node.membership) <= atMs) {
    node = { ...node, membership: beginReading(node.membership, atMs) };
    effects.push({ kind: "members" });
  }
  challenge(before, node, effects);
  const proved = event.kind === "heard" && provedBetween(before, node, event.from);
  const answered = proved ? event.from : null;
  return speak(node, { atMs, effects, answered, joined: someoneJoined(before, node) });
}

/** A right tag, and no proof of when it was made. A process that lives proves it with our answer. */
function doubted(node: Node, heard: Heard, atMs: number): [Node, NodeEffect[]] {
  const { from, heartbeat } = heard;
  const before = node.election.peers.get(from);
  const election = heard.refusedAs ? node.election : meetUnproven(node.election, heard, atMs);
  const next = { ...node, election };
  const run = heartbeat.trailer?.stamp?.run;
  const met = election.peers.get(from)?.met.find((each) => each.run === run);
  // Each process begins unproven, and its proof may get lost: that is nothing to speak of.
  const begins = met !== undefined && before?.proof?.run !== run &&
    atMs <= met.sinceMs + holdOffMs(election.settings);
  const effects: NodeEffect[] = begins
    ? []
    : [{ kind: "refused", from, id: heartbeat.id, reason: "unproven" }];
  if (election !== node.election && met) effects.push(...answerTo(next, from, { echo: met, atMs }));
  return [next, effects];
}

/** Whether another process of that peer is believed now, which must hear of us, too. */
function provedBetween({ election: before }: Node, { election }: Node, from: string): boolean {
  const proof = election.peers.get(from)?.proof ?? null;
  return proof !== null && proof.run !== before.peers.get(from)?.proof?.run;
}

function someoneDied(before: Node, { election }: Node): boolean {
  return [...election.peers.values()].some(({ address, alive }) =>
    !alive && before.election.peers.get(address)?.alive
  );
}

/** The times that the configuration gives to ownership. */
function timesOf(settings: NodeSettings): OwnershipSettings {
  return { reconcileMs: settings.reconcileMs, deadTimeMs: deadTimeMs(settings) };
}

function retimed({ ownership }: Node, settings: NodeSettings): Ownership {
  return { ...ownership, settings: timesOf(settings) };
}
