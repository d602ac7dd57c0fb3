// One seeded story: a cluster of random make, faults of random kinds, then healing and the demand that
// everything is well within a stated time. A seed gives the same story every time.
import type { NodeSettings } from "../../src/core/node.ts";
import { deadTimeMs, holdOffMs } from "../../src/core/election_state.ts";
import { rightfulHolders, Violation, watchSafety } from "./checkers.ts";
import type { Mood } from "./cloud.ts";
import { SimCluster, type SimNode } from "./cluster.ts";
import { between, seededRandom } from "./prng.ts";
import { follow } from "./trace.ts";

/** Time in which things go wrong. */
const FAULTS_MS = 60_000;
/** Time after the bound in which nothing may move any more. */
const CALM_MS = 40_000;

/** How a story ended. */
export interface StoryResult {
  readonly seed: number;
  /** What was done to the cluster, one line each. */
  readonly chronicle: readonly string[];
  /** The rule that was broken, null when none was. */
  readonly violation: string | null;
}

/** Plays the story of a seed. */
export function playStory(seed: number, { trace = false } = {}): StoryResult {
  const random = seededRandom(seed);
  const chronicle: string[] = [];
  const cluster = build(random, chronicle);
  try {
    watchSafety(cluster);
    if (trace) follow(cluster, (line) => chronicle.push(line));
    for (const node of cluster.nodes.values()) {
      cluster.timeline.at(between(random, 0, 5_000), () => cluster.start(node));
    }
    schedule(cluster, random, chronicle);
    cluster.run(FAULTS_MS);
    heal(cluster, chronicle);
    converge(cluster);
    return { seed, chronicle, violation: null };
  } catch (error) {
    // A broken invariant of the core is as good a find as a broken rule.
    return { seed, chronicle, violation: error instanceof Error ? error.message : `${error}` };
  }
}

function build(random: () => number, chronicle: string[]): SimCluster {
  const dynamic = random() < 0.3;
  const cluster = new SimCluster(random, { dynamic });
  const intervalMs = [100, 500, 1_000][between(random, 0, 2)] ?? 1_000;
  const preempt = random();
  const settings: NodeSettings = {
    elasticIp: "198.51.100.50",
    priority: 10,
    intervalMs,
    deadRatio: between(random, 3, 5),
    exclusive: random() < 0.2,
    preemptDelayMs: preempt < 0.8 ? 0 : 5_000,
    handoverTimeoutMs: 10_000,
    reconcileMs: 30_000,
  };
  const count = between(random, 2, 6);
  for (let number = 0; number < count; number++) {
    const priority = random() < 0.3 ? 10 : 10 * (number + 1);
    const name = String.fromCharCode(97 + number);
    cluster.add(name, { ...settings, priority }, { plain: random() < 0.1 });
    chronicle.push(`node ${name} priority ${priority}`);
  }
  cluster.cloud.latencyMs = between(random, 1, 50);
  cluster.cloud.operationMs = between(random, 0, 2_000);
  chronicle.push(
    `interval ${intervalMs} ms, ratio ${settings.deadRatio}, exclusive ${settings.exclusive}, ` +
      `preempt delay ${settings.preemptDelayMs} ms, dynamic ${dynamic}, ` +
      `API ${cluster.cloud.latencyMs} + ${cluster.cloud.operationMs} ms`,
  );
  return cluster;
}

