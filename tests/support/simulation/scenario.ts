// Cluster stories as text: commands in, trace out.
//
//   cluster a=10 b=20 c=20/plain d=30/off/unlisted interval=1s ratio=3 api=5ms operation=0ms stale=1s lag=5s
//           together=2 (Elastic IPs that move together)
//           exclusive no-preempt preempt-delay=5s handover=10s reconcile=30s move-limit=4/1h dynamic loop signed
//           chance=42
//           lease=5s lease-failsafe=false heartbeats=none     (holding takes a lease)
//           two     (each machine is in two networks: `cut` is about the first one, `cut2` about the second)
//   kill a at 5s | poweroff a at 5s | start a at 9s | stop a at 9s | better a at 9s | worse a at 9s
//   pause a at 5s for 10s | suspend a at 5s for 1h     (its monotonic clock stands still) | clock a at 5s for 1h | clock a back at 5s for 1h | leave a at 5s | join a at 9s
//   cut a b at 5s | cut a>b at 5s | heal at 9s | network loss=0.1 duplicates=0.1 delay=200ms at 5s
//   hide a at 5s | hide a denied at 5s | show a at 9s     (its name cannot be resolved: silence, or "no such name")
//   replay a>b at 5s for 10s     (any earlier heartbeat of a, to b, ten times a second)
//   cross a>b at 5s for 10s      (the latest heartbeats of a on the first path, to b on the second)
//   playback a>b from 5s at 9s   (all heartbeats of a from then on, to b, in order)
//   withhold a>b at 5s for 10s   (heartbeats arrive that much later, until `heal`)
//   forge a>b P=5 holds at 5s    (unsigned, in the name of a)
//   unhealthy a at 5s | healthy a at 9s | configure a P=5 t=100ms at 9s
//   demote a at 5s | promote a at 9s | drain a at 5s | undrain a at 9s     (a drain outlives the process)
//   cloud fails at 5s | cloud hangs a at 5s | cloud ok at 9s | attach a at 5s | detach a at 5s
//   cloud denies a on 2 at 5s | attach a on 2 at 5s | release on 2 at 5s     (only the second Elastic IP)
//   store down a at 5s | store late at 5s | store ok a at 9s     (of the lease)
//   store away at 5s | store ok at 9s | store expired at 9s      (no majority; back, and each lease gets its whole time
//           again, or has expired meanwhile)
//   run 10s | mend | settle
//
// `mend` ends all faults except unhealthy services and requests to stand aside; `settle` demands convergence within the
// bound of convergence.ts.
import { parseDuration } from "../../../src/options/duration.ts";
import { messageOf } from "../../../src/core/message_of.ts";
import type { AsideKind } from "../../../src/core/election/aside.ts";
import { watchSafety } from "./checkers.ts";
import type { Fault } from "./cloud.ts";
import type { MoveLimit } from "../../../src/core/election/state.ts";
import { SimCluster } from "./cluster.ts";
import { convergeLeased, watchLease } from "./lease_checker.ts";
import type { StoreFault } from "./lease_store.ts";
import { watchGroup } from "./group_checker.ts";
import { converge } from "./convergence.ts";
import type { Machine } from "./machine.ts";
import { seededRandom } from "./prng.ts";
import { follow } from "./trace.ts";
import type { NodeSettings } from "../../../src/core/node/state.ts";

/** The Elastic IPs that can move together with the first. */
const SISTERS = ["198.51.100.51", "198.51.100.52"];

/** The result of a story. */
export interface Played {
  readonly trace: readonly string[];
  /** The first broken rule, null without one. */
  readonly violation: string | null;
}

