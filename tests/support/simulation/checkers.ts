// The safety rules, checked from outside at every step: they do not rely on what the watchdogs themselves report.
import { decode } from "../../../src/core/heartbeat.ts";
import type { Observer, SimCluster } from "./cluster.ts";
import type { Machine } from "./machine.ts";
import { callsOneAtATime, callsRarely, PURPOSES } from "./call_rules.ts";
import { deadTimeOf, deceivedMsOf, holdOffOf, lifeOf } from "./limits.ts";
import type { SimDatagram } from "./network.ts";

/** How long a cloud fault, or an operator's change, excuses a mutual eviction. */
export const EXCUSED_MS = 20_000;
/** Time in which no node may hold, beyond dead time, hold-off and three calls, although some node could. */
const UNHELD_MS = 8_000;
/** Longest time between two readings of the cloud, beyond the usual, when calls fail. */
const LOOK_MAX_MS = 30_000;
/** How old the reading of a node in doubt may be: two readings 5 s apart, one of which may fail. */
const UNSEEN_MS = 20_000;
/** A signed heartbeat that was delayed for longer may be rejected. */
const NEWS_MS = 5_000;
/** Interval of the check for unheld addresses. */
const WATCH_MS = 1_000;

/** Watches the cluster; the first broken rule stops its time. */
export function watchSafety(cluster: SimCluster): void {
  cluster.observers.push(
    takesOverOnlyAfterListening(cluster),
    leavesItToTheMissing(cluster),
    evictsOnlyTheSilent(cluster),
    evictsOnlyWhoLived(cluster),
    evictsOnlyAsHolder(cluster),
    takesNobodyForItself(cluster),
    callsOneAtATime(cluster),
    callsRarely(cluster),
    givesUpOnlyWhatIsHeld(cluster),
  );
  neverUnheldForLong(cluster);
  const evictedOnce = evictsOncePerDeath(cluster);
  cluster.observers.push(evictedOnce.observer);
  cluster.cloud.onAccept = (change, instanceId, by) => {
    if (change !== "detach") return;
    const [victim, taker] = [instanceId, by].map((id) => machineOf(cluster, id));
    if (!victim || !taker || victim === taker) return;
    takesNeverFromTheLast(cluster, victim, taker);
    evictedOnce.taken(taker, victim);
  };
}

/** No takeover during the hold-off, after a start or a sleep; but a node that leaves may give up at once. */
function takesOverOnlyAfterListening(cluster: SimCluster): Observer {
  return {
    called(by, { verb }) {
      if (PURPOSES[verb] === "look" || by.stopping) return;
      const { nowMs } = cluster.timeline;
      const { intervalMs } = by.settings;
      // A node whose clock stood still does not know that it slept.
      const slept = by.frozenUntilMs - by.frozenSinceMs > 2 * intervalMs &&
        !by.suspended;
      const sinceMs = Math.max(by.startedAtMs, slept ? by.frozenUntilMs : -Infinity);
      if (nowMs < sinceMs + holdOffOf(by.settings)) {
        cluster.fail(
          by.name,
          `${verb} ${(nowMs - sinceMs).toFixed(0)} ms after it began to listen`,
        );
      }
    },
  };
}

/** No attach beside a machine whose name cannot be resolved, if it has served for longer than a reading may be old. */
function leavesItToTheMissing(cluster: SimCluster): Observer {
  const { cloud, timeline } = cluster;
  return {
    called(by, { verb }) {
      if (verb !== "attach" || !cluster.inDoubt(by)) return;
      const serving = [...by.unseen].find(({ agent, instanceId, onAtMs }) => {
        const sinceMs = Math.max(cloud.heldSinceMs(instanceId), onAtMs);
        return agent !== null && !cloud.stopped.has(instanceId) &&
          timeline.nowMs > sinceMs + UNSEEN_MS + cloud.staleMs;
      });
      if (serving) cluster.fail(by.name, `attaches beside ${serving.name}, which it cannot place`);
    },
  };
}

/**
 * No eviction of a peer from which a new heartbeat reached the socket within the dead time. If all nodes sign, the
 * heartbeat must come from a process that can have heard the receiver, and must not be old.
 */
