// SIGHUP with real processes: a new priority moves the address without a gap, a new key is used, a bad file is not.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { skippableTest } from "../support/skippable.ts";
import { CloudServer } from "../support/cloud/server.ts";
import { Cluster, type ClusterNode, ELASTIC_IP, PATIENT } from "../support/cluster.ts";
import { freeTcpPort } from "../support/ports.ts";
import { until } from "../support/until.ts";
import { ExoipProcess } from "../support/process.ts";

const MISSING = Deno.build.os === "windows" ? "Windows has no SIGHUP" : null;

/** A cluster whose nodes each read a file of their own. */
async function withFiles(
  body: (
    cluster: Cluster,
    write: (number: number, text: string) => void,
    folder: string,
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "exoip-" });
  const cluster = new Cluster({ ...PATIENT, count: 2 });
  const write = (number: number, text: string) =>
    Deno.writeTextFileSync(`${folder}/${number}.toml`, text);
  try {
    await body(cluster, write, folder);
  } finally {
    await cluster.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Whether the node has logged that since that line. */
function heard({ lines }: ClusterNode, text: string, since = 0): boolean {
  return lines.slice(since).some((line) => line.text.includes(text));
}

skippableTest(
  "SIGHUP changes the priority, and the address moves without a moment unheld",
  MISSING,
  () =>
    withFiles(async (cluster, write, folder) => {
      const [first, second] = [cluster.node(1), cluster.node(2)];
      for (const [number, priority] of [[1, 10], [2, 20]] as const) {
        write(number, `priority = ${priority}\n`);
        const args = ["--config", `${folder}/${number}.toml`];
        cluster.start(cluster.node(number), { priority: null, args });
      }
      await until(() => `${cluster.holders}` === "node-1", { title: "the better one holds" });
      await until(() => second.role === "backup" && heard(second, "outranked"), {
        title: "backup",
      });
      await cluster.meet();

      write(1, "priority = 30\n");
      first.process?.signal("SIGHUP");
      await until(() => `${cluster.holders}` === "node-2", { title: "the other one holds" });
      assert(heard(first, "reload: now in force: -P (IF_HOST_PRIORITY)"));
      const held = cluster.server.model.history.map(({ holders }) => holders.length);
      assert(held.every((count) => count > 0), `somebody holds all the time: ${held}`);

      // Moves back by the other node's file.
      write(2, "priority = 40\nreconcile-interval = 10\n");
      second.process?.signal("SIGHUP");
      await until(() => `${cluster.holders}` === "node-1", { title: "the first one again" });
      const after = cluster.server.model.history.map(({ holders }) => holders.length);
      assert(after.every((count) => count > 0), `somebody holds all the time: ${after}`);
      assert(first.alive && second.alive);
    }),
);

skippableTest(
  "SIGHUP with a bad file keeps the old configuration and tells all that is wrong",
  MISSING,
  () =>
    withFiles(async (cluster, write, folder) => {
      const node = cluster.node(1);
      write(1, "priority = 10\n");
      cluster.start(node, { priority: null, args: ["--config", `${folder}/1.toml`] });
      await until(() => cluster.holders.length === 1, { title: "it holds" });
      write(1, 'priority = "ten"\nintervall = 3\n');
      node.process?.signal("SIGHUP");
      await until(() => heard(node, "did you mean interval?"), { title: "the last problem" });
      assert(heard(node, "reload-refused: the old configuration stays"));
      assert(heard(node, 'line 1: priority: found "ten", wanted a whole number'));
      write(1, 'priority = 10\npid-file = "/none/exoip.pid"\nheartbeat-format = "original"\n');
      node.process?.signal("SIGHUP");
      const restart =
        "restart to apply --pid-file (IF_PID_FILE), --heartbeat-format (IF_HEARTBEAT_FORMAT)";
      await until(() => heard(node, restart), { title: "what needs a restart" });
      assert(node.alive);
      assertEquals(cluster.holders, ["node-1"]);
    }),
);

skippableTest(
  "SIGHUP takes a new key from the file of variables and its secret from the secret file",
  MISSING,
  () =>
    withFiles(async (cluster, _write, folder) => {
      const node = cluster.node(1);
      const [variables, secret] = [`${folder}/exoip.env`, `${folder}/secret`];
      Deno.writeTextFileSync(variables, `# our key\nIF_EXOSCALE_API_KEY=${SIM_KEY}\n`);
      Deno.writeTextFileSync(secret, `${SIM_SECRET}\n`);
      const args = [
        "--env-file",
        variables,
        "--api-secret-file",
        secret,
        "--reconcile-interval",
        "5",
        "-v",
      ];
      cluster.start(node, { priority: 10, args, credentials: false });
      await until(() => cluster.holders.length === 1, { title: "it holds" });
      // The cloud gets another key; from now on it refuses the old one.
      cluster.server.model.credentials = { apiKey: "EXOnew000000", secret: "the new secret" };
      await until(() => heard(node, "cloud-error: "), { title: "the old key is refused" });
      Deno.writeTextFileSync(variables, "IF_EXOSCALE_API_KEY='EXOnew000000'\n");
      Deno.writeTextFileSync(secret, "the new secret\n");
      const since = node.lines.length;
      node.process?.signal("SIGHUP");
      await until(() => heard(node, "call: look done", since), { title: "the new key is used" });
      const output = node.process?.output ?? "";
      assertStringIncludes(
        output,
        "now in force: -xk (IF_EXOSCALE_API_KEY), -xs (IF_EXOSCALE_API_SECRET)",
      );
      assert(!output.includes("the new secret") && !output.includes("EXOnew000000"), output);
      assertEquals(cluster.holders, ["node-1"]);
    }),
);

skippableTest(
  "SIGHUP without a file says that there is nothing to read",
  MISSING,
  async () => {
    // With TLS there would be a file with an authority.
    const cluster = new Cluster({ count: 1, tls: false });
    try {
      const node = cluster.node(1);
      cluster.start(node, { priority: 10 });
      await until(() => heard(node, "start: watching"), { title: "it has started" });
      node.process?.signal("SIGHUP");
      await until(() => heard(node, "reload: there is nothing to read"), { title: "it says so" });
      assert(node.alive);
    } finally {
      await cluster.close();
    }
  },
);

skippableTest(
  "SIGHUP follows a new list of peers",
  MISSING,
  () =>
    withFiles(async (cluster, write, folder) => {
      const [first, second] = [cluster.node(1), cluster.node(2)];
      const own = (number: number) => `peers = ["${cluster.node(number).instance.address}"]\n`;
      write(1, own(1));
      write(2, own(2));
      for (const number of [1, 2]) {
        const args = ["--config", `${folder}/${number}.toml`];
        cluster.start(cluster.node(number), { priority: number * 10, args, peers: null });
      }
      const alone = (node: ClusterNode) => heard(node, "master (alone)");
      await until(() => alone(first) && alone(second), { title: "each is alone" });
      const both = `peers = ["${first.instance.address}", "${second.instance.address}"]\n`;
      for (const number of [1, 2]) write(number, both);
      for (const { process } of [first, second]) process?.signal("SIGHUP");
      await until(() => heard(second, "backup (outranked"), { title: "the worse one steps back" });
      await until(() => `${cluster.holders}` === "node-1", { title: "one holds" });
    }),
);

skippableTest(
  "SIGHUP ends what does one thing, as a closed terminal always has",
  MISSING,
  async () => {
    const server = new CloudServer();
    server.model.addAddress(ELASTIC_IP);
    const { id } = server.model.addInstance(1, "127.0.0.1");
    server.fault = () => "hang";
    try {
      const args = ["-A", "-O", "-xi", ELASTIC_IP, ...server.args("v2"), "-i", id];
      const env = { IF_EXOSCALE_API_KEY: SIM_KEY, IF_EXOSCALE_API_SECRET: SIM_SECRET };
      const process = new ExoipProcess(args, { env });
      await until(() => server.calls.length > 0, { title: "it asks" });
      process.signal("SIGHUP");
      assertEquals(await process.ended(), 1);
      assertStringIncludes(process.output, "associate-failed: ");
    } finally {
      await server.close();
    }
  },
);

skippableTest(
  "SIGHUP changes the checks: a new one that fails moves the address, without it the node is well again",
  MISSING,
  () =>
    withFiles(async (cluster, write, folder) => {
      const served = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      // Without that, the system would soon keep too many of them to answer one more.
      const accepting = (async () => {
        for await (const connection of served) connection.close();
      })();
      const [good, bad] = [served.addr.port, freeTcpPort()].map((port) =>
        `tcp://127.0.0.1:${port}`
      );
      const first = cluster.node(1);
      try {
        for (const number of [1, 2]) {
          write(number, `priority = ${10 * number}\ncheck = ["${good}"]\n`);
          const args = ["--config", `${folder}/${number}.toml`, "--check-interval", "100ms"];
          cluster.start(cluster.node(number), { priority: null, args });
        }
        await until(() => `${cluster.holders}` === "node-1", { title: "the better one holds" });
        await cluster.meet();

        write(1, `priority = 10\ncheck = ["${good}", "${bad}"]\n`);
        first.process?.signal("SIGHUP");
        await until(() => `${cluster.holders}` === "node-2", { title: "the well one holds" });
        assert(heard(first, "reload: now in force: --check (IF_CHECK)"), first.process?.output);
        assert(heard(first, `check-failing: ${bad}`), first.process?.output);

        write(1, `priority = 10\ncheck = ["${good}"]\n`);
        first.process?.signal("SIGHUP");
        await until(() => `${cluster.holders}` === "node-1", { title: "it is well again" });
        const { history } = cluster.server.model;
        assert(history.every(({ holders }) => holders.length > 0), JSON.stringify(history));

        write(1, `priority = 10\ncheck = ["exec:true"]\n`);
        first.process?.signal("SIGHUP");
        await until(
          () => heard(first, "restart to apply --check (IF_CHECK)"),
          {
            title: "the right to run programs is gone",
          },
        );
      } finally {
        served.close();
        await accepting;
      }
    }),
);
