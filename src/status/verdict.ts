// The verdict on a watchdog for a monitoring system: one word, and why. Pure: it uses only the snapshot.
//
//   CRITICAL   users are affected, or the next fault will affect them: no node is known to hold the address; this node
//              holds it without the cloud, with no interface for it, or as the only unhealthy choice; the Elastic IP
//              is gone, or the cloud moves it itself; another machine has our id; the loop is stuck; the store of the
//              lease is lost to a holder, or an owner of the lease does not get the address. Without an answer,
//              too: see commands/status.ts.
//   WARNING    the address is served, and something is not as it should be: a peer that is dead, missing, unhealthy or
//              without the cloud, a path on which a live peer is silent, a link that works one way only, a drained
//              node, a failing check here, this node without the cloud while another one serves, an extra holder, a
//              possible twin, a lease that is lost, or that nobody or another node owns, a pause, a stop.
//   UNKNOWN    the first election is not over, and no node is known to hold the address yet.
//   OK         everything else.
import { durationText, spanText } from "../core/age.ts";
import { titleOf } from "../core/election/peer.ts";
import { instanceTitle } from "../core/instance_title.ts";
import { leaseProblems } from "./lease_problems.ts";
import { machinesOf, type MachineView, pathTitle, silentPaths } from "./machines.ts";
import { stuckBecause } from "./liveness.ts";
import {
  type AddressView,
  type Level,
  LEVELS,
  type Problem,
  type Snapshot,
  type Verdict,
} from "./snapshot.ts";

/** Problems that are listed; more are only counted. */
const PROBLEMS_MAX = 64;

/** The worst first. */
const WORST_FIRST: readonly Level[] = ["CRITICAL", "UNKNOWN", "WARNING", "OK"];

/** The input of the verdict. */
export type Judged = Omit<Snapshot, "verdict">;

/** The exit code of a monitoring plugin for this level. */
export function exitCodeOf(level: Level): 0 | 1 | 2 | 3 {
  return LEVELS.indexOf(level) as 0 | 1 | 2 | 3;
}

/** `OK: ...`, the one line for a person. */
export function verdictLine({ level, text }: Verdict): string {
  return `${level}: ${text}`;
}

/** Makes the verdict. */
export function verdictOf(snapshot: Judged): Verdict {
  const { addresses } = snapshot;
  const several = addresses.length > 1;
  const found = [
    ...processProblems(snapshot),
    ...addresses.flatMap((view) =>
      [...addressProblems(view, snapshot)].map(([level, text]): Problem => ({
        level,
        text: several ? `${view.elasticIp}: ${text}` : text,
      }))
    ),
  ];
  const problems = WORST_FIRST.flatMap((level) => found.filter((each) => each.level === level));
  return {
    level: problems[0]?.level ?? "OK",
    text: [`${snapshot.shadow ? SHADOW : ""}${summaryOf(snapshot)}`, ...headline(problems)].join(
      "; ",
    ),
    problems: problems.slice(0, PROBLEMS_MAX),
  };
}

/** The watchdog's own verdict, which is based on everything; if it gives none, one derived from the rest. */
export function verdictIn(snapshot: Judged & { readonly verdict?: Verdict }): Verdict {
  const { verdict } = snapshot;
  return verdict && LEVELS.includes(verdict.level) ? verdict : verdictOf(snapshot);
}

/** The problems that the summary does not contain already. */
function headline(problems: readonly Problem[]): string[] {
  const [first, ...rest] = problems.filter(({ text }) => !text.endsWith(UNHELD));
  if (!first) return [];
  return [rest.length > 0 ? `${first.text}, and ${rest.length} more` : first.text];
}

/** Before the summary of a shadow. */
const SHADOW = "shadow, changes nothing: ";

const UNHELD = "nobody is known to hold it";

type Found = readonly [level: Problem["level"], text: string];