function evictsOnlyTheSilent(cluster: SimCluster): Observer {
  const heard = new Map<string, { atMs: number; sentAtMs: number; sequence: number }>();
  /** The highest sequence of each process that reached a socket: whoever believed that one refuses all before it. */
  const highest = new Map<string, number>();
  const proves = cluster.options.signed ? provesLife(cluster) : () => true;
  return {
    arrived(to, datagram) {
      const { from, bytes, sentAtMs } = datagram;
      const key = `${to.name} ${to.incarnation} ${from}`;
      const last = heard.get(key);
      const { sequence, run } = markOf(bytes);
      const life = `${key} ${run}`, before = run === null ? -1 : highest.get(life) ?? -1;
      highest.set(life, Math.max(before, sequence));
      if (!proves(to, datagram) || sequence < before) return;
      // A late or duplicated datagram proves nothing, and one with an older sequence is rejected.
      if (last && (sentAtMs <= last.sentAtMs || sequence < last.sequence)) return;
      heard.set(key, { atMs: cluster.timeline.nowMs, sentAtMs, sequence });
    },
    called(by, call) {
      // One that is for a machine that is off takes nothing from one that runs: the cloud is asked once more.
      if (call.verb !== "evict" || call.onlyIfStopped) return;
      if (cluster.cloud.stopped.has(call.instanceId)) return;
      const victim = machineOf(cluster, call.instanceId);
      const last = heard.get(`${by.name} ${by.incarnation} ${victim?.address}`);
      const silentMs = cluster.timeline.nowMs - (last?.atMs ?? -Infinity);
      if (silentMs < deadTimeOf(by.settings)) {
        cluster.fail(by.name, `evicts ${victim?.name}, heard ${silentMs.toFixed(0)} ms ago`);
      }
    },
  };
}

/**
 * Whether a signed heartbeat proves that its sender lives: its present process has sent it, a moment ago, and has
 * echoed the receiver's process after any other of its processes could.
 */
function provesLife({ timeline, machines }: SimCluster) {
  const proved = new Map<string, bigint>();
  /** When a heartbeat of another process arrived that was not old, either. */
  const disturbed = new Map<string, { run: bigint; atMs: number }>();
  return (to: Machine, { from, bytes, sentAtMs }: SimDatagram): boolean => {
    const { nowMs } = timeline;
    const heartbeat = decode(bytes);
    const trailer = "refused" in heartbeat ? null : heartbeat.trailer;
    const sender = [...machines.values()].find(({ address }) => address === from);
    if (!trailer?.stamp || !sender) return false;
    const { run, echo } = trailer.stamp;
    const key = `${to.name} ${to.incarnation} ${from}`;
    const echoMs = echo?.run === to.run ? echo.sequence / 1_000 - to.aheadMs : -Infinity;
    const recent = nowMs - echoMs <= 2 * deadTimeOf(to.settings);
    if (run !== sender.run || sender.agent === null) {
      if (recent) disturbed.set(key, { run, atMs: nowMs });
      return false;
    }
    const after = disturbed.get(key)?.atMs ?? -Infinity;
    if (recent && echoMs > after) proved.set(key, run);
    return proved.get(key) === run && nowMs - sentAtMs < NEWS_MS;
  };
}

/** The life of a peer, as its heartbeats reached a socket. */
interface Life {
  readonly sinceMs: number;
  readonly lastMs: number;
  readonly beats: number;
}

/** The lives of one peer, as they reached a socket. */
interface Lives {
  readonly last: Life;
  /** When a life was first long enough for an eviction; null when none has been since the last eviction. */
  readonly livedAtMs: number | null;
  /** These times before each eviction. */
  readonly diedAtMs: readonly number[];
}

/**
 * Without signatures, a machine is only evicted if it was heard for long enough since the last eviction: three
 * heartbeats in a row, and from the second eviction within 64 dead times on for two dead times, four, up to 32. So
 * heartbeats that anybody can forge evict rarely.
 */
