// Random faults for a cluster with a lease, from a seed: what can break between nodes, etcd and the cloud, alone and
// together. The seed gives the faults and their times; what the processes make of them differs from run to run.
import type { ClusterNode } from "../support/cluster.ts";
import { between } from "../support/simulation/prng.ts";
import { pause } from "../support/until.ts";
import { type LeaseCluster, TTL_S } from "./lease_cluster.ts";
import { impair } from "./requirements.ts";

/** Most faults at once. */
const FAULTS_MAX = 3;
/** Longest wait until the next one. */
const WAIT_MAX_MS = 1_500;
/** Length of a fault: by the end of the longest the lease is over. */
const SHORTEST_MS = 200, LONGEST_MS = 2 * TTL_S * 1_000;
/** How long a slow cloud takes until it begins with a request, and for a change. */
const SLOW_CLOUD_MS = 300, SLOW_CHANGE_MS = 300;
/** How long the cloud takes to carry out a request, at most. */
export const CLOUD_MS = SLOW_CLOUD_MS + SLOW_CHANGE_MS;

/** A fault; while it lasts, no other one with its subject begins. */
interface Fault {
  readonly title: string;
  readonly subject: string;
  /** Resolves when it is there, to what ends it. */
  readonly begin: () => Promise<End> | End;
}

type End = () => Promise<void> | void;

/** A fault and its time, from the beginning of the run. */
interface Planned {
  readonly fault: Fault;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The faults of a run. */
export class Chaos {
  readonly #cluster: LeaseCluster;
  readonly #plan: readonly Planned[];
  readonly #active = new Map<Planned, End>();

  constructor(
    cluster: LeaseCluster,
    { random, ms, netem }: {
      random: () => number;
      ms: number;
      /** Whether packets between nodes can be delayed and lost here. */
      netem: boolean;
    },
  ) {
    this.#cluster = cluster;
    const { nodes } = cluster.nodes;
    const faults = [
      ...nodes.flatMap((node) => faultsOf(cluster, node, { netem })),
      ...faultsOfEtcd(cluster),
      slowCloud(cluster),
    ];
    this.#plan = planOf(faults, { random, ms });
  }

  /** How many faults there are. */
  get count(): number {
    return this.#plan.length;
  }

  /** Begins and ends faults as planned. `check` is called all the time, and may throw. */
  async run(check: () => void): Promise<void> {
    const startMs = performance.now();
    const steps = this.#plan.flatMap((planned) => [
      { atMs: planned.fromMs, take: () => this.#begin(planned) },
      { atMs: planned.toMs, take: () => this.#end(planned) },
    ]).sort((one, other) => one.atMs - other.atMs);
    for (const { atMs, take } of steps) {
      do {
        check();
        await pause(20);
      } while (performance.now() < startMs + atMs);
      await take();
    }
  }

  async #begin(planned: Planned): Promise<void> {
    const { fault: { title, begin }, fromMs, toMs } = planned;
    this.#tell(`${title}, for ${((toMs - fromMs) / 1_000).toFixed(1)} s`);
    this.#active.set(planned, await begin());
  }

  async #end(planned: Planned): Promise<void> {
    await this.#active.get(planned)?.();
    this.#active.delete(planned);
    this.#tell(`end of: ${planned.fault.title}`);
  }

  #tell(text: string): void {
    this.#cluster.told.push({ atMs: performance.now(), text: `-- ${text}` });
  }
}

/** Random faults at random times, the last of which ends with the run. */
function planOf(
  faults: readonly Fault[],
  { random, ms }: { random: () => number; ms: number },
): Planned[] {
  const plan: Planned[] = [];
  for (let fromMs = 0; fromMs < ms; fromMs += between(random, 0, WAIT_MAX_MS)) {
    const active = plan.filter(({ toMs }) => toMs >= fromMs);
    if (active.length >= FAULTS_MAX) continue;
    const free = faults.filter(({ subject }) =>
      active.every(({ fault }) => fault.subject !== subject)
    );
    const fault = free[between(random, 0, free.length - 1)]!;
    // Mostly short ones.
    const lengthMs = SHORTEST_MS + (LONGEST_MS - SHORTEST_MS) * random() ** 2;
    plan.push({ fault, fromMs, toMs: Math.min(ms, fromMs + lengthMs) });
  }
  return plan;
}

