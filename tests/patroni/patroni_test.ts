// With the real Patroni, configured as docs/set-up/patroni.md shows: the address follows its leader, and without a
// leader nothing moves.
import { assertEquals } from "@std/assert";
import { until } from "../support/until.ts";
import { Laboratory, LONG_MS, pageBlock } from "./laboratory.ts";
import { patroniTest } from "./requirements.ts";

/**
 * The shortest time to live that Patroni allows, so that the test is short, and the longest patience with etcd in it: a
 * leader for which etcd stands still for longer gives up, and another one may follow.
 */
const TIMES = { ttl: 20, loopWait: 2, retryTimeout: 9 };

patroniTest("the address follows Patroni's leader, and without one nothing moves", async (t) => {
  const laboratory = await Laboratory.create({ times: TIMES, deadRatio: 6 });
  const { cluster, readers } = laboratory;
  const { history } = cluster.server.model;
  const writes = async (number: number) => {
    await laboratory.heldBy(number);
    await until(() => laboratory.found(number) === "writes", { title: `${number} writes` });
  };
  try {
    await t.step("a second address is on the replicas", async () => {
      laboratory.startReaders();
      await until(() => readers.heldBy(readers.node(2), readers.node(3)), {
        title: "both replicas hold it",
        withinMs: LONG_MS,
      });
    });

    await t.step("a switchover moves both", async () => {
      await laboratory.patronictl(1, pageBlock("sh", "switchover").trim());
      await writes(2);
      await laboratory.settled(2);
      await until(() => readers.heldBy(readers.node(1), readers.node(3)), {
        title: "the old leader has become a replica",
        withinMs: LONG_MS,
      });
    });

    await t.step("a REST API that does not answer moves nothing", async () => {
      const { length } = history;
      await laboratory.blockApi(2, "drop");
      await until(() => unhealthy(laboratory, 2), { title: "it is seen", withinMs: LONG_MS });
      // Patroni itself goes on.
      const loops = async () =>
        (await laboratory.logOf("patroni-2")).split("I am (db-2), the leader with the lock").length;
      const before = await loops();
      await until(async () => await loops() >= before + 3, {
        title: "it leads on",
        withinMs: LONG_MS,
        everyMs: 200,
      });
      assertEquals([history.length, cluster.holders], [length, ["node-2"]]);
      await laboratory.blockApi(2, "pass");
      await laboratory.settled(2);
      // The next step waits for the news of its own fault.
      await until(() => !unhealthy(laboratory, 2), { title: "it is well", withinMs: LONG_MS });
    });

    await t.step("the leader that loses etcd keeps the address, and only reads", async () => {
      const { length } = history;
      laboratory.signalEtcd("SIGSTOP");
      const demoted = () => [1, 2, 3].every((number) => laboratory.found(number) === "reads");
      await until(demoted, { title: "no node writes", withinMs: LONG_MS });
      await until(() => unhealthy(laboratory, 2), { title: "it is seen", withinMs: LONG_MS });
      assertEquals([history.length, cluster.holders], [length, ["node-2"]]);
      laboratory.signalEtcd("SIGCONT");
      await writes(await laboratory.anyLeads());
    });

    await t.step("a leader that is killed loses it to the next one", async () => {
      const leader = await laboratory.anyLeads();
      await laboratory.settled(leader);
      const { length } = history;
      await laboratory.killDatabase(leader);
      const next = async () => {
        const before = history.length, found = await laboratory.leader();
        if (found === 0) assertEquals(before, length, "taken before Patroni had a leader");
        return found !== 0;
      };
      await until(next, { title: "another one leads", withinMs: LONG_MS, everyMs: 50 });
      await writes(await laboratory.anyLeads());
    });
  } finally {
    await laboratory.close();
  }
});

/** Whether the last word about that node's role is that it is unhealthy. */
function unhealthy({ cluster }: Laboratory, number: number): boolean {
  const line = cluster.node(number).lines.findLast(({ text }) => text.includes(" role: "));
  return /role: \w+ \(unhealthy/.test(line?.text ?? "");
}
