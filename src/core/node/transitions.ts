// The log lines for a step of the node: its role, its priority, its peers and the paths to them, a twin, the move
// limit. explanation.ts has the words about the reason for a role.
import { durationText } from "../age.ts";
import { type Election, oneWay, pending, twinned } from "../election/state.ts";
import { givenUp } from "../election/missing.ts";
import { type Report, report } from "../registry/events.ts";
import { ROLE_REASONS } from "../registry/role_reasons.ts";
import { explained, failsafeChanges, roleExplanation, type Told } from "./explanation.ts";
import type { Node, NodeEffect, NodeEvent } from "./state.ts";
import {
  livesElsewhere,
  machineOf,
  ownPriorityOf,
  pathsOf,
  pathText,
  type Peer,
  standingBack,
  titleOf,
} from "../election/peer.ts";

/** The log lines for the step from one state to the next. */
export function changesBetween(
  nodeBefore: Pick<Node, "election" | "membership" | "lease">,
  node: Told,
  atMs: number,
): NodeEffect[] {
  const { election: before, membership: { found: foundBefore } } = nodeBefore;
  const { election: after, membership: { found } } = node;
  const discovered = found !== null && found !== foundBefore;
  const reports = [
    ...(discovered ? [report("info", "discovery", found)] : []),
    ...peerChanges(before, after),
    ...goneBetween(before, after),
    ...twinChanges(before, after),
    ...limitChanges(before, after, atMs),
    ...failsafeChanges(nodeBefore, node),
  ];
  if (after.priority !== before.priority) {
    reports.push(report("info", "priority", `priority is now ${after.priority}`));
  }
  if (after.role !== before.role || after.reason !== before.reason) {
    const change = after.role === before.role ? "" : `, was ${before.role}`;
    const { severity } = ROLE_REASONS[after.reason];
    const explanation = roleExplanation(node, atMs);
    reports.push(
      report(severity, "role", `${after.role} (${explained(after)})${change}${explanation}`),
    );
  }
  return reports.map((line) => ({ kind: "report", ...line }));
}

/** The log line for a signal that cannot change the priority any further. */
export function limitReached(
  event: NodeEvent,
  { election: before }: Pick<Node, "election">,
  { election: { priority } }: Pick<Node, "election">,
): NodeEffect[] {
  if (event.kind !== "nudge" || priority !== before.priority) return [];
  const limit = event.by < 0 ? "there is no better one" : "there is no worse one";
  const text = `priority stays ${priority}: ${limit}`;
  return [{ kind: "report", ...report("warning", "priority", text) }];
}

/** Missing peers that were given up. */
function* goneBetween(before: Election, after: Election) {
  if (before.missing === after.missing) return;
  for (const peer of after.missing.keys()) {
    if (!givenUp(after.missing, peer) || givenUp(before.missing, peer)) continue;
    const why = "it cannot be found, and no unknown sender speaks";
    const then =
      "an instance that holds and is no known peer no longer stops this node, and keeps " +
      "its hold while its machine runs";
    yield report("warning", "peer-gone", `peer ${peer} counts as gone: ${why}; ${then}`);
  }
}

function* twinChanges(before: Election, after: Election) {
  yield* rumourChanges(before, after);
  if (twinned(before) === twinned(after)) return;
  if (!twinned(after)) {
    yield report("info", "twin", "no other machine speaks with our instance id any more");
    return;
  }
  const text =
    `${after.twin?.address} speaks with our own instance id, ${after.selfId}: nothing is ` +
    "changed in the cloud until that ends. Give each machine its own id: leave out -i " +
    "(IF_EXOSCALE_INSTANCE_ID), or correct it";
  yield report("critical", "twin", text);
}

