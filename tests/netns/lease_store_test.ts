// A lease in a real etcd that fails: all of it, its leader, its majority; and with certificates and passwords.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ClusterNode, PATIENT } from "../support/cluster.ts";
import type { EtcdMember } from "../support/etcd.ts";
import { pause, until } from "../support/until.ts";
import { LEASE_MISSING, type LeaseCluster, LONG_TTL_S, TTL_S, withLease } from "./lease_cluster.ts";
import { LONG_MS } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

const test = (name: string, body: () => Promise<void>) =>
  networkTest(name, body, { missing: LEASE_MISSING });

/** Where nobody may count as dead and no lease may end for another reason than a missing etcd. */
const PATIENT_TTL = { ...PATIENT, ttlS: LONG_TTL_S } as const;
/** Dead time then. */
const DEAD_MS = 20 * 200;

/** How often a node has logged that word. */
const count = (word: string) => ({ lines }: ClusterNode) =>
  lines.filter(({ text }) => text.includes(word)).length;
/** How often a node has said that etcd does not answer. */
const losses = count("store-lost");

/** Takes etcd away, and waits until all nodes have noticed it. */
async function lose({ nodes: { nodes } }: LeaseCluster, ...members: EtcdMember[]): Promise<void> {
  const before = nodes.map(losses);
  for (const member of members) await member.kill();
  const noticed = () => nodes.every((node, index) => losses(node) > before[index]!);
  await until(noticed, { title: "all nodes miss the store", withinMs: LONG_MS });
}

test("without etcd, a holder that hears every peer keeps the address, and one that misses a peer lets go", () =>
  withLease(PATIENT_TTL, async (cluster) => {
    await cluster.settle();
    const { nodes, etcd: { members: [member] } } = cluster;
    const [one, three] = [nodes.node(1), nodes.node(3)];
    const downMs = performance.now();
    await lose(cluster, member!);
    await pause((LONG_TTL_S + 2) * 1_000);
    assert(nodes.heldBy(one), "it keeps the address");
    assertEquals(cluster.unheldMs(downMs), 0);
    // One peer is alive, but nobody hears it.
    const cutMs = performance.now();
    await cluster.cut(three, cluster.peersOf(three));
    await until(() => nodes.holders.length === 0, { title: "it lets go", withinMs: LONG_MS });
    const tookMs = performance.now() - cutMs;
    console.log(`  failsafe: let go ${(tookMs / 1_000).toFixed(1)} s after a peer was missed`);
    assert(tookMs < DEAD_MS + TTL_S * 1_000, `it lets go after ${tookMs.toFixed(0)} ms`);
    const sinceMs = performance.now();
    await pause(LONG_TTL_S * 1_000);
    const later = cluster.witness.changes.filter(({ atMs }) => atMs > sinceMs);
    assertEquals(later, [], "nobody takes it while nobody can have the lease");
    await cluster.cut(three, cluster.peersOf(three), { heal: true });
    member!.start();
    await cluster.etcd.serves();
    await cluster.regains();
  }));

test("an etcd that stands still for longer than the lease lives moves nothing", () => {
  const ttlS = 15;
  return withLease({ ...PATIENT, ttlS }, async (cluster) => {
    await cluster.settle();
    const { nodes: { nodes: [one, ...others] }, etcd: { members: [member] } } = cluster;
    const stopMs = performance.now();
    member!.signal("SIGSTOP");
    const noticed = () => [one!, ...others].every(losses);
    await until(noticed, { title: "all nodes miss the store", withinMs: LONG_MS });
    await pause(ttlS * 1_000);
    // The lease has expired, and the others reach the store first.
    await cluster.cut(one!, cluster.stores);
    member!.signal("SIGCONT");
    const back = () => others.every(count("store-back"));
    await until(back, { title: "the others reach the store", withinMs: LONG_MS });
    await cluster.cut(one!, cluster.stores, { heal: true });
    const again = () => count("lease-acquired")(one!) > 1;
    await until(again, { title: "the holder owns the lease again", withinMs: LONG_MS });
    assertEquals(cluster.witness.changes.filter(({ atMs }) => atMs > stopMs), []);
    assertEquals(others.filter(count("lease-acquired")), []);
  });
});

test("with --lease-failsafe=false a lost store ends the hold in time, and it comes back with the store", () =>
  withLease({ ...PATIENT_TTL, args: () => ["--lease-failsafe=false"] }, async (cluster) => {
    await cluster.settle();
    const [member] = cluster.etcd.members;
    const downMs = performance.now();
    await member!.kill();
    await until(() => cluster.nodes.holders.length === 0, { title: "let go", withinMs: LONG_MS });
    const tookMs = performance.now() - downMs;
    console.log(`  no failsafe: let go ${(tookMs / 1_000).toFixed(1)} s after the store was lost`);
    assert(tookMs < LONG_TTL_S * 1_000 + 1_000, `let go after ${tookMs.toFixed(0)} ms`);
    member!.start();
    await cluster.etcd.serves();
    await cluster.regains();
  }));

