// Seeded stories on every push; deno task simulate plays more of them.
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Violation, watchSafety } from "./simulation/checkers.ts";
import { SimCluster } from "./simulation/cluster.ts";
import { seededRandom } from "./simulation/prng.ts";
import { playStory } from "./simulation/story.ts";

const SEEDS = 40;
const SETTINGS = {
  elasticIp: "198.51.100.50",
  priority: 10,
  intervalMs: 1_000,
  deadRatio: 3,
  exclusive: false,
  preemptDelayMs: 0,
  handoverTimeoutMs: 10_000,
  reconcileMs: 30_000,
};

Deno.test(`the rules are kept in ${SEEDS} stories of faults, and all ends well`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violation, chronicle } = playStory(seed);
    const replay = `seed ${seed}: ${violation}\nreplay: deno task simulate --seed ${seed}`;
    assert(violation === null, [replay, ...chronicle].join("\n"));
  }
});

Deno.test("a seed gives the same story every time", () => {
  assertEquals(playStory(7, { trace: true }), playStory(7, { trace: true }));
});

Deno.test("watchSafety() catches a node that takes the address from its last live holder", () => {
  const cluster = new SimCluster(seededRandom(1));
  const [a, b] = [cluster.add("a", SETTINGS), cluster.add("b", { ...SETTINGS, priority: 20 })];
  watchSafety(cluster);
  cluster.start(a);
  cluster.start(b);
  cluster.run(10_000);
  assertEquals([...cluster.cloud.holders], [a.instanceId]);
  cluster.cloud.call({ verb: "evict", instanceId: a.instanceId, onlyIfStopped: false }, {
    instanceId: b.instanceId,
    alive: () => true,
    progress() {},
    answer() {},
    fail() {},
  });
  const error = assertThrows(() => cluster.run(1_000), Violation);
  assertStringIncludes(error.message, "last live holder");
});

Deno.test("watchSafety() catches a call during the hold-off", () => {
  const cluster = new SimCluster(seededRandom(1));
  const node = cluster.add("a", SETTINGS);
  watchSafety(cluster);
  cluster.start(node);
  const attach = { kind: "call", id: 99, call: { verb: "attach" } } as const;
  const error = assertThrows(() => cluster.observers[0]?.effect(node, attach), Violation);
  assertStringIncludes(error.message, "during the hold-off");
});
