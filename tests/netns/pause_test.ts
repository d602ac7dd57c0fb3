// Processes that stand still for ten seconds (a frozen machine, a live migration) and continue with an outdated state.
import { assert, assertEquals } from "@std/assert";
import { pause, until } from "../support/until.ts";
import { LONG_MS, roleOf, withCluster } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

/** How long a node stands still: many dead times. */
const PAUSE_MS = 10_000;

networkTest(
  "a master that stood still for 10 s takes the address back without a gap",
  () =>
    withCluster({}, async (cluster) => {
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
  "when a backup stands still for 10 s nothing moves, then or later",
  () =>
    withCluster({ interval: "0.5" }, async (cluster) => {
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