test("a holder that is started again while etcd is down keeps the address only if it hears every peer", () =>
  withLease(PATIENT_TTL, async (cluster) => {
    await cluster.settle();
    const [one] = cluster.nodes.nodes, [member] = cluster.etcd.members;
    await lose(cluster, member!);
    cluster.nodes.crash(one!);
    await one!.process?.ended();
    cluster.start(one!);
    const told = () => one!.process?.lines.some(({ text }) => text.includes("store-lost")) ?? false;
    await until(told, { title: "it misses the store", withinMs: LONG_MS });
    await pause(LONG_TTL_S * 1_000);
    assert(cluster.nodes.heldBy(one!), `held by ${cluster.nodes.holders.join()}`);
    member!.start();
    await cluster.etcd.serves();
    await cluster.regains();
  }));

test("with three etcds, the death of their leader moves nothing, and a lost majority costs at most the hold", () =>
  withLease({ ...PATIENT_TTL, members: 3 }, async (cluster) => {
    await cluster.settle();
    const { nodes, etcd } = cluster;
    const [one] = nodes.nodes;
    const killMs = performance.now();
    const leader = await etcd.leader();
    await leader.kill();
    await etcd.serves();
    await pause((LONG_TTL_S + 2) * 1_000);
    assert(nodes.heldBy(one!), `held by ${nodes.holders.join()}`);
    assertEquals(cluster.unheldMs(killMs), 0, "nobody noticed");
    const [second] = etcd.members.filter((member) => member !== leader);
    await lose(cluster, second!);
    await pause(LONG_TTL_S * 1_000);
    assert(nodes.heldBy(one!), "the failsafe holds: every peer is heard");
    leader.start();
    second!.start();
    await etcd.serves();
    await cluster.regains();
  }));

test("with three etcds, a leader that stands still moves nothing", () =>
  withLease({ ...PATIENT_TTL, members: 3 }, async (cluster) => {
    await cluster.settle();
    const leader = await cluster.etcd.leader();
    leader.signal("SIGSTOP");
    await pause((LONG_TTL_S + 2) * 1_000);
    leader.signal("SIGCONT");
    await cluster.regains();
    assertEquals(cluster.unheldMs(0), 0);
  }));

test("a watch that etcd has compacted goes on", () =>
  withLease({}, async (cluster) => {
    await cluster.settle();
    const [one, two] = [cluster.nodes.node(1), cluster.nodes.node(2)];
    const { ctl } = { ctl: (...args: string[]) => cluster.etcd.ctl(...args) };
    // Node 2 misses changes that are compacted before it is back.
    await cluster.cut(two, cluster.stores);
    for (let change = 0; change < 5; change++) await ctl("put", "/exoip/other", `${change}`);
    const status = JSON.parse(await ctl("endpoint", "status", "-w", "json"));
    await ctl("compact", `${status[0].Status.header.revision}`);
    await until(() => losses(two) > 0, { title: "it misses the store", withinMs: LONG_MS });
    await cluster.cut(two, cluster.stores, { heal: true });
    const back = () => two.lines.some(({ text }) => text.includes("store-back"));
    await until(back, { title: "it reaches the store again", withinMs: LONG_MS });
    await pause(2_000);
    const stopMs = performance.now();
    one.process?.signal("SIGTERM");
    await cluster.holds(two);
    cluster.gap("planned move after a compaction", stopMs, { maxMs: TTL_S * 1_000 });
    one.process = null;
  }));

test("etcd with client certificates and a user serves, and a wrong password is named", async () => {
  const folder = await Deno.makeTempDir();
  const auth = { user: "edge", password: "right", prefix: "/exoip" };
  try {
    for (const [name, text] of [["right", "right"], ["wrong", "wrong"]]) {
      await Deno.writeTextFile(`${folder}/${name}`, text!, { mode: 0o600 });
    }
    await withLease({
      etcd: { tls: "mutual", auth },
      args: ({ tls }, { server }) => {
        const { authority, client } = tls!;
        Deno.writeTextFileSync(`${folder}/cert`, client.cert);
        Deno.writeTextFileSync(`${folder}/key`, client.key, { mode: 0o600 });
        const files = ["--lease-cert-file", `${folder}/cert`, "--lease-key-file", `${folder}/key`];
        const user = ["--lease-user", "edge", "--lease-password-file", `${folder}/right`];
        // One file for both: the authorities of the cloud and of etcd.
        const cloud = server.args("v2"), caFile = cloud[cloud.indexOf("--ca-file") + 1]!;
        const both = [caFile, authority.caFile].map((file) => Deno.readTextFileSync(file));
        Deno.writeTextFileSync(`${folder}/ca`, both.join("\n"));
        return [...files, ...user, "--ca-file", `${folder}/ca`];
      },
    }, async (cluster) => {
      await cluster.settle();
      const [one, three] = [cluster.nodes.node(1), cluster.nodes.node(3)];
      cluster.nodes.crash(three);
      await three.process?.ended();
      cluster.start(three, ["--lease-password-file", `${folder}/wrong`]);
      const named = () => three.process?.lines.some(({ text }) => /as user edge/.test(text));
      await until(() => named() === true, { title: "the refusal is told", withinMs: LONG_MS });
      const lines = three.process?.lines.map(({ text }) => text).join("\n") ?? "";
      assertMatch(lines, /store-error: .*as user edge: .*invalid user ID or password/);
      assertEquals(/wrong/.test(lines.replaceAll(`${folder}/wrong`, "")), false, "no password");
      assert(cluster.nodes.heldBy(one));
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
