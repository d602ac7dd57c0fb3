// Whatever standard output is and does, the real program serves, and stops when told to.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { skippableTest } from "../support/skippable.ts";
import { Cluster } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { exoipCommand, ExoipProcess } from "../support/process.ts";

const MISSING = Deno.build.os === "linux" ? null : `needs Linux, this is ${Deno.build.os}`;

/** A shell that runs the command with those redirections. */
function redirected(redirections: string): string[] {
  return ["sh", "-c", `exec "$@" ${redirections}`, "sh"];
}

/** A node with those outputs takes the address, and gives it up when told to stop. */
async function serves(redirections: string): Promise<void> {
  const cluster = new Cluster({ count: 1 });
  try {
    const node = cluster.node(1);
    cluster.start(node, { args: ["-v"], wrap: redirected(redirections) });
    await until(() => cluster.holders.length === 1, { title: "it holds" });
    node.process?.signal("SIGTERM");
    const toldAtMs = performance.now();
    assertEquals(await node.process?.ended(), 0);
    assert(performance.now() - toldAtMs < 60_000, "it does not wait for ever");
    assertEquals(cluster.holders, []);
  } finally {
    await cluster.close();
  }
}

for (const [title, redirections] of [["a full disk", ">/dev/full 2>&1"], ["closed", ">&- 2>&-"]]) {
  skippableTest(
    `a watchdog whose standard output is ${title} serves`,
    MISSING,
    () => serves(redirections ?? ""),
  );
}

skippableTest(
  "a watchdog whose standard output has stalled serves, and ends within seconds",
  MISSING,
  async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/pipe`;
    try {
      const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
      assert(success);
      // Both ends are open, so that opening does not block; full, so that the first byte has no room.
      using pipe = await Deno.open(path, { read: true, write: true });
      await fill(pipe);
      await serves(`>${path} 2>&1`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

skippableTest("a watchdog whose reader has gone serves", MISSING, async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/pipe`;
  try {
    await new Deno.Command("mkfifo", { args: [path] }).output();
    const reader = await Deno.open(path, { read: true, write: true });
    const serving = serves(`>${path} 2>&1`);
    await reader.read(new Uint8Array(1));
    reader.close();
    await serving;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Fills a pipe of usual size. */
async function fill(pipe: Deno.FsFile): Promise<void> {
  for (let size = 65_536; size > 0;) size -= await pipe.write(new Uint8Array(size));
}

/** Exit code and errors of a shell command in which "$@" is the program. */
async function inShell(script: string): Promise<{ code: number; errors: string; output: string }> {
  const [program, args] = exoipCommand();
  const { code, stderr, stdout } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", program, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, errors: text(stderr), output: text(stdout) };
}

skippableTest(
  "--help says in one line that a disk is full, and nothing to a reader who has gone",
  MISSING,
  async () => {
    const full = await inShell('"$@" --help >/dev/full');
    assertEquals(full.code, 1);
    assertMatch(full.errors, /^exoip: cannot write to standard output: No space left[^\n]*\n$/);
    const head = await inShell('for n in 1 2 3 4 5; do "$@" --help | head -n 1; done');
    assertEquals([head.code, head.errors], [0, ""]);
    assertEquals(head.output.split("\n").length, 6);
    const closed = await inShell('"$@" --help >&-');
    assertEquals([closed.code, closed.errors], [0, ""]);
  },
);

/** A /dev of its own, in which `log` leads to the test's own socket. */
function withDevices(folder: string): string[] {
  const devices = ["null", "zero", "full", "random", "urandom"];
  const script = [
    `mkdir -p ${folder}/real && mount --rbind /dev ${folder}/real && mount -t tmpfs tmpfs /dev`,
    ...devices.map((name) =>
      `touch /dev/${name} && mount --bind ${folder}/real/${name} /dev/${name}`
    ),
    `ln -s ${folder}/log /dev/log && exec "$@"`,
  ];
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script.join(" && "), "sh"];
}

async function mountsMissing(): Promise<string | null> {
  if (MISSING !== null) return MISSING;
  const args = ["--mount", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"];
  try {
    const { success } = await new Deno.Command("unshare", { args, stderr: "null" }).output();
    return success ? null : "needs the right to mount in a namespace";
  } catch {
    return "needs unshare of util-linux";
  }
}

skippableTest(
  "lines reach a syslog that comes after the start, and the one that follows it",
  await mountsMissing(),
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "exoip-dev-" });
    const cluster = new Cluster({ count: 1 });
    const { instance } = cluster.node(1);
    const heard: string[] = [];
    const listen = () => {
      const socket = Deno.listenDatagram({ transport: "unixpacket", path: `${folder}/log` });
      void (async () => {
        for await (const [bytes] of socket) heard.push(new TextDecoder().decode(bytes));
      })();
      return socket;
    };
    const args = ["-W", "-xi", cluster.address.ip, "-p", instance.address, "-t", "0.2"];
    const process = new ExoipProcess([
      ...args,
      ...[...cluster.server.args("v2"), "-i", instance.id],
      ...["-l", `${instance.address}:${cluster.port}`],
    ], {
      env: { IF_EXOSCALE_API_KEY: SIM_KEY, IF_EXOSCALE_API_SECRET: SIM_SECRET },
      wrap: withDevices(folder),
    });
    const arrives = (text: string) =>
      until(() => heard.some((line) => line.includes(text)), { title: `syslog has: ${text}` });
    try {
      const reason = "log: syslog at /dev/log takes no lines (there is no such socket)";
      await until(() => process.output.includes(reason), { title: "it says so" });
      await until(() => cluster.holders.length === 1, { title: "it holds" });
      const first = listen();
      await arrives("start: watching");
      await until(() => process.output.includes("syslog at /dev/log takes lines now"), {
        title: "it says so",
      });
      first.close();
      await Deno.remove(`${folder}/log`).catch(() => {});
      const second = listen();
      process.signal("SIGUSR1");
      await arrives("signal: a signal asks for a better priority");
      process.signal("SIGTERM");
      assertEquals(await process.ended(), 0, process.output);
      await arrives("exit: exit code 0");
      second.close();
    } finally {
      process.signal("SIGKILL");
      await process.ended();
      await cluster.close();
      await Deno.remove(folder, { recursive: true });
    }
  },
);
