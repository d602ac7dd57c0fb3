// The log of the real program: every line of standard output in the requested or fitting format.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { skippableTest } from "../support/skippable.ts";
import { Cluster, ELASTIC_IP } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { ExoipProcess } from "../support/process.ts";

Deno.test("--log-format json writes objects only, from the start to the end", async () => {
  const cluster = new Cluster({ count: 1 });
  try {
    const node = cluster.node(1);
    cluster.start(node, { priority: 10, args: ["--log-format", "json", "-v"] });
    await until(() => cluster.holders.length === 1, { title: "it holds" });
    node.process?.signal("SIGTERM");
    assertEquals(await node.process?.ended(), 0);
    const lines = node.lines.map(({ text }) => JSON.parse(text));
    for (const line of lines) {
      assertMatch(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assertEquals(Object.keys(line), ["time", "level", "event", "message"]);
    }
    const events = lines.map(({ event }) => event);
    for (const event of ["configuration", "start", "role", "attached", "detached", "exit"]) {
      assert(events.includes(event), `${event} is not among ${events}`);
    }
  } finally {
    await cluster.close();
  }
});

/** Runs a command as systemd would, with standard output for the journal. */
const AS_SERVICE = [
  "sh",
  "-c",
  'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/$$/fd/1) SYSTEMD_EXEC_PID=$$ exec "$@"',
  "sh",
];
const MISSING = Deno.build.os === "linux" ? null : `needs Linux, this is ${Deno.build.os}`;

skippableTest(
  "a service of systemd writes priorities for the journal by itself, unless told otherwise",
  MISSING,
  async () => {
    const env = { IF_EXOSCALE_API_KEY: "EXOkey", IF_EXOSCALE_API_SECRET: "secret" };
    const id = "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f";
    // No server listens there.
    const argv = ["-A", "-xi", ELASTIC_IP, "-xe", "http://127.0.0.1:1/v2", "-i", id];
    const outputOf = async (...more: string[]) => {
      const process = new ExoipProcess([...argv, ...more], { env, wrap: AS_SERVICE });
      assertEquals(await process.ended(), 1);
      return process.lines.map(({ text }) => text);
    };
    const [journal, plain] = await Promise.all([outputOf(), outputOf("-O")]);
    assertMatch(journal[0] ?? "", /^<4>cloud-error: /);
    assertMatch(journal.at(-1) ?? "", /^<2>(dis)?associate-failed: /);
    assertMatch(plain.at(-1) ?? "", /^exoip \[CRIT {3}\] (dis)?associate-failed: /);
  },
);

Deno.test("with -O to a file each line begins with its time, and the exit line is the last", async () => {
  const cluster = new Cluster({ count: 1 });
  const folder = await Deno.makeTempDir();
  try {
    const node = cluster.node(1);
    const wrap = ["sh", "-c", `exec "$@" > ${folder}/log`, "sh"];
    const notify = `sh -c 'echo no >&2; exit 5'`;
    cluster.start(node, { priority: 10, wrap, args: ["--notify", notify] });
    await until(() => cluster.holders.length === 1, { title: "it holds" });
    node.process?.signal("SIGTERM");
    assertEquals(await node.process?.ended(), 0);
    const lines = Deno.readTextFileSync(`${folder}/log`).trim().split("\n");
    for (const line of lines) {
      assertMatch(
        line,
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z exoip \[(INFO|WARNING) *\] [a-z-]+: /,
      );
    }
    assert(lines.some((line) => / notify: sh: backup of .*: exit code 5: no$/.test(line)));
    assertMatch(lines.at(-1) ?? "", / exit: exit code 0$/);
  } finally {
    await cluster.close();
    await Deno.remove(folder, { recursive: true });
  }
});
