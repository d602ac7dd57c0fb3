// What the operator is told about peers and the paths to them: a machine that is heard or dead is one line, whatever
// the number of its addresses; a path that is silent while the machine lives is another.
import { livesElsewhere, machineOf, pathsOf } from "./election/machines.ts";
import { ownPriorityOf, pathText, type Peer, standingBack, titleOf } from "./election/peer.ts";
import { type Election, oneWay } from "./election/state.ts";
import { type Report, report } from "./registry/report.ts";

/** The lines for the step from one state to the next. */
export function* peerChanges(before: Election, after: Election): Generator<Report> {
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
