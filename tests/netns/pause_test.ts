// Processes that stand still for ten seconds (a frozen machine, a live migration) and continue with an outdated state.
import { assert, assertEquals } from "@std/assert";
import { type ClusterNode, PATIENT } from "../support/cluster.ts";
import { pause, until } from "../support/until.ts";
import { LONG_MS, roleOf, withCluster } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

/** How long a node stands still: many dead times. */
const PAUSE_MS = 10_000;
/** Time in which a node that has just started is heard steadily. */
const STEADY_MS = 2_000;

networkTest(
  "a master that stood still for 10 s takes the address back without a gap",
  () =>
    withCluster(PATIENT, async (cluster) => {
      const [one, two] = [cluster.node(1), cluster.node(2)];
      await cluster.settle();
      cluster.mark(one, "dead");
      one.process?.signal("SIGSTOP");
      await Promise.all([
        pause(PAUSE_MS),
        until(() => cluster.heldBy(two), { title: "the backup takes over", withinMs: LONG_MS }),
      ]);
      assertEquals(cluster.gaps.length, 1);
      one.process?.signal("SIGCONT");
      cluster.mark(one, "alive");
      const back = () => cluster.heldBy(one) && roleOf(one) === "best";
      await until(back, { title: "the better one is back", withinMs: LONG_MS });
      assert(one.lines.some(({ text }) => text.includes("(stalled)")), "it knew that it had slept");
      assertEquals(cluster.gaps.length, 1, "it comes back without a gap");
      assertEquals(cluster.ended, []);
    }),
);

networkTest(
  "with --no-preempt a master that stood still for 10 s leaves the address with the next one",
  () =>
    withCluster(PATIENT, async (cluster) => {
      const [one, two] = [cluster.node(1), cluster.node(2)];
      const start = async (node: ClusterNode, priority: number, role: string) => {
        cluster.start(node, { priority, args: ["--no-preempt"] });
        const title = `${node.name} is ${role}`;
        await until(() => roleOf(node) === role, { title, withinMs: LONG_MS });
      };
      await start(one, 10, "alone");
      await start(two, 20, "outranked");
      await until(() => cluster.heldBy(one), { title: "the better one holds", withinMs: LONG_MS });
      // Until it is heard steadily, its silence is no death.
      await pause(STEADY_MS);
      one.process?.signal("SIGSTOP");
      await Promise.all([
        pause(PAUSE_MS),
        until(() => cluster.heldBy(two), { title: "the backup takes over", withinMs: LONG_MS }),
      ]);
      const changes = cluster.server.model.history.length, said = two.lines.length;
      one.process?.signal("SIGCONT");
      const defers = () => roleOf(one) === "deferring";
      await until(defers, { title: "the better one stands back", withinMs: LONG_MS });
      assert(one.lines.some(({ text }) => text.includes("(stalled)")), "it knew that it had slept");
      assertEquals(cluster.server.model.history.length, changes, "nothing moved");
      const stepsAside = two.lines.slice(said).filter(({ text }) => text.includes("role: backup"));
      assertEquals(stepsAside, [], "and the holder never heard of a better one");
      await cluster.powerOff(two);
      two.process = null;
      await until(() => cluster.heldBy(one), { title: "it takes over", withinMs: LONG_MS });
      assertEquals(cluster.ended, []);
    }),
);

networkTest(
  "when a backup stands still for 10 s nothing moves, then or later",
  () =>
    // A dead time of 4 s.
    withCluster({ interval: "0.5", deadRatio: 8 }, async (cluster) => {
      const [one, two] = [cluster.node(1), cluster.node(2)];
      await cluster.settle();
      const changes = cluster.server.model.history.length;
      two.process?.signal("SIGSTOP");
      await Promise.all([
        pause(PAUSE_MS),
        until(() => roleOf(one) === "alone", {
          title: "its silence is noticed",
          withinMs: LONG_MS,
        }),
      ]);
      two.process?.signal("SIGCONT");
      const stalled = () => two.lines.some(({ text }) => text.includes("(stalled)"));
      await until(stalled, { title: "it knows that it has slept", withinMs: LONG_MS });
      const settled = () => roleOf(one) === "best" && roleOf(two) === "outranked";
      await until(settled, { title: "the roles are as before", withinMs: LONG_MS });
      assertEquals(cluster.server.model.history.length, changes, "nothing moved");
      assert(cluster.heldBy(one), cluster.holders.join());
      assertEquals(cluster.ended, []);
    }),
);