function evictsOnlyWhoLived(cluster: SimCluster): Observer {
  const { options, timeline, cloud } = cluster;
  const known = new Map<string, Lives>();
  /** Calls that find something to evict. A call that finds nothing is repeated, because a hold may show late. */
  const taking = new Set<string>();
  const keyOf = (by: Machine, address = "") => `${by.name} ${by.incarnation} ${address}`;
  return {
    arrived(to, { from }) {
      if (options.signed) return;
      const { nowMs } = timeline, { settings } = to, key = keyOf(to, from);
      const { last, livedAtMs = null, diedAtMs = [] } = known.get(key) ?? {};
      const life = last && nowMs < last.lastMs + deadTimeOf(settings)
        ? { ...last, lastMs: nowMs, beats: last.beats + 1 }
        : { sinceMs: nowMs, lastMs: nowMs, beats: 1 };
      // The core remembers deaths for a dead time longer, and counts from the death.
      const remembered = diedAtMs.filter((ms) => ms > nowMs - 63 * deadTimeOf(settings));
      const long = nowMs - life.sinceMs >= lifeOf(settings, remembered.length);
      const lived = life.beats >= 3 && long;
      known.set(key, {
        last: life,
        livedAtMs: livedAtMs ?? (lived ? nowMs : null),
        diedAtMs: remembered,
      });
    },
    called(by, call) {
      // A frozen machine hears everything later, and all at once.
      if (call.verb !== "evict" || options.signed || by.frozenUntilMs > -Infinity) return;
      if (call.onlyIfStopped || cloud.stopped.has(call.instanceId)) return;
      const victim = machineOf(cluster, call.instanceId);
      const key = keyOf(by, victim?.address), lives = known.get(key);
      // What holds nothing loses nothing: the last look after a death, in case its hold shows late.
      if (!cloud.holders.has(call.instanceId)) return;
      taking.add(key);
      if (lives && lives.livedAtMs !== null) return;
      const { beats = 0, sinceMs = 0, lastMs = 0 } = lives?.last ?? {};
      const heard = `${beats} times in ${(lastMs - sinceMs).toFixed(0)} ms`;
      const died = `${lives?.diedAtMs.length ?? 0} times before`;
      cluster.fail(by.name, `evicts ${victim?.name}, last heard ${heard}, evicted ${died}`);
    },
    ended(by, call, answer) {
      if (call.verb !== "evict" || cloud.holders.has(call.instanceId)) return;
      const key = keyOf(by, machineOf(cluster, call.instanceId)?.address);
      // Another node was quicker: this one has taken nothing. After a failure nobody knows, so it counts.
      const found = answer?.verb === "evict" ? answer.outcome : "taken";
      if (!taking.delete(key) || found !== "taken") return;
      const { last, livedAtMs, diedAtMs } = known.get(key) ?? {};
      if (!last || !diedAtMs || livedAtMs === undefined || livedAtMs === null) return;
      known.set(key, { last, livedAtMs: null, diedAtMs: [...diedAtMs, livedAtMs] });
    },
  };
}

/** No recording makes a node believe that another machine has its id: no two machines share one. */
function takesNobodyForItself(cluster: SimCluster): Observer {
  return {
    said(by, { event }) {
      if (event === "twin") {
        cluster.fail(by.name, "takes a recording for a machine with its own id");
      }
    },
  };
}

/** Attach before evict: a node that evicts has held the address itself, as far as a reading can tell. */
function evictsOnlyAsHolder(cluster: SimCluster): Observer {
  const { cloud, timeline } = cluster;
  return {
    called(by, { verb }) {
      const sinceMs = timeline.nowMs - cloud.heldAtMs(by.instanceId);
      if (verb === "evict" && sinceMs > by.settings.reconcileMs + LOOK_MAX_MS) {
        cluster.fail(by.name, "evicts without holding");
      }
    },
  };
}

function markOf(bytes: Uint8Array): { sequence: number; run: bigint | null } {
  const heartbeat = decode(bytes);
  if ("refused" in heartbeat) return { sequence: 0, run: null };
  const { sequence = Infinity, stamp = null } = heartbeat.trailer ?? {};
  return { sequence, run: stamp?.run ?? null };
}

/** No tug of war: no node evicts the same machine twice between two signs of its life, unless that machine is off. */
function evictsOncePerDeath(cluster: SimCluster) {
  const taken = new Set<string>();
  const key = (by: Machine, victim: string) => `${by.name} ${by.incarnation} ${victim}`;
  const observer: Observer = {
    arrived: (to, { from }) => void taken.delete(key(to, from)),
  };
  return {
    observer,
    taken(by: Machine, victim: Machine) {
      const mark = key(by, victim.address);
      if (taken.has(mark) && !cluster.cloud.stopped.has(victim.instanceId)) {
        cluster.fail(by.name, `takes from ${victim.name} again, without a sign of its life`);
      }
      taken.add(mark);
    },
  };
}

/**
 * No other node takes the address from the last live holder. While two halves cannot hear each other, only order and
 * time keep them apart: after a recent cloud failure or operator's change they may evict each other at the same moment.
 * `neverUnheldForLong` checks that each then attaches its own again.
 */
