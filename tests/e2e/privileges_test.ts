// What a running watchdog can still do: tried from inside the process, and by everything that it must go on doing.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { CloudServer } from "../support/cloud/server.ts";
import { skippableTest } from "../support/skippable.ts";
import { ELASTIC_IP } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { ExoipProcess } from "../support/process.ts";
import { freeUdpPort } from "../support/ports.ts";

const PROBE = new URL("./privileges_probe.ts", import.meta.url).pathname;
const ROOT = new URL("../../", import.meta.url).pathname;
const FROM_SOURCE = ["run", "--quiet", "--allow-all", "--no-prompt", PROBE];

/** All attempts; those not named are denied. The network cannot be given up; a watchdog reads interfaces. */
function outcomes(done: readonly string[]): Record<string, string> {
  const names = ["run", "read", "write", "env", "ffi", "sys", "import", "net"];
  return Object.fromEntries(
    names.map((name) => [name, ["net", "sys", ...done].includes(name) ? "done" : "denied"]),
  );
}

/** Runs the probe until it holds, then stops it: the outcomes, and all of its output. */
async function runProbe(
  { args = [], env = {}, command = [Deno.execPath(), ...FROM_SOURCE], folder }: {
    args?: readonly string[];
    env?: Record<string, string>;
    command?: readonly string[];
    folder: string;
  },
) {
  const server = new CloudServer();
  const address = server.model.addAddress(ELASTIC_IP);
  const { id } = server.model.addInstance(1, "127.0.0.1");
  server.model.addInstance(2, "127.0.0.2");
  const probe = new Deno.Command(command[0] ?? "", {
    args: [
      ...command.slice(1),
      `${folder}/forbidden`,
      ..."-W -t 50ms -r 2".split(" "),
      ...(env.PROBE_SYSLOG ? [] : ["-O"]),
      ...["-l", `127.0.0.1:${freeUdpPort()}`, "-xi", ELASTIC_IP, "-p", "127.0.0.2"],
      ...["-xe", server.endpoint("v2"), "-i", id, ...args],
    ],
    env: {
      NO_COLOR: "1",
      // --ca-file would keep the right to read, for SIGHUP.
      DENO_CERT: server.caFile,
      IF_EXOSCALE_API_KEY: SIM_KEY,
      IF_EXOSCALE_API_SECRET: SIM_SECRET,
      ...env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  try {
    await until(() => address.holders.has(id), { title: "it holds" });
    probe.kill("SIGTERM");
    const { code, stdout, stderr } = await probe.output();
    const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assertEquals(code, 0, output);
    assertEquals(address.holders.size, 0, "it has detached");
    const result = /^probe: (.*)$/m.exec(output)?.[1];
    assert(result, output);
    return { output, could: JSON.parse(result) as Record<string, string> };
  } finally {
    await server.close();
  }
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "exoip-rights-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("by default a running watchdog can use the network, look at interfaces, and nothing else", () =>
  inFolder(async (folder) => {
    const { could, output } = await runProbe({ folder });
    assertEquals(could, outcomes([]));
    assertStringIncludes(
      output,
      "privileges: kept net (heartbeats, cloud), sys (interfaces); given up run, read, write, env, ffi, import",
    );
  }));

Deno.test("with a secret file read is kept, since SIGHUP reads it again; with the variable nothing is", () =>
  inFolder(async (folder) => {
    const secret = "a secret for heartbeats";
    await Deno.writeTextFile(`${folder}/secret`, secret);
    const args = ["--shared-secret-file", `${folder}/secret`];
    const { could, output } = await runProbe({ folder, args });
    assertEquals(could, outcomes(["read"]));
    assertStringIncludes(output, "read (reload)");
    const env = { IF_SHARED_SECRET: secret };
    assertEquals((await runProbe({ folder, env })).could, outcomes([]));
  }));

Deno.test("a PID file keeps read and write, and is still removed at the end", () =>
  inFolder(async (folder) => {
    const { could, output } = await runProbe({ folder, args: ["--pid-file", `${folder}/pid`] });
    assertEquals(could, outcomes(["read", "write"]));
    assertStringIncludes(output, "read (PID file), write (PID file)");
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["forbidden"]);
  }));

Deno.test("syslog needs no right, and hears what comes after", () =>
  inFolder(async (folder) => {
    const path = `${folder}/log`;
    const socket = Deno.listenDatagram({ transport: "unixpacket", path });
    const heard: string[] = [];
    const listening = (async () => {
      for await (const [bytes] of socket) heard.push(new TextDecoder().decode(bytes));
    })();
    const { could } = await runProbe({ folder, env: { PROBE_SYSLOG: path } });
    await until(() => heard.some((line) => line.includes("exit: ")), { title: "all is read" });
    socket.close();
    await listening;
    assertEquals(could, outcomes([]));
    const after = heard.slice(heard.findIndex((line) => line.includes("privileges: "))).join("\n");
    assert(after.includes("role: master") && after.includes("exit: exit code 0"), after);
  }));

Deno.test("a notification socket with a path needs no right, and hears what it should", () =>
  inFolder(async (folder) => {
    const path = `${folder}/notify`;
    const socket = Deno.listenDatagram({ transport: "unixpacket", path });
    const heard: string[] = [];
    const listening = (async () => {
      for await (const [bytes] of socket) heard.push(new TextDecoder().decode(bytes));
    })();
    const { could } = await runProbe({ folder, env: { NOTIFY_SOCKET: path } });
    await until(() => heard.some((text) => text.includes("STOPPING=1")), { title: "all is read" });
    socket.close();
    await listening;
    assertEquals(could, outcomes([]));
    const all = heard.join("\n");
    assert(all.includes("is attached") && all.includes("STOPPING=1"), all);
  }));

skippableTest(
  "an abstract notification socket, open before, needs nothing",
  Deno.build.os === "linux" ? null : "abstract sockets are Linux's",
  () =>
    inFolder(async (folder) => {
      const { could } = await runProbe({ folder, env: { NOTIFY_SOCKET: "@exoip-rights-test" } });
      assertEquals(could, outcomes([]));
    }),
);

Deno.test("-A and -D work with what they keep", async () => {
  const server = new CloudServer();
  const address = server.model.addAddress(ELASTIC_IP);
  const { id } = server.model.addInstance(1, "127.0.0.1");
  const env = { IF_EXOSCALE_API_KEY: SIM_KEY, IF_EXOSCALE_API_SECRET: SIM_SECRET };
  const common = ["-O", "-xi", ELASTIC_IP, ...server.args("v2"), "-i", id];
  try {
    for (const [mode, holders] of [["-A", 1], ["-D", 0]] as const) {
      const process = new ExoipProcess([mode, ...common], { env });
      assertEquals(await process.ended(), 0, process.output);
      assertEquals(address.holders.size, holders);
    }
  } finally {
    await server.close();
  }
});

skippableTest(
  "the compiled program gives up as much",
  Deno.env.get("DENORT_BIN") ? null : "needs DENORT_BIN, the runtime part of a binary",
  () =>
    inFolder(async (folder) => {
      const binary = `${folder}/probe`;
      const args = ["compile", "--quiet", "--no-prompt", "--no-code-cache", "--allow-all"];
      const compiled = await new Deno.Command(Deno.execPath(), {
        args: [...args, `--output=${binary}`, PROBE],
        cwd: ROOT,
        stderr: "piped",
      }).output();
      assertEquals(compiled.code, 0, new TextDecoder().decode(compiled.stderr));
      const { could, output } = await runProbe({ folder, command: [binary] });
      assertEquals(could, outcomes([]));
      assertStringIncludes(output, "kept net (heartbeats, cloud), sys (interfaces); given up run");
    }),
);