function* processProblems(snapshot: Judged): Generator<Problem> {
  const stuck = stuckBecause(snapshot);
  if (stuck !== null) yield { level: "CRITICAL", text: stuck };
  for (const { name, state, reason } of snapshot.checks) {
    if (state !== "failing") continue;
    yield { level: "WARNING", text: `check ${name} is failing${reason && `: ${reason}`}` };
  }
  if (snapshot.phase === "stopping") yield { level: "WARNING", text: "this node is stopping" };
}

function* addressProblems(view: AddressView, snapshot: Judged): Generator<Found> {
  const { holding, role, reason } = view;
  if (view.released) yield ["CRITICAL", "the Elastic IP does not exist any more in the cloud"];
  else if (view.unavailable) yield ["CRITICAL", `nobody can have the address: ${view.unavailable}`];
  if (reason === "twin") yield ["CRITICAL", "another machine speaks with this instance's id"];
  else if (view.twin) yield ["WARNING", `${view.twin.address} seems to speak with this node's id`];
  const starting = snapshot.phase === "starting" && view.cloudReachable &&
    view.lease?.reachable !== false;
  if (!view.released && holdersOf(view).length === 0) {
    yield [starting ? "UNKNOWN" : "CRITICAL", UNHELD];
  }
  if (!view.cloudReachable) {
    yield holding === true
      ? ["CRITICAL", "this node holds the address and does not reach the cloud"]
      : ["WARNING", "this node does not reach the cloud"];
  }
  if (holding === true && view.onInterface === false && !snapshot.shadow) {
    yield ["CRITICAL", "no interface of this machine has the address: its traffic is dropped"];
  }
  if (!view.healthy) {
    if (holding === true && role === "master") {
      yield ["CRITICAL", "this node serves although it is unhealthy: no live node is healthy"];
    } else if (!snapshot.checks.some(({ state }) => state === "failing")) {
      const why = view.interfaceProblem && `: ${view.interfaceProblem}`;
      yield ["WARNING", `this node is unhealthy${why}`];
    }
  }
  if (view.aside) {
    const { kind, by, reason: why, ageMs } = view.aside;
    const since = ageMs === null ? "" : ` ${spanText(ageMs)} ago`;
    const text = `${kind} by ${by}${since}${why && `: ${why}`}`;
    yield holding === true && role === "master"
      ? ["WARNING", `no other live node can serve, so this one does, though it was ${text}`]
      : ["WARNING", `this node was ${text}`];
  }
  if (reason === "stalled") yield ["WARNING", "this process was paused"];
  if (!view.inPeerList) yield ["WARNING", "the list of peers does not have this node"];
  for (const { peer, gone } of view.missingPeers) {
    yield ["WARNING", `peer ${peer} is missing${gone ? ", and counts as gone" : ""}`];
  }
  const { limitedForMs = null } = view as Partial<AddressView>;
  if (limitedForMs !== null) {
    const left = durationText(limitedForMs);
    yield ["WARNING", `it moved as often as --move-limit allows, and stays for ${left} more`];
  }
  yield* leaseProblems(view);
  yield* holderProblems(view);
  for (const peer of machinesOf(view.peers)) yield* peerProblems(peer, view);
}

/** Holders besides those that should hold. */
function* holderProblems(view: AddressView): Generator<Found> {
  const { otherHolders, otherHoldersAgeMs, reconcileMs, peers } = view;
  const fresh = otherHoldersAgeMs !== null && otherHoldersAgeMs <= 2 * reconcileMs + 10_000;
  for (const { instanceId, name, peer, off } of fresh ? otherHolders : []) {
    if (peer !== null || off) continue;
    const title = instanceTitle({ instanceId, ...(name && { name }) });
    yield ["WARNING", `${title} holds it, too, and is not a peer`];
  }
  const holding = machinesOf(peers).filter(({ alive, holds }) => alive && holds);
  const ranks = new Set([
    ...holding.map((peer) => peer.ownPriority ?? peer.priority),
    ...(view.holding === true ? [view.priority] : []),
  ]);
  const count = holding.length + (view.holding === true ? 1 : 0);
  // Equals hold together, unless configured not to.
  if (count < 2 || (ranks.size === 1 && !view.exclusive)) return;
  yield ["WARNING", `${count} nodes hold it at the same time`];
}