function* rumourChanges(before: Election, after: Election) {
  const [was, is] = [before.rumour, after.rumour];
  if (was?.told === is?.told) return;
  if (was?.told) {
    const text = `${was.address} does not speak with our instance id any more`;
    yield report("info", "twin", text);
  }
  if (!is?.told) return;
  const text =
    `${is.address} speaks with our own instance id, ${after.selfId}: the cloud lists it for no ` +
    "peer, so that may be a forgery, and stops nothing. If it is a copy of this machine, its stop " +
    "may take the Elastic IP from us: the cloud is looked at every 5 s. Give each machine its own " +
    "id: leave out -i (IF_EXOSCALE_INSTANCE_ID), or correct it";
  yield report("critical", "twin", text);
}

function* limitChanges(before: Election, after: Election, atMs: number) {
  const { limitedUntilMs, settings: { moveLimit } } = after;
  if (pending(before.limitedUntilMs) === pending(limitedUntilMs)) return;
  if (!pending(limitedUntilMs) || limitedUntilMs === null || moveLimit === null) {
    yield report("info", "move-limit", "the Elastic IP may move to a better node again");
    return;
  }
  const { moves, withinMs } = moveLimit;
  const text = `the Elastic IP has moved ${moves} times within ${durationText(withinMs)} ` +
    "(--move-limit): it stays with a holder that can serve, for the next " +
    durationText(limitedUntilMs - atMs);
  yield report("critical", "move-limit", text);
}

// What the operator is told about peers and the paths to them: a machine that is heard or dead is one line, whatever
// the number of its addresses; a path that is silent while the machine lives is another.

/** The lines about peers. */
function* peerChanges(before: Election, after: Election): Generator<Report> {
  if (before.peers === after.peers) return;
  for (const [address, peer] of after.peers) {
    const known = before.peers.get(address);
    if (!known) yield report("info", "peer-joined", `peer ${titleOf(peer)} joined`);
    else if (peer.alive && !known.alive) yield* heardAgain(peer, known, { before, after });
    else if (!peer.alive && known.alive) yield* fellSilent(peer, after);
    else if (oneWay(peer, after) && !oneWay(known, before)) {
      yield report("warning", "one-way", `peer ${titleOf(peer)} is heard, but does not hear us`);
    } else if (peer.alive && oneWay(known, before) && peer.notHearingUsSinceMs === null) {
      yield report("info", "one-way", `peer ${titleOf(peer)} hears us again`);
    }
  }
  for (const [address, peer] of before.peers) {
    if (!after.peers.has(address)) yield report("info", "peer-left", `peer ${titleOf(peer)} left`);
  }
}

function* heardAgain(
  peer: Peer,
  known: Peer,
  { before, after }: { before: Election; after: Election },
): Generator<Report> {
  if (livesElsewhere(known, before)) {
    const [elsewhere = peer] = livingPaths(peer, after);
    const again = known.heardAtMs === null ? ", too" : " again";
    const text = `peer ${titleOf(elsewhere)} is heard at ${pathText(peer)}${again}`;
    return yield report("info", "path-back", text);
  }
  const back = standingBack(machineOf(peer, after));
  const text = `peer ${titleOf(peer)} is alive, priority ${ownPriorityOf(peer)}`;
  yield report("info", "peer-alive", back === "" ? text : `${text}, ${back}`);
}

function* fellSilent(peer: Peer, after: Election): Generator<Report> {
  const [elsewhere] = livingPaths(peer, after);
  if (elsewhere) {
    const text = `peer ${titleOf(elsewhere)} lives, but is not heard at ${pathText(peer)} any more`;
    return yield report("warning", "path-silent", text);
  }
  // A machine that falls silent on several paths at once is dead once.
  const paths = pathsOf(peer, after);
  const last = paths.reduce((one, other) =>
    (other.heardAtMs ?? -Infinity) > (one.heardAtMs ?? -Infinity) ? other : one
  );
  if (last.address !== peer.address) return;
  const others = paths.filter(({ address }) => address !== peer.address).map(pathText);
  const also = others.length > 0 ? `, at ${others.join(" and ")}, too` : "";
  yield report("warning", "peer-dead", `peer ${titleOf(peer)} is dead${also}`);
}

function livingPaths(peer: Peer, state: Election): Peer[] {
  return pathsOf(peer, state).filter(({ alive, address }) => alive && address !== peer.address);
}
