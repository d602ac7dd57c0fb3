// What a node says about itself, to which peers, and which heartbeats a step sends.
import {
  barred,
  type Election,
  hasStoodBack,
  keepsHere,
  ranksAfter,
  selfEligible,
  standsBack,
  storeReachable,
} from "../election/state.ts";
import { fit } from "../election/aside.ts";
import { type Advert, type Mark, sameAdvert } from "../heartbeat.ts";
import { membersOf } from "./group.ts";
import { detaching } from "../ownership/step.ts";
import { shutdown } from "./shutdown.ts";
import {
  BEST_PRIORITY,
  echoFor,
  eligible,
  LAST_PRIORITY,
  livesElsewhere,
  machineOf,
  machinesOf,
  type Peer,
  told,
} from "../election/peer.ts";
import { twinEcho } from "../election/twin.ts";
import type { Member, Node, NodeEffect, Turn } from "./state.ts";

/** What the node advertises now. A node that is ineligible or stands back advertises the last priority. */
export function advert(state: Election): Advert {
  const back = standsBack(state) && !hasStoodBack(state);
  const willing = selfEligible(state) && fit(state) && !back;
  return {
    priority: !willing ? LAST_PRIORITY : keepsHere(state) ? BEST_PRIORITY : state.priority,
    holds: state.holding === true,
    leaving: state.stops > 0,
    unable: !state.cloudReachable || !storeReachable(state) || state.kept || barred(state),
    unhealthy: !fit(state),
    ownPriority: state.priority,
    intervalMs: state.settings.intervalMs,
  };
}

/**
 * What one peer is told. An original peer that holds gives up the moment it hears of a better-ranked node, whether that
 * node holds or not (exoip engine.go, CheckState), so it must not learn our rank before we hold. For the first interval
 * on API v1 the same applies to a peer that may still turn out to be an original one. While we do not know whether we
 * hold, we tell our rank: we may have to keep the address.
 */
export function advertTo(
  peer: Peer,
  says: Advert,
  { state, atMs }: { state: Election; atMs: number },
): Advert {
  const unknown = peer.heardAtMs === null && atMs < state.originalsUntilMs;
  const hasty = (unknown || seemsToHold(peer, state)) && ranksAfter(peer, state);
  return hasty && state.holding === false ? { ...says, priority: LAST_PRIORITY } : says;
}

/** An original peer cannot say that it holds; it is assumed to if it ranks best of all live peers. */
function seemsToHold(peer: Peer, state: Election): boolean {
  if (!peer.alive || peer.trailer !== null) return false;
  const live = machinesOf(state).filter(eligible);
  return live.every(({ priority }) => peer.priority <= priority);
}

/** What the node says of itself now. No peer may rely on a hold that is being given up. */
export function saysOf(node: Node): Advert {
  const says = advert(node.election);
  return { ...says, holds: says.holds && !membersOf(node).some(givesUp) };
}

/**
 * Sends what is due: to all peers at each interval, and at once when our advert or the peers have changed. `answered`
 * is the address of a peer that gets a heartbeat in any case. A process that may exit says so last.
 */
export function speak(
  node: Node,
  { atMs, effects, joined, answered }: Turn & { joined: boolean; answered: string | null },
): Node {
  const { election } = node;
  const says = saysOf(node), exit = shutdown.exitCode(node, atMs);
  let { peers, heartbeatAtMs } = election;
  if (election.heartbeats) {
    const due = atMs >= heartbeatAtMs;
    const news = !sameAdvert(says, node.said);
    if ((due || news || joined || exit !== null) && election.selfId !== null) {
      const heartbeats = [...peers.values()].map((peer) => heartbeatTo(peer, says, { node, atMs }));
      peers = allTold(election, heartbeats, atMs);
      // The first `leaving` heartbeat must not get lost: three datagrams.
      const copies = says.leaving && !node.said.leaving ? 3 : 1;
      for (let copy = 0; copy < copies; copy++) {
        effects.push(...heartbeats, ...besidePeers(election, says, { due }));
      }
    } else if (answered !== null) effects.push(...answerTo(node, answered, { atMs }));
    if (due) heartbeatAtMs = nextHeartbeatAtMs(election, atMs);
  }
  if (exit !== null) effects.push({ kind: "exit", code: exit });
  return { ...node, said: says, election: { ...election, peers, heartbeatAtMs } };
}