function schedule(cluster: SimCluster, random: () => number, chronicle: string[]): void {
  const { network, cloud, timeline } = cluster;
  network.weather = {
    loss: random() < 0.5 ? 0 : random() * 0.2,
    duplicates: random() * 0.1,
    delayMs: [0, random() < 0.5 ? 1 : between(random, 1, 200)],
  };
  const nodes = [...cluster.nodes.values()];
  const pick = (): SimNode => nodes[between(random, 0, nodes.length - 1)] ?? nodes[0]!;
  const faults: Array<() => string> = [
    () => {
      const node = pick();
      cluster.kill(node, { powerOff: random() < 0.5 });
      return `kill ${node.name}`;
    },
    () => {
      const node = pick();
      cluster.start(node);
      return `start ${node.name}`;
    },
    () => {
      const node = pick();
      cluster.tell(node, { kind: "stop" });
      return `stop ${node.name}`;
    },
    () => {
      const node = pick(), forMs = between(random, 100, 15_000);
      cluster.pause(node, forMs);
      return `pause ${node.name} for ${forMs} ms`;
    },
    () => {
      const [one, other] = [pick(), pick()];
      network.cuts.add(`${one.address}>${other.address}`);
      if (random() < 0.6) network.cuts.add(`${other.address}>${one.address}`);
      return `cut ${one.name} ${other.name}`;
    },
    () => {
      network.cuts.clear();
      return "heal the network";
    },
    () => {
      const moods: Mood[] = ["fails", "refuses", "hangs", "lost"];
      const mood = moods[between(random, 0, moods.length - 1)] ?? "fails";
      const victim = random() < 0.5 ? pick() : null;
      cloud.mood = (id) => victim === null || id === victim.instanceId ? mood : "ok";
      return `cloud ${mood} for ${victim?.name ?? "all"}`;
    },
    () => {
      cloud.mood = () => "ok";
      return "cloud ok";
    },
    () => {
      const node = pick(), by = random() < 0.5 ? 1 : -1;
      cluster.tell(node, { kind: "nudge", by });
      return `nudge ${node.name} by ${by}`;
    },
    () => {
      const node = pick();
      node.wallOffsetMs += between(random, -3_600_000, 3_600_000);
      return `clock of ${node.name} jumps`;
    },
    () => {
      const node = pick(), change = random() < 0.5 ? "attach" : "detach";
      cloud.change(change, node.instanceId);
      return `operator: ${change} ${node.name}`;
    },
  ];
  for (let count = between(random, 3, 14); count > 0; count--) {
    timeline.at(between(random, 5_000, FAULTS_MS - 1_000), () => {
      const line = faults[between(random, 0, faults.length - 1)]?.() ?? "";
      chronicle.push(`${(timeline.nowMs / 1000).toFixed(1)}s ${line}`);
    });
  }
}

/** Everything that is broken is mended; machines that are off either come back or stay off for good. */
function heal(cluster: SimCluster, chronicle: string[]): void {
  const { network, cloud } = cluster;
  network.weather = { loss: 0, duplicates: 0, delayMs: [0, 1] };
  network.cuts.clear();
  cloud.mood = () => "ok";
  const nodes = [...cluster.nodes.values()];
  const down = nodes.filter(({ core }) => core === null);
  for (const node of down) {
    const staysOff = node !== nodes[0] && cloud.stopped.has(node.instanceId);
    if (!staysOff) cluster.start(node);
    chronicle.push(`${node.name} ${staysOff ? "stays off" : "comes back"}`);
  }
  chronicle.push("all is mended");
}

/** After the bound the rightful hold, nobody else does, and nothing moves. */
function converge(cluster: SimCluster): void {
  const { timeline, cloud } = cluster;
  const [node] = cluster.nodes.values();
  if (!node) return;
  const { settings } = node;
  const apiMs = 3 * (cloud.latencyMs + cloud.operationMs);
  const pausesMs = 15_000, retryMs = 60_000;
  const boundMs = deadTimeMs(settings) + holdOffMs(settings) + settings.reconcileMs * 1.1 + apiMs +
    settings.preemptDelayMs + settings.handoverTimeoutMs + pausesMs + retryMs;
  cluster.run(boundMs);
  const wanted = rightfulHolders(cluster).join();
  const holders = () => [...cloud.holders].sort().join();
  if (holders() !== wanted) {
    throw new Violation(`after ${boundMs} ms of calm [${holders()}] hold, wanted [${wanted}]`);
  }
  let moved = false;
  const { onChanged } = cloud;
  cloud.onChanged = () => {
    moved = true;
    onChanged();
  };
  const endMs = timeline.nowMs + CALM_MS;
  timeline.runUntil(endMs);
  if (moved) throw new Violation(`the address still moves long after all is mended`);
}