function slowCloud({ nodes: { server } }: LeaseCluster): Fault {
  const { latencyMs, model } = server, { operationMs } = model;
  const take = (callMs: number, changeMs: number) => {
    server.latencyMs = callMs;
    model.operationMs = changeMs;
  };
  return {
    title: "the cloud is slow",
    subject: "cloud",
    begin: () => {
      take(SLOW_CLOUD_MS, SLOW_CHANGE_MS);
      return () => take(latencyMs, operationMs);
    },
  };
}

/** What can happen to a node and its ways. */
function faultsOf(
  cluster: LeaseCluster,
  node: ClusterNode,
  { netem }: { netem: boolean },
): Fault[] {
  const { nodes } = cluster, { network } = nodes;
  const { name } = node, number = nodes.number(node);
  const process = `process of ${name}`;
  const restart = async () => {
    await node.process?.ended();
    cluster.start(node);
  };
  const cut = (addresses: readonly string[]) => async () => {
    await cluster.cut(node, addresses);
    return () => cluster.cut(node, addresses, { heal: true });
  };
  const peer = cluster.nodes.nodes[number % nodes.nodes.length]!, other = nodes.number(peer);
  return [
    {
      title: `${name} is killed`,
      subject: process,
      begin: () => (nodes.crash(node), restart),
    },
    {
      title: `${name} is stopped`,
      subject: process,
      begin: () => (nodes.stop(node, "SIGTERM"), restart),
    },
    {
      title: `${name} stands still`,
      subject: process,
      begin: () => {
        node.process?.signal("SIGSTOP");
        return () => node.process?.signal("SIGCONT");
      },
    },
    {
      title: `${name} is cut off from etcd`,
      subject: `store of ${name}`,
      begin: cut(cluster.stores),
    },
    {
      title: `${name} gets no answer of etcd`,
      subject: `store of ${name}`,
      begin: async () => {
        await cluster.loseAnswers(node);
        return () => cluster.loseAnswers(node, { heal: true });
      },
    },
    {
      title: `${name} is cut off from the cloud`,
      subject: `cloud of ${name}`,
      // TCP sends what was dropped again once the cut has healed, for a process that was killed, too.
      begin: cut(cluster.cloud),
    },
    {
      title: `${name} is cut off from its peers`,
      subject: `peers of ${name}`,
      begin: cut(cluster.peersOf(node)),
    },
    {
      title: `${peer.name} does not hear ${name}`,
      subject: `from ${name} to ${peer.name}`,
      begin: async () => {
        await network.block(number, other);
        return () => network.unblock(number, other);
      },
    },
    {
      title: `${name} is heard late`,
      subject: `lan of ${name}`,
      // Where that is not possible, the seed still gives the other faults as elsewhere.
      begin: async () => {
        if (netem) await impair(network, number, "delay 200ms 150ms loss 20%");
        return () => netem ? impair(network, number, "delay 0ms") : undefined;
      },
    },
  ];
}

/** What can happen to an etcd. */
function faultsOfEtcd({ etcd }: LeaseCluster): Fault[] {
  return etcd.members.flatMap((member, index) => [
    {
      title: `etcd ${index + 1} is killed`,
      subject: `etcd ${index}`,
      begin: async () => {
        await member.kill();
        return () => member.start();
      },
    },
    {
      // So it answers late, too.
      title: `etcd ${index + 1} stands still`,
      subject: `etcd ${index}`,
      begin: () => {
        member.signal("SIGSTOP");
        return () => member.signal("SIGCONT");
      },
    },
  ]);
}
