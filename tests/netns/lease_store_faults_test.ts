// A lease in a real etcd that is restarted, that forgets everything, or whose answers get lost: with heartbeats and
// without. The cloud's own record must never show two holders, and one holds again afterwards.
import { assertEquals } from "@std/assert";
import { pause, until } from "../support/until.ts";
import { LEASE_MISSING, type LeaseCluster, TTL_S, withLease } from "./lease_cluster.ts";
import { LONG_MS } from "./network_cluster.ts";
import { networkTest, stringMatchMissing } from "./requirements.ts";
import { sideBySide } from "./side_by_side.ts";

const KINDS = ["with heartbeats", "without heartbeats"] as const;

/** Kills etcd, and starts it again after that long, with or without what it knew. */
async function restart(
  { etcd }: LeaseCluster,
  { downMs = 0, wiped = false }: { downMs?: number; wiped?: boolean },
): Promise<void> {
  const [member] = etcd.members;
  await member!.kill();
  if (wiped) await member!.wipe();
  await pause(downMs);
  member!.start();
  await etcd.serves();
}

/** Resolves the moment that the holder has detached the address: the lease is not released yet. */
async function letsGo({ nodes }: LeaseCluster): Promise<void> {
  const { history } = nodes.server.model, before = history.length;
  const detached = () => history.slice(before).some(({ holders }) => holders.length === 0);
  await until(detached, { title: "the holder detaches", withinMs: LONG_MS, everyMs: 1 });
}

networkTest(
  "an etcd that is restarted, or loses all its data, never makes two nodes hold, and one holds again",
  (t) =>
    sideBySide(t, {
      cases: KINDS.flatMap((
        kind,
      ) => [`restarted, ${kind}` as const, `loses its data, ${kind}` as const]),
      run: (each) => {
        const wiped = each.startsWith("loses"), heartbeats = each.endsWith(KINDS[0]);
        return withLease({ heartbeats, forgets: wiped }, (cluster) => restarts(cluster, { wiped }));
      },
    }),
  { missing: LEASE_MISSING },
);

async function restarts(cluster: LeaseCluster, { wiped }: { wiped: boolean }): Promise<void> {
  await cluster.settle();
  const { nodes, etcd } = cluster;
  const [one, two] = [nodes.node(1), nodes.node(2)];
  // So many that revisions that begin again are lower for a while.
  for (let change = 0; change < 20; change++) await etcd.ctl("put", "/kept", "yes");
  // While one holds in peace.
  await restart(cluster, { wiped });
  assertEquals(await etcd.ctl("get", "/kept", "--print-value-only"), wiped ? "" : "yes");
  await cluster.regains();
  // For longer than the lease.
  await restart(cluster, { wiped, downMs: 1.5 * TTL_S * 1_000 });
  await cluster.regains();
  // While the holder gives the lease up to the next one.
  one.process?.signal("SIGTERM");
  await letsGo(cluster);
  await restart(cluster, { wiped });
  await cluster.holds(two, "the next one holds");
  assertEquals(await one.process?.ended(), 0);
  // While the next one gives it back.
  cluster.start(one);
  await letsGo(cluster);
  await restart(cluster, { wiped });
  await cluster.regains();
}

const missing = LEASE_MISSING ?? await stringMatchMissing();

networkTest(
  "lost answers of etcd never make two nodes hold, and one holds again",
  (t) =>
    sideBySide(t, {
      cases: KINDS.flatMap((
        kind,
      ) => [`of taking the lease, ${kind}` as const, `of renewing it, ${kind}` as const]),
      run: (each) => {
        const taking = each.startsWith("of taking"), heartbeats = each.endsWith(KINDS[0]);
        return withLease({ heartbeats }, taking ? losesTaking : losesRenewals);
      },
    }),
  { missing },
);

async function losesTaking(cluster: LeaseCluster): Promise<void> {
  await cluster.settle();
  const { nodes, witness } = cluster;
  const [one, two] = [nodes.node(1), nodes.node(2)];
  // Only an attempt to take the lease that worked says so.
  const text = '"succeeded":true';
  await cluster.loseAnswers(two, { text });
  const killMs = performance.now();
  nodes.crash(one);
  const took = async () => await cluster.owner() === two.instance.id;
  await until(took, { title: "etcd gives it the lease", withinMs: LONG_MS, everyMs: 100 });
  // It tries again and again, and each time etcd gives it the lease again.
  await pause(2 * TTL_S * 1_000);
  assertEquals(witness.changesBy(2, killMs), [], "it changes nothing without the answer");
  assertEquals(witness.changesBy(3, killMs), [], "it does not own the lease");
  await cluster.loseAnswers(two, { text, heal: true });
  await cluster.holds(two);
  await one.process?.ended();
  cluster.start(one);
  await cluster.regains();
}

async function losesRenewals(cluster: LeaseCluster): Promise<void> {
  await cluster.settle();
  const [one] = cluster.nodes.nodes;
  // Each of them grants a lease or renews it. Readings arrive.
  const text = `"TTL":"${TTL_S}"`;
  await cluster.loseAnswers(one!, { text });
  const lost = () => one!.lines.some((line) => line.text.includes("lease-lost"));
  await until(lost, { title: "it counts the lease as lost", withinMs: LONG_MS });
  await pause(3 * TTL_S * 1_000);
  await cluster.loseAnswers(one!, { text, heal: true });
  await cluster.regains();
}
