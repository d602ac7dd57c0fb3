// Three arm64 watchdogs for a minute: one is killed, the next one takes over, and the cloud's record is calm.
import { assert, assertEquals } from "@std/assert";
import { Cluster, ELASTIC_IP } from "../support/cluster.ts";
import { pause, until } from "../support/until.ts";
import { arm64Test, emulator, PATIENT, run, SYSROOT } from "./emulated.ts";

/** How long the cluster runs. */
const MINUTE_MS = 60_000;
/** Longest time in which two may hold: the new one attaches before it detaches the dead one. */
const BOTH_MS = 15_000;
/** A dead time of 6 s: a program that runs ten times slower, on a busy machine, is late by a second now and then. */
const INTERVAL = "2";
/** The dead time, the calls, and such a program. */
const UNHELD_MS = 20_000;

arm64Test("arm64: three watchdogs fail over, and no two of them hold at rest", async () => {
  const cluster = new Cluster({ interval: INTERVAL });
  const [one, two, three] = [cluster.node(1), cluster.node(2), cluster.node(3)];
  const wrap = emulator(SYSROOT);
  const story = () => cluster.nodes.map(({ process }) => process?.output).join("\n---\n");
  const wait = async (condition: () => boolean | Promise<boolean>, title: string) => {
    await until(condition, { title, ...PATIENT }).catch((error) => {
      throw new Error(`${error.message}\n${story()}`);
    });
  };
  try {
    const beganMs = performance.now();
    cluster.start(one, { priority: 10, wrap });
    cluster.start(two, { priority: 20, wrap });
    cluster.start(three, { priority: 30, wrap });
    await wait(() => cluster.heldBy(one), "the best one holds");
    await wait(() =>
      [two, three].every(({ process }) => {
        return /role: backup \(outranked/.test(process?.output ?? "");
      }), "the others stand back");
    const isMaster = async (number: number) => {
      const told = new RegExp(`\n${ELASTIC_IP}\n {2}role +master`);
      const ask = () => run(["--status", "-l", `127.0.0.${number}:${cluster.port}`]);
      await wait(async () => told.test((await ask()).output), `node ${number} says it is master`);
    };
    await isMaster(1);
    await cluster.heardToHold(one);

    cluster.stop(one, "SIGKILL");
    await wait(() => cluster.heldBy(two), "the next one took over");
    const takenMs = performance.now();
    await isMaster(2);
    await pause(Math.max(0, beganMs + MINUTE_MS - performance.now()));

    assert(cluster.heldBy(two), "it still holds");
    assert(two.alive && three.alive, story());
    const { history } = cluster.server.model;
    history.forEach(({ holders, atMs }, at) => {
      const lastedMs = (history[at + 1]?.atMs ?? performance.now()) - atMs;
      assert(holders.length < 2 || lastedMs < BOTH_MS, JSON.stringify(history));
    });
    assert(history.every(({ atMs }) => atMs < takenMs), "nothing moves at rest");
    const [gap, ...more] = cluster.gaps;
    assertEquals(more, []);
    assert(gap?.toMs && gap.toMs - gap.fromMs < UNHELD_MS, JSON.stringify(gap));

    cluster.stop(two, "SIGTERM");
    assertEquals(await two.process?.ended(), 0, story());
    assert(cluster.heldBy(three), "a stop hands over");
  } finally {
    await cluster.close();
  }
});