/** Plays the commands to their end, or to the first broken rule. */
export async function play(text: string, { loop = false } = {}): Promise<Played> {
  const commands = text.split("\n").map((line) => line.replace(/#.*/, "").trim()).filter(Boolean);
  const [first = "", ...rest] = commands;
  const trace: string[] = [];
  const cluster = build(`${first}${loop ? " loop" : ""}`, trace);
  try {
    for (const command of rest) {
      if (cluster.violation === null) await obey(cluster, command);
    }
  } catch (error) {
    // A broken invariant of the core counts like a broken rule.
    cluster.fail("core", messageOf(error));
  }
  return { trace, violation: cluster.violation };
}

function build(line: string, trace: string[]): SimCluster {
  const words = line.split(/\s+/).slice(1);
  const settings = new Map(words.map((word) => word.split("=") as [string, string]));
  const span = (name: string, fallback: string) => spanOf(settings.get(name) ?? fallback, line);
  const cluster = new SimCluster({
    random: seededRandom(Number(settings.get("chance") ?? 1)),
    dynamic: settings.has("dynamic"),
    loop: settings.has("loop"),
    signed: settings.has("signed"),
    two: settings.has("two"),
    ...(settings.has("lease") && { leaseMs: span("lease", "") }),
  });
  cluster.cloud.latencyMs = span("api", "5ms");
  cluster.cloud.operationMs = span("operation", "0ms");
  cluster.cloud.staleMs = span("stale", "0ms");
  cluster.listLagMs = span("lag", "0ms");
  const sisters = SISTERS.slice(0, Number(settings.get("together") ?? 1) - 1);
  for (const elasticIp of sisters) cluster.addSister(elasticIp);
  const lease = leaseOf(cluster, settings);
  if (lease) {
    leased.set(cluster, lease);
    watchLease(lease);
  } else {
    watchSafety(cluster);
    if (sisters.length > 0) watchGroup(cluster);
  }
  follow(cluster, (line) => trace.push(line));
  const starting: Machine[] = [];
  for (const word of words.filter((word) => /^[a-z]=/.test(word))) {
    const [, name = "", priority, options = ""] = /^([a-z])=(\d+)(.*)$/.exec(word) ?? [];
    const machine = cluster.add(name, {
      elasticIp: "198.51.100.50",
      priority: Number(priority),
      intervalMs: span("interval", "1s"),
      deadRatio: Number(settings.get("ratio") ?? 3),
      exclusive: settings.has("exclusive") || lease !== null,
      lease: lease && {
        ttlMs: lease.ttlMs,
        failsafe: lease.failsafe,
        heartbeats: settings.get("heartbeats") !== "none",
      },
      preemptDelayMs: settings.has("no-preempt") ? Infinity : span("preempt-delay", "0"),
      handoverTimeoutMs: span("handover", "10s"),
      reconcileMs: span("reconcile", "30s"),
      moveLimit: limitOf(settings.get("move-limit")),
      ...(sisters.length > 0 && { sisters }),
    }, { plain: options.includes("/plain"), inPeerList: !options.includes("/unlisted") });
    if (!options.includes("/off")) starting.push(machine);
  }
  for (const machine of starting) cluster.start(machine);
  return cluster;
}

/** Clusters with a lease. */
const leased = new WeakMap<SimCluster, Parameters<typeof watchLease>[0]>();

function leaseOf(cluster: SimCluster, settings: ReadonlyMap<string, string>) {
  const { store, options: { leaseMs } } = cluster;
  if (store === null || leaseMs === undefined) return null;
  const failsafe = settings.get("lease-failsafe") !== "false" &&
    settings.get("heartbeats") !== "none";
  return { cluster, store, ttlMs: leaseMs, failsafe };
}

/** `N/TIME`. */
function limitOf(text: string | undefined): MoveLimit | null {
  if (text === undefined) return null;
  const [moves = "", within = ""] = text.split("/");
  return { moves: Number(moves), withinMs: spanOf(within, text) };
}

function spanOf(text: string, command: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new Error(`cannot read the time "${text}" in: ${command}`);
  return ms;
}

async function obey(cluster: SimCluster, command: string): Promise<void> {
  const timing = /^(.*?)(?: at (\S+))?(?: for (\S+))?$/.exec(command);
  const [, action = "", at, lasting] = timing ?? [];
  const [verb = "", ...names] = action.split(/\s+/);
  if (verb === "run") return await cluster.run(spanOf(names[0] ?? "", command));
  if (verb === "mend") return mend(cluster);
  if (verb === "settle") {
    const lease = leased.get(cluster);
    return await (lease ? convergeLeased(lease) : converge(cluster));
  }
  const atMs = at === undefined ? cluster.timeline.nowMs : spanOf(at, command);
  const forMs = spanOf(lasting ?? "0", command);
  cluster.timeline.at(atMs, () => act(cluster, { verb, names, forMs, command }));
}

/** Mends everything between the nodes; machines that are switched off stay off, the others run again. */
function mend(cluster: SimCluster): void {
  const { network, cloud, machines } = cluster;
  network.conditions = { loss: 0, duplicates: 0, delayMs: [0, 1] };
  network.cuts.clear();
  network.holds.clear();
  for (const each of cluster.clouds) {
    each.fault = () => "ok";
    each.released = false;
  }
  cluster.listLagMs = 0;
  if (cluster.store) {
    cluster.store.allDown = false;
    cluster.store.setFault("ok", []);
  }
  for (const machine of machines.values()) {
    cluster.list(machine, true);
    cluster.show(machine);
    if (!cloud.stopped.has(machine.instanceId)) cluster.start(machine);
  }
}

/** One command. */
interface Action {
  readonly verb: string;
  readonly names: readonly string[];
  readonly forMs: number;
  readonly command: string;
}

function act(cluster: SimCluster, { verb, names: words, forMs, command }: Action): void {
  const { network, clouds, machines } = cluster;
  const on = words.indexOf("on");
  const names = on < 0 ? words : words.slice(0, on);
  const chosen = on < 0 ? clouds : clouds.filter((_, index) => index + 1 === Number(words[on + 1]));
  const machine = (name = names[0]): Machine => {
    const found = machines.get(name ?? "");
    if (!found) throw new Error(`no node ${name} in: ${command}`);
    return found;
  };
  switch (verb) {
    case "kill":
    case "poweroff":
      return cluster.kill(machine(), { powerOff: verb === "poweroff" });
    case "start":
      return cluster.start(machine());
    case "stop":
    case "better":
    case "worse":
      return cluster.tell(machine(), verb);
    case "pause":
      return cluster.freeze(machine(), forMs);
    case "suspend":
      return cluster.suspend(machine(), forMs);
    case "cut":
    case "cut2": {
      const [one = "", other = ""] = names.join(" ").split(/[ >]/);
      const [a, b] = [machine(one), machine(other)].map(({ address, second }) =>
        verb === "cut" ? address : second
      );
      network.cuts.add(`${a}>${b}`);
      if (!command.includes(">")) network.cuts.add(`${b}>${a}`);
      return;
    }
    case "heal":
      network.holds.clear();
      return network.cuts.clear();
    case "replay":
    case "cross":
    case "playback":
    case "withhold":
    case "forge":
      return attack(cluster, { verb, names, forMs, command });
    case "network":
      return void (network.conditions = conditionsOf(names, command));
    case "leave":
    case "join":
      return cluster.list(machine(), verb === "join");
    case "hide":
      return cluster.hide(machine(), { denied: names[1] === "denied" });
    case "show":
      return cluster.show(machine());
    case "unhealthy":
    case "healthy":
      return cluster.check(machine(), verb === "healthy");
    case "demote":
    case "drain":
      return cluster.stepAside(machine(), `${verb}${verb === "drain" ? "ed" : "d"}` as AsideKind);
    case "undrain":
      return cluster.stepAside(machine(), null);
    case "promote":
      return cluster.promote(machine());
    case "configure":
      return cluster.configure(machine(), changesOf(names.slice(1), command));
    case "attach":
    case "detach":
      for (const each of chosen) each.changeByHand(verb, machine().instanceId);
      return;
    case "release":
      for (const each of chosen) each.released = true;
      return;
    case "clock":
      return void (machine().wallOffsetMs += forMs * (names[1] === "back" ? -1 : 1));
    case "store": {
      const { store } = cluster, [fault = "ok", ...whose] = names;
      if (!store) throw new Error(`no lease in: ${command}`);
      if (fault === "expired") return store.expire();
      const ids = whose.map((name) => machine(name).instanceId);
      if (ids.length === 0) store.allDown = fault === "away";
      if (fault !== "away") store.setFault(fault as StoreFault, ids);
      return;
    }
    case "cloud": {
      const [fault = "ok", ...whose] = names;
      const ids = whose.map((name) => machine(name).instanceId);
      const affected = (id: string) => ids.length === 0 || ids.includes(id);
      for (const each of chosen) each.fault = (id) => affected(id) ? fault as Fault : "ok";
      return;
    }
    default:
      throw new Error(`unknown command: ${command}`);
  }
}

function attack({ timeline, network, machines, attacker }: SimCluster, action: Action): void {
  const { verb, names: [path = "", ...words], forMs, command } = action;
  const [one, other] = path.split(">").map((name) => machines.get(name));
  if (!one || !other) throw new Error(`no such path in: ${command}`);
  const { nowMs } = timeline;
  switch (verb) {
    case "replay":
      return attacker.replay(one, other, { fromMs: nowMs, untilMs: nowMs + forMs });
    case "cross":
      return attacker.cross(one, other, { fromMs: nowMs, untilMs: nowMs + forMs });
    case "playback": {
      const sinceMs = spanOf(words[1] ?? "", command);
      return attacker.playBack(one, other, { sinceMs, atMs: nowMs });
    }
    case "withhold":
      return void network.holds.set(`${one.address}>${other.address}`, forMs);
    default: {
      const priority = Number(words.find((word) => word.startsWith("P="))?.slice(2) ?? 1);
      return attacker.forge(one, other, { priority, holds: words.includes("holds") });
    }
  }
}

function changesOf(words: readonly string[], command: string): Partial<NodeSettings> {
  const values = new Map(words.map((word) => word.split("=") as [string, string]));
  const [priority, interval, ratio] = ["P", "t", "r"].map((name) => values.get(name));
  return {
    ...(priority !== undefined && { priority: Number(priority) }),
    ...(interval !== undefined && { intervalMs: spanOf(interval, command) }),
    ...(ratio !== undefined && { deadRatio: Number(ratio) }),
  };
}

function conditionsOf(words: readonly string[], command: string) {
  const values = new Map(words.map((word) => word.split("=") as [string, string]));
  const delayMs: [number, number] = [0, spanOf(values.get("delay") ?? "0", command)];
  return {
    loss: Number(values.get("loss") ?? 0),
    duplicates: Number(values.get("duplicates") ?? 0),
    delayMs,
  };
}