function* peerProblems(peer: MachineView, view: AddressView): Generator<Found> {
  const title = `peer ${titleOf(peer)}`;
  if (!peer.alive) {
    if (peer.link === "not-heard") yield ["WARNING", `${title} lives, but is not heard`];
    else if (view.settling) return;
    else if (peer.link === "unlisted") {
      const seen = peer.heardAgeMs === null ? "" : `, last seen ${spanText(peer.heardAgeMs)} ago`;
      yield ["WARNING", `${title} is dead: the store does not list it${seen}`];
    } else if (peer.heardAgeMs === null) yield ["WARNING", `${title} was never heard`];
    else yield ["WARNING", `${title} is dead, last heard ${spanText(peer.heardAgeMs)} ago`];
    return;
  }
  for (const path of view.settling ? [] : silentPaths(peer)) {
    const { heardAgeMs } = path;
    const since = heardAgeMs === null ? "was never heard" : "is silent";
    const last = heardAgeMs === null ? "" : ` for ${spanText(heardAgeMs)}`;
    yield ["WARNING", `${title} lives, but ${since} at ${pathTitle(path)}${last}`];
  }
  const { notHearingUsAgeMs } = peer;
  if (notHearingUsAgeMs !== null && notHearingUsAgeMs >= view.deadTimeMs) {
    yield ["WARNING", `${title} is heard, but does not hear this node`];
  }
  if (peer.unhealthy) yield ["WARNING", `${title} is unhealthy`];
  if (peer.unable && !peer.leaving) yield ["WARNING", `${title} cannot take the address`];
}

/** The known holders. Peers that cannot say so count if the cloud or their rank shows it. */
export function holdersOf(view: AddressView): string[] {
  const live = machinesOf(view.peers).filter(({ alive }) => alive);
  const claiming = live.filter(({ holds }) => holds).map(titleOf);
  const holders = [...(view.holding === true ? ["this node"] : []), ...claiming];
  if (holders.length > 0) return holders;
  const original = live.filter(({ holds }) => holds === null);
  const shown = original.filter(({ paths }) =>
    view.otherHolders.some(({ peer }) => paths.some(({ address }) => peer === address))
  );
  const best = Math.min(...live.map(({ priority }) => priority ?? Infinity));
  const [expected] = [...shown, ...original.filter(({ priority }) => priority === best)];
  // The original's format cannot say who holds: the best-ranked live node is the holder.
  return expected && view.role === "backup" ? [titleOf(expected)] : [];
}

function summaryOf({ addresses }: Judged): string {
  const [only, ...more] = addresses;
  if (!only) return "no Elastic IP is watched";
  // Each machine once, though it is a peer for several Elastic IPs.
  const machines = machinesOf(addresses.flatMap(({ peers }) => peers));
  const live = machines.filter(({ alive }) => alive).length;
  const peers = machines.length === 0 ? "no peers" : `${live} of ${machines.length} peers live`;
  const ages = addresses.flatMap(({ roleAgeMs }) => roleAgeMs ?? []);
  const span = spanText(Math.min(...ages, Infinity));
  const since = more.length === 0
    ? `${only.role} for ${span}`
    : `the last change of a role was ${span} ago`;
  return [heldText(addresses), peers, ...(ages.length > 0 ? [since] : [])].join(", ");
}

/** Most addresses that the summary names; beyond that it only gives numbers. */
const NAMED_MAX = 3;

function heldText(addresses: readonly AddressView[]): string {
  if (addresses.length > NAMED_MAX) {
    const here = addresses.filter(({ holding }) => holding === true).length;
    const held = addresses.filter((view) => holdersOf(view).length > 0).length;
    return `${held} of ${addresses.length} Elastic IPs are held, ${here} of them by this node`;
  }
  return addresses.map((view) => {
    const holders = holdersOf(view);
    if (holders.length === 0) return `nobody is known to hold ${view.elasticIp}`;
    return `${holders.join(" and ")} ${holders.length > 1 ? "hold" : "holds"} ${view.elasticIp}`;
  }).join(", ");
}
