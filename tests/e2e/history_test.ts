// --history of real watchdogs: a killed holder, its cause, restarts with --history-file, and the files' mishaps.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { History } from "../../src/status/history/view.ts";
import { Cluster, type ClusterNode, PATIENT } from "../support/cluster.ts";
import { violations } from "../support/json_schema.ts";
import { freeTcpPort } from "../support/ports.ts";
import { ExoipProcess } from "../support/process.ts";
import { HISTORY_SCHEMA } from "../support/status_schema.ts";
import { until } from "../support/until.ts";

/** Runs `--history` with those arguments for that node, to its end. */
async function historyOf(cluster: Cluster, number: number, ...args: string[]) {
  const listen = `127.0.0.${number}:${cluster.port}`;
  const process = new ExoipProcess(["--history", "-l", listen, ...args]);
  return { code: await process.ended(), output: process.output };
}

async function jsonOf(cluster: Cluster, number: number, ...args: string[]): Promise<History> {
  const { code, output } = await historyOf(cluster, number, "--json", ...args);
  assertEquals(code, 0, output);
  const history = JSON.parse(output);
  assertEquals(violations(history, HISTORY_SCHEMA), []);
  return history;
}

/** Two nodes, the second with a history file; the first holds. */
async function withTwo(
  body: (parts: {
    cluster: Cluster;
    one: ClusterNode;
    two: ClusterNode;
    file: string;
    again: (args?: readonly string[], wrap?: readonly string[]) => Promise<void>;
    said: (pattern: RegExp) => number;
  }) => Promise<void>,
): Promise<void> {
  const cluster = new Cluster({ ...PATIENT, count: 2 });
  const [one, two] = [cluster.node(1), cluster.node(2)];
  const folder = await Deno.makeTempDir();
  const file = `${folder}/history`;
  const said = (pattern: RegExp) => two.lines.filter(({ text }) => pattern.test(text)).length;
  const again = async (
    args: readonly string[] = ["--history-file", file],
    wrap: readonly string[] = [],
  ) => {
    const judged = said(/role: (backup|master) \((outranked|best|alone|equal)/);
    cluster.start(two, { priority: 20, args, wrap });
    await until(() => said(/role: (backup|master) \((outranked|best|alone|equal)/) > judged, {
      title: "node-2 has judged",
    });
  };
  try {
    cluster.start(one, { priority: 10 });
    await until(() => cluster.heldBy(one), { title: "node-1 holds" });
    await body({ cluster, one, two, file, again, said });
  } finally {
    await cluster.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the survivor of a killed holder says for how long nobody held, and why; a restart keeps it", async () => {
  await withTwo(async ({ cluster, one, two, file, again, said }) => {
    const page = freeTcpPort();
    await again(["--history-file", file, "--listen-status", `127.0.0.1:${page}`]);
    await cluster.heardToHold(one);
    // The last heartbeat that node-2 hears is this one or a later one.
    let heardAtMs = NaN;
    await until(async () => {
      const askedAtMs = performance.now();
      const ageMs = (await cluster.snapshotOf(two))?.addresses[0]?.peers[0]?.heardAgeMs;
      heardAtMs = askedAtMs - (ageMs ?? NaN);
      return heardAtMs > 0;
    }, { title: "node-2 says when it has heard node-1" });
    cluster.stop(one, "SIGKILL");
    await until(() => cluster.heldBy(two), { title: "node-2 holds alone" });
    const outage = async () =>
      (await jsonOf(cluster, 2)).addresses[0]?.marks.find(({ kind }) => kind === "outage");
    await until(async () => (await outage())?.endedBy === "self", {
      title: "the outage is over",
      everyMs: 200,
    });
    const mark = await outage();
    assert(mark?.fault);
    assertEquals(mark.causes[0]?.word, "peer-silent");
    // It counts from the last heartbeat to the answer of the cloud: for longer than the dead time, and not for longer
    // than this test has waited, however busy the machine is.
    const mostMs = performance.now() - heardAtMs;
    assert(
      mark.lastedMs >= 20 * 200 && mark.lastedMs <= mostMs,
      `${mark.lastedMs} of ${mostMs} ms`,
    );
    const text = await historyOf(cluster, 2, "--since", "10m");
    assertEquals(text.code, 0);
    assertMatch(
      text.output,
      /\n {2}\d\d:\d\d:\d\d {2}this node took over after \d+\.\d s without holder: peer node-1 \(127\.0\.0\.1\) silent/,
    );
    // Until the dead one is relieved, two hold; on a busy machine for long enough to be a fault as well.
    assertMatch(text.output, /\n {2}faults +\| +x+2* *\|\n/);
    const served = await (await fetch(`http://127.0.0.1:${page}/history.json`)).json();
    assertEquals(violations(served, HISTORY_SCHEMA), []);
    assertEquals(served.addresses[0].marks[0].kind, "outage");
    const metrics = await (await fetch(`http://127.0.0.1:${page}/metrics`)).text();
    assertMatch(metrics, /\nexoip_unheld_seconds_total\{address="198\.51\.100\.50"\} 0*[1-9.]/);
    // The rights are given up, and the file is written all the same.
    assertMatch(two.process?.output ?? "", /privileges: kept .*given up run, .*write/);

    two.process?.signal("SIGTERM");
    await two.process?.ended();
    await again();
    assertEquals(said(/history-file/), 0);
    const kept = await jsonOf(cluster, 2);
    const kinds = kept.addresses[0]?.marks.map(({ kind }) => kind)
      .filter((kind) => kind !== "two-holders");
    // The stop of the last node was an outage, too.
    assertEquals(kinds?.slice(0, 3), ["outage", "outage", "not-running"]);
    assertEquals(kept.addresses[0]?.marks[0]?.causes, mark.causes);

    two.process?.signal("SIGKILL");
    await two.process?.ended();
    await again();
    const twice = await jsonOf(cluster, 2);
    const gaps = twice.addresses[0]?.marks.filter(({ kind }) => kind === "not-running");
    assertEquals(gaps?.length, 2);
    two.process?.signal("SIGTERM");
    await two.process?.ended();
    const silent = await historyOf(cluster, 2);
    assertEquals(silent.code, 1);
    assertMatch(silent.output, /^exoip: no watchdog answers at 127\.0\.0\.2:\d+: start one, /);
    const read = await historyOf(cluster, 2, "--history-file", file);
    assertEquals(read.code, 0);
    assertMatch(read.output, /took over after \d+\.\d s without holder/);
  });
});

Deno.test("a foreign or broken file is set aside, and an unusable one is left out", async () => {
  await withTwo(async ({ cluster, two, file, again, said }) => {
    await Deno.writeTextFile(file, "my diary\n");
    await again();
    assertEquals(said(/history-file: .*first line is not that of a history.*\.set-aside-1/), 1);
    assertEquals(await Deno.readTextFile(`${file}.set-aside-1`), "my diary\n");
    assertEquals((await jsonOf(cluster, 2)).addresses.length, 1);
    two.process?.signal("SIGTERM");
    await two.process?.ended();
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(file, `${text}{"at":\n{"at":1}\n`);
    await again();
    assertEquals(said(/line \d+ is no line of a history: \{"at":.*\.set-aside-2/), 1);
    two.process?.signal("SIGTERM");
    await two.process?.ended();
    await again(["--history-file", file.replace(/\/history$/, "")]);
    assertEquals(said(/cannot use .* is no plain file; the history is kept in memory only/), 1);
    two.process?.signal("SIGTERM");
    await two.process?.ended();
    // Half a line is what a crash leaves.
    await Deno.writeTextFile(file, `${await Deno.readTextFile(file)}{"at":17`);
    await again();
    assertEquals(said(/set-aside-3/), 0);
  });
});

Deno.test("a full disk costs no more than one line of the log", async () => {
  await withTwo(async ({ cluster, one, two, file, again, said }) => {
    const limit = ["sh", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$@"', "sh"];
    await again(["--history-file", file], limit);
    await until(() => said(/history-file: .*cannot write .*; the history goes on in memory/) > 0, {
      title: "it says so",
    });
    await cluster.heardToHold(one);
    cluster.stop(one, "SIGKILL");
    await until(() => cluster.heldBy(two), { title: "it takes over all the same" });
    const outage = async () =>
      (await jsonOf(cluster, 2)).addresses[0]?.marks.some(({ kind }) => kind === "outage");
    await until(async () => await outage() === true, { title: "it remembers", everyMs: 200 });
    assertEquals(said(/cannot write/), 1);
  });
});
