// The first moments of the real program: early signals, and missing dependencies.
import { assert, assertEquals } from "@std/assert";
import { skippableTest } from "../support/skippable.ts";
import { Cluster, ELASTIC_IP } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { exoipCommand, ExoipProcess } from "../support/process.ts";

const KEYS = { IF_EXOSCALE_API_KEY: "EXOkey", IF_EXOSCALE_API_SECRET: "secret" };
/** A watchdog that must look up its instance id, which nothing here provides. */
const NAMELESS = `-W -O -xi ${ELASTIC_IP} -p 127.0.0.2 -xe http://127.0.0.1:1/v2`.split(" ");
const ON_LINUX = Deno.build.os === "linux" ? null : `needs Linux, this is ${Deno.build.os}`;
const COREUTILS = await succeeds("env", ["--block-signal=TERM", "true"]);
const NAMESPACES = await succeeds("unshare", ["--pid", "--fork", "--mount-proc", "true"]);

async function succeeds(command: string, args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args, stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

/** Starts one and waits until it looks up its id in vain. */
async function nameless(wrap: readonly string[] = []): Promise<ExoipProcess> {
  const process = new ExoipProcess(NAMELESS, { env: KEYS, wrap });
  const asks = () => process.output.includes("waiting for the metadata service");
  await until(asks, { title: "it asks who it is" });
  return process;
}

skippableTest(
  "a signal while the instance id is looked up is no end, but a stop is one",
  ON_LINUX,
  async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const process = await nameless();
      for (const kept of ["SIGHUP", "SIGUSR1", "SIGUSR2"] as const) process.signal(kept);
      process.signal(signal);
      assertEquals(await process.ended(), 0, process.output);
      assert(!/role: |start: /.test(process.output), "nothing was begun");
    }
  },
);

skippableTest(
  "a stop is heard where whoever started us ignores or blocks signals",
  ON_LINUX ?? (COREUTILS ? null : "needs env --block-signal of GNU coreutils"),
  async () => {
    const all = "HUP,INT,USR1,USR2,TERM";
    for (const state of [`--block-signal=${all}`, `--ignore-signal=${all}`]) {
      const process = await nameless(["env", state]);
      process.signal("SIGHUP");
      process.signal("SIGTERM");
      assertEquals(await process.ended(), 0, process.output);
    }
  },
);

skippableTest(
  "what is blocked is kept from before the program runs, also by process 1",
  ON_LINUX ?? (COREUTILS && NAMESPACES ? null : "needs unshare, and env --block-signal"),
  async () => {
    const blocked = ["env", "--block-signal=TERM"];
    const first = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", ...blocked];
    for (const wrap of [blocked, first]) {
      const process = new ExoipProcess(NAMELESS, { env: KEYS, wrap });
      const pid = wrap === first ? await childOf(process.pid) : process.pid;
      const command = () => Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0")[0] ?? "";
      // Between two programs a process has no command line, and its signals are not blocked yet.
      await until(() => command() === exoipCommand()[0], { title: "it is the program" });
      Deno.kill(pid, "SIGTERM");
      assertEquals(await process.ended(), 0, process.output);
    }
  },
);

skippableTest(
  "process 1 of a namespace stops when it is told to, and collects what its checks leave behind",
  ON_LINUX ?? (NAMESPACES ? null : "needs unshare, and the right to make namespaces"),
  async () => {
    const wrap = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
    const asking = await nameless(wrap);
    const inside = await childOf(asking.pid);
    Deno.kill(inside, "SIGTERM");
    assertEquals(await asking.ended(), 0, asking.output);

    const cluster = new Cluster({ count: 1 });
    const runs = await Deno.makeTempFile();
    try {
      const args = ["--check", `exec:sh -c 'echo >> ${runs}; sleep 60 & exit 0'`];
      const node = cluster.node(1);
      cluster.start(node, { wrap, args: ["--check-interval", "0.1", ...args] });
      const process = node.process;
      assert(process !== null);
      const count = () => Deno.readTextFileSync(runs).length;
      await until(() => count() >= 40, { title: "40 runs" });
      const first = await childOf(process.pid);
      // Children of the last moment may still be there.
      await until(() => zombiesOf(first) < 10, { title: "fewer than 10 are left" });
      Deno.kill(first, "SIGTERM");
      assertEquals(await process.ended(), 0, process.output);
    } finally {
      await cluster.close();
      await Deno.remove(runs);
    }
  },
);

async function childOf(pid: number): Promise<number> {
  let children = "";
  const read = () => {
    children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim();
    return children !== "";
  };
  await until(read, { title: "it has a child" });
  return Number(children.split(" ")[0]);
}

/** Its dead children that were not collected. */
function zombiesOf(pid: number): number {
  const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim().split(" ");
  return children.filter((child) => {
    try {
      return / Z /.test(Deno.readTextFileSync(`/proc/${child}/stat`));
    } catch {
      return false;
    }
  }).length;
}

skippableTest(
  "what is told before the configuration is read counts once the watchdog runs",
  ON_LINUX,
  async () => {
    const cluster = new Cluster({ count: 1 });
    const folder = await Deno.makeTempDir();
    try {
      const node = cluster.node(1), pipe = `${folder}/variables`;
      assert(await succeeds("mkfifo", [pipe]));
      cluster.start(node, { priority: null, args: ["--env-file", pipe] });
      // It hears as soon as it runs at all, which shows in what it catches: SIGUSR2 comes last, and Deno 2.9 itself
      // catches the others from its first moment.
      const pid = node.process?.pid ?? 0;
      const catches = () =>
        /^SigCgt:.*[89a-f]..$/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
      await until(catches, { title: "it hears SIGUSR2" });
      for (const signal of ["SIGUSR1", "SIGHUP"] as const) node.process?.signal(signal);
      await Deno.writeTextFile(pipe, "IF_HOST_PRIORITY=10\n");
      await until(() => cluster.holders.length === 1, { title: "it holds" });
      const said = (text: string) => node.lines.some((line) => line.text.includes(text));
      await until(() => said("signal: a signal asks for a better priority"), {
        title: "its rank has changed",
      });
      // The pipe has been read; a reload does not wait for another writer.
      const problem = "cannot read " + pipe +
        ": it is a pipe, which can be read at the start only, wanted a file";
      await until(() => said(problem), { title: "the reload was not forgotten" });
      node.process?.signal("SIGTERM");
      assertEquals(await node.process?.ended(), 0, node.process?.output);
    } finally {
      await cluster.close();
      await Deno.remove(folder, { recursive: true });
    }
  },
);