/** When the heartbeat after the one that is due now leaves. */
function nextHeartbeatAtMs(election: Election, atMs: number): number {
  const { heartbeatAtMs, previousInterval, settings } = election;
  const intervalMs = previousInterval && atMs < previousInterval.untilMs
    ? previousInterval.intervalMs
    : settings.intervalMs;
  const onTimeMs = heartbeatAtMs + intervalMs;
  return onTimeMs > atMs ? onTimeMs : atMs + intervalMs;
}

/** The heartbeats to machines that are no peers of ours, but have our instance id, or may have it. */
function besidePeers(
  election: Election,
  says: Advert,
  { due }: { due: boolean },
): Extract<NodeEffect, { kind: "send" }>[] {
  const { twin, peers, selfAddresses } = election;
  const sends: Extract<NodeEffect, { kind: "send" }>[] = [];
  const send = { kind: "send", advert: says } as const;
  // The twin must hear us, too, although we may not be its peer.
  if (twin?.certain && !peers.has(twin.address)) {
    const { address: to } = twin;
    sends.push({ ...send, to, hearsYou: true, echo: twinEcho(election, to), apart: "twin" });
  }
  // At an address that the cloud lists for us but this machine does not have, there may be a machine with our id.
  for (const to of due ? selfAddresses : []) {
    if (peers.has(to) || (twin?.certain && to === twin.address)) continue;
    sends.push({ ...send, to, hearsYou: false, echo: null, apart: "self" });
  }
  return sends;
}

function givesUp({ ownership }: Member): boolean {
  return detaching(ownership);
}

/** The peers with what each may know of us after these heartbeats; the same ones when that is nothing new. */
function allTold(
  { peers, selfId }: Election,
  heartbeats: readonly Extract<NodeEffect, { kind: "send" }>[],
  atMs: number,
): Election["peers"] {
  const id = selfId ?? "";
  const changed = heartbeats.flatMap(({ to, advert }) => {
    const before = peers.get(to);
    const after = before && told(before, advert, { id, atMs });
    return after === before || !after ? [] : [[to, after] as const];
  });
  return changed.length === 0 ? peers : new Map([...peers, ...changed]);
}

/** A heartbeat for one peer only; none while we have no id. */
export function answerTo(
  node: Node,
  address: string,
  { atMs, echo }: { atMs: number; echo?: Mark },
): NodeEffect[] {
  const peer = node.election.peers.get(address);
  if (!peer || node.election.selfId === null) return [];
  const heartbeat = heartbeatTo(peer, node.said, { node, atMs });
  return [echo ? { ...heartbeat, echo: { run: echo.run, sequence: echo.sequence } } : heartbeat];
}

/** Asks a suspect, which may be another machine with our id, to prove it: it can do so only if it hears us. */
export function challenge({ election: before }: Node, node: Node, effects: NodeEffect[]): void {
  const { suspect } = node.election;
  if (suspect === null || suspect === before.suspect) return;
  const { address: to, mark: echo } = suspect;
  effects.push({ kind: "send", to, advert: node.said, hearsYou: false, echo, apart: "twin" });
}

function heartbeatTo(
  peer: Peer,
  says: Advert,
  { node: { election }, atMs }: { node: Node; atMs: number },
): Extract<NodeEffect, { kind: "send" }> {
  const { address: to } = peer;
  // The machine is told what is known of it on all paths: it needs to know whether it is heard at all.
  const machine = machineOf(peer, election);
  const hearsYou = machine.alive;
  const own = advertTo(machine, says, { state: election, atMs });
  const echo = twinEcho(election, to) ?? echoOn(peer, election);
  return { kind: "send", to, advert: own, hearsYou, echo };
}

/** The latest heartbeat of the peer on this path, or on another one if this one is silent. */
function echoOn(peer: Peer, election: Election): Mark | null {
  const own = echoFor(peer);
  if ((own !== null && peer.alive) || !livesElsewhere(peer, election)) return own;
  return peer.met.length > 0 && peer.proof === null ? own : echoFor(machineOf(peer, election));
}

/** Whether there is a peer to which nothing was sent yet: a new one, or all when we have just got our id. */
export function someoneJoined(before: Node, { election }: Node): boolean {
  if (election.selfId !== before.election.selfId) return true;
  if (election.peers === before.election.peers) return false;
  return [...election.peers.keys()].some((address) => !before.election.peers.has(address));
}