function takesNeverFromTheLast(cluster: SimCluster, victim: Machine, by: Machine): void {
  if (!victim.agent || otherLiveHolders(cluster, victim).length > 0) return;
  const { cloud, timeline } = cluster;
  // A frozen victim serves nothing.
  if (timeline.nowMs < victim.frozenUntilMs) return;
  // The node that evicts, which held, too, may have died between its request and the cloud's acceptance.
  const disturbedAtMs = Math.max(cloud.troubledAtMs, cloud.handAtMs);
  // A machine that slept decides as late as the one that waited for it, and an old reading misleads it.
  const wokeAtMs = cloud.staleMs > 0 ? Math.max(victim.frozenUntilMs, by.frozenUntilMs) : -Infinity;
  const excused = by.agent === null || timeline.nowMs < wokeAtMs + EXCUSED_MS ||
    timeline.nowMs < disturbedAtMs + EXCUSED_MS;
  if (!excused) cluster.fail(by.name, `takes from ${victim.name}, the last live holder`);
}

/** A node that is not told to leave gives up only what another node holds. */
function givesUpOnlyWhatIsHeld(cluster: SimCluster): Observer {
  const giving = new Set<Machine>();
  return {
    called: (by, { verb }) => void (verb === "detach-self" && giving.add(by)),
    stepped(machine, { ownership }) {
      if (!giving.delete(machine) || machine.stopping || ownership.confirmed !== null) return;
      cluster.fail(machine.name, "gives up without a successor");
    },
  };
}

/**
 * Some live node holds, unless a moment ago the cloud was in trouble, an operator interfered, or a machine came, left
 * or slept.
 */
function neverUnheldForLong(cluster: SimCluster): void {
  const { timeline, cloud } = cluster;
  let calmSinceMs = 0, apartAtMs = -Infinity;
  const watch = () => {
    const { nowMs } = timeline;
    const live = [...cluster.machines.values()].filter(({ agent }) => agent !== null);
    // A node that is not in the peer list serves only if no listed machine holds, even one whose watchdog is dead. The
    // same applies to any unknown holder if the node cannot place a peer.
    const awake = live.filter((machine) =>
      nowMs >= machine.frozenUntilMs && !machine.stopping && !cluster.inDoubt(machine) &&
      (machine.inPeerList || !cluster.options.dynamic)
    );
    // What was released nobody can hold.
    const held = awake.length === 0 || cloud.released ||
      live.some(({ instanceId }) => cloud.holders.has(instanceId));
    const lastEvent = Math.max(
      cloud.troubledAtMs,
      // Only the next reading shows what an operator has done.
      cloud.handAtMs + 1.1 * (live[0]?.settings.reconcileMs ?? 0),
      ...live.map(({ startedAtMs, frozenUntilMs }) => Math.max(startedAtMs, frozenUntilMs)),
    );
    if (held) calmSinceMs = nowMs;
    calmSinceMs = Math.max(calmSinceMs, lastEvent);
    const [one] = awake;
    if (!one) return timeline.at(nowMs + WATCH_MS, watch);
    // A node that was evicted by others that it cannot hear may learn so only at its next reading.
    const lookMs = 1.1 * one.settings.reconcileMs;
    if (cluster.network.cuts.size > 0) apartAtMs = nowMs;
    const apartMs = nowMs < apartAtMs + lookMs ? lookMs : 0;
    const deceivedMs = cluster.options.signed ? deceivedMsOf(one.settings) : 0;
    const limitMs = deadTimeOf(one.settings) + holdOffOf(one.settings) + 3 * cloud.callMs +
      UNHELD_MS + apartMs + deceivedMs;
    if (nowMs > calmSinceMs + limitMs) {
      cluster.fail("cloud", "nobody holds, though some node could");
    }
    timeline.at(nowMs + WATCH_MS, watch);
  };
  timeline.at(WATCH_MS, watch);
}

function otherLiveHolders(cluster: SimCluster, than: Machine): Machine[] {
  return [...cluster.machines.values()].filter((machine) =>
    machine !== than && machine.agent !== null && cluster.cloud.holders.has(machine.instanceId)
  );
}

function machineOf(cluster: SimCluster, instanceId: string): Machine | undefined {
  return [...cluster.machines.values()].find((machine) => machine.instanceId === instanceId);
}
