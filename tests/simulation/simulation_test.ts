// A few seeded stories; deno task simulate plays more of them, on every push too.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { NODE_SETTINGS } from "../support/node_settings.ts";
import { watchSafety } from "../support/simulation/checkers.ts";
import { SimCluster } from "../support/simulation/cluster.ts";
import { seededRandom } from "../support/simulation/prng.ts";
import { play } from "../support/simulation/scenario.ts";
import { writeGroupStory } from "../support/simulation/group_story.ts";
import { writeLeaseStory } from "../support/simulation/lease_story.ts";
import { writeStory } from "../support/simulation/story.ts";

const SEEDS = 12, GROUP_SEEDS = 6, LEASE_SEEDS = 8;

Deno.test(`the rules are kept in ${SEEDS} stories of faults, and all ends well`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violation } = await play(writeStory(seed));
    assert(violation === null, `${violation}\nreplay: deno task simulate --seed ${seed}`);
  }
});

Deno.test(`a group stays together in ${GROUP_SEEDS} stories of faults`, async () => {
  for (let seed = 1; seed <= GROUP_SEEDS; seed++) {
    const { violation } = await play(writeGroupStory(seed));
    assert(violation === null, `${violation}\nreplay: deno task simulate --seed ${seed} --group`);
  }
});

Deno.test(`nobody but the owner of the lease holds in ${LEASE_SEEDS} stories of faults`, async () => {
  for (let seed = 1; seed <= LEASE_SEEDS; seed++) {
    const { violation } = await play(writeLeaseStory(seed));
    assert(violation === null, `${violation}\nreplay: deno task simulate --seed ${seed} --lease`);
  }
});

Deno.test("a seed gives the same story and the same course of events every time", async () => {
  const seeds = [2, 9, 15];
  for (const seed of seeds) {
    for (const write of [writeStory, writeLeaseStory]) {
      assertEquals(await play(write(seed)), await play(write(seed)));
    }
  }
  assert(seeds.some((seed) => / loop /.test(writeStory(seed))), "the whole loop is among them");
});

/** A cluster of two nodes, one of which is the master. */
async function twoNodes({ signed = false, off = false } = {}) {
  const cluster = new SimCluster({ random: seededRandom(1), signed });
  const [a, b] = [
    cluster.add("a", NODE_SETTINGS),
    cluster.add("b", { ...NODE_SETTINGS, priority: 20 }),
  ];
  watchSafety(cluster);
  cluster.start(a);
  if (!off) cluster.start(b);
  await cluster.run(10_000);
  assertEquals([...cluster.cloud.holders], [a.instanceId]);
  return { cluster, a, b };
}

const NOTHING = {
  resume: (work: () => void) => work(),
  wanted: () => true,
  lease: () => null,
  progress() {},
  accepted() {},
  answer() {},
  fail() {},
};

Deno.test("watchSafety() catches a node that takes the address from its last live holder", async () => {
  const { cluster, a, b } = await twoNodes();
  const evict = { verb: "evict", instanceId: a.instanceId, onlyIfStopped: false } as const;
  cluster.cloud.call(evict, { instanceId: b.instanceId, ...NOTHING });
  await cluster.run(1_000);
  assertStringIncludes(cluster.violation ?? "", "last live holder");
});

Deno.test("watchSafety() catches an eviction of a peer that is heard", async () => {
  const { cluster, a, b } = await twoNodes();
  const evict = { verb: "evict", instanceId: a.instanceId, onlyIfStopped: false } as const;
  for (const { called } of cluster.observers) called?.(b, evict);
  assertStringIncludes(cluster.violation ?? "", "b: evicts a, heard");
});

Deno.test("watchSafety() knows a signed peer that lives from one that is only repeated", async () => {
  const { cluster, a, b } = await twoNodes({ signed: true });
  const evict = { verb: "evict", instanceId: a.instanceId, onlyIfStopped: false } as const;
  const called = () => {
    for (const { called } of cluster.observers) called?.(b, evict);
  };
  cluster.kill(a);
  cluster.attacker.replay(a, b, { fromMs: 10_000, untilMs: 60_000 });
  await cluster.run(20_000);
  called();
  assertEquals(cluster.violation, null);
  cluster.start(a);
  await cluster.run(5_000);
  called();
  assertStringIncludes(cluster.violation ?? "", "b: evicts a, heard");
});

Deno.test("watchSafety() catches an eviction of a peer that was heard for a moment only", async () => {
  const moment = "a: evicts b, last heard 2 times in 1000 ms";
  for (const [forged, expected] of [[2, moment], [3, null]] as const) {
    const { cluster, a, b } = await twoNodes({ off: true });
    const evict = { verb: "evict", instanceId: b.instanceId, onlyIfStopped: false } as const;
    for (let beat = 0; beat < forged; beat++) {
      cluster.attacker.forge(b, a, { priority: 30, holds: true });
      await cluster.run(1_000);
    }
    await cluster.run(4_000);
    cluster.cloud.holders.add(b.instanceId);
    for (const { called } of cluster.observers) called?.(a, evict);
    if (expected === null) assertEquals(cluster.violation, null);
    else assertStringIncludes(cluster.violation ?? "", expected);
  }
});

Deno.test("converge() demands that the right ones hold, and that nothing moves any more", async () => {
  const story = (rest: string) => `cluster a=10 b=20 interval=1s ratio=3\n${rest}`;
  const settled = await play(story("run 20s\nmend\nsettle"));
  assertEquals(settled.violation, null);
  const moved = await play(story("attach b at 80s\nrun 20s\nmend\nsettle"));
  assertStringIncludes(moved.violation ?? "", "the address still moves");
});
