// Real child processes: how they end, what remains of them, and their output.
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type CommandOptions,
  failureOf,
  KILL_AFTER_MS,
  runCommand,
} from "../../src/host/command.ts";
import { until } from "../support/until.ts";
import { skippableTest } from "../support/skippable.ts";

const NO_SHELL = Deno.build.os === "windows" ? "needs a POSIX shell" : null;
const ENV = { PATH: Deno.env.get("PATH") ?? "" };

function shell(script: string, options: Partial<CommandOptions> = {}) {
  return runCommand(["sh", "-c", script], { env: ENV, ...options });
}

/** Whether the process runs; a zombie does not. */
function runs(pid: number): boolean {
  try {
    if (Deno.build.os !== "linux") return Deno.kill(pid, 0 as unknown as Deno.Signal) === undefined;
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !/\) [ZX] /.test(stat);
  } catch {
    return false;
  }
}

/** A process id that a script has written into a file. */
async function pidIn(path: string): Promise<number> {
  let pid = 0;
  const read = () => {
    try {
      pid = Number(Deno.readTextFileSync(path).trim());
    } catch {
      // The file does not exist yet.
    }
    return pid > 0;
  };
  await until(read, { title: `a process id in ${path}` });
  return pid;
}

skippableTest("a command gets its arguments and its environment alone", NO_SHELL, async () => {
  const words = ["sh", "-c", 'echo "$1|$2|$FACT|${HOME-none}"', "sh", "a b", "*"];
  const outcome = await runCommand(words, { env: { ...ENV, FACT: "yes" } });
  assertEquals(outcome.output, "a b|*|yes|none\n");
  assertEquals([outcome.code, outcome.endedBy, outcome.lateAfterMs], [0, null, null]);
});

skippableTest(
  "a failure is told by exit code and last line, cleaned and bounded",
  NO_SHELL,
  async () => {
    const failure = async (script: string) => failureOf(await shell(script));
    assertEquals(await failure("exit 3"), "exit code 3");
    assertEquals(
      await failure("echo out; echo first >&2; echo last >&2; exit 3"),
      "exit code 3: last",
    );
    assertEquals(await failure("echo only out; exit 1"), "exit code 1: only out");
    assertEquals(await failure("printf 'a\\033[31mb\\tc' >&2; exit 1"), "exit code 1: a [31mb c");
    assertEquals(await failure("kill -9 $$"), "ended by SIGKILL");
    const long = await failure("printf '%0300d' 0 >&2; exit 1");
    assertEquals(long, `exit code 1: ${"0".repeat(200)}...`);
  },
);

Deno.test("a command that cannot be run is named, with the reason", async () => {
  const run = (program: string) => runCommand([program], { env: ENV });
  await assertRejects(() => run("/nonesuch/check"), Error, "cannot run /nonesuch/check: not found");
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/check`, "no program", { mode: 0o644 });
    if (NO_SHELL) return;
    await assertRejects(() => run(`${folder}/check`), Error, "not executable by this user");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

skippableTest(
  "what ignores SIGTERM, and what it has started, is killed at the time-out",
  NO_SHELL,
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      const script = `trap '' TERM; (trap '' TERM; sleep 300 & echo $! > ${folder}/pid; wait) & ` +
        "while :; do sleep 300; done";
      // On a busy machine the shell may get its SIGTERM before it ignores it.
      let timeoutMs = 300, startedAtMs = performance.now();
      let outcome = await shell(script, { timeoutMs });
      while (outcome.endedBy === "SIGTERM" && timeoutMs < 30_000) {
        timeoutMs *= 10;
        startedAtMs = performance.now();
        outcome = await shell(script, { timeoutMs });
      }
      const grandchild = await pidIn(`${folder}/pid`);
      assertEquals([outcome.endedBy, outcome.lateAfterMs], ["SIGKILL", timeoutMs]);
      assertEquals(failureOf(outcome), `ended after ${timeoutMs / 1_000} s`);
      const tookMs = performance.now() - startedAtMs;
      assert(tookMs >= timeoutMs + KILL_AFTER_MS - 1, "it had time to leave");
      await until(() => !runs(grandchild), { title: "its grandchild is gone" });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

skippableTest("an abort ends a command, which may clean up first", NO_SHELL, async () => {
  const folder = await Deno.makeTempDir();
  try {
    const over = new AbortController();
    const script = `trap 'echo cleaned; exit 7' TERM; echo $$ > ${folder}/pid; ` +
      "sleep 300 & wait";
    const ended = shell(script, { signal: over.signal });
    await pidIn(`${folder}/pid`);
    over.abort();
    const { code, output, lateAfterMs } = await ended;
    assertEquals([code, output, lateAfterMs], [7, "cleaned\n", null]);
    await assertRejects(() => shell("exit 0", { signal: over.signal }), Error, "given up");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

for (const keepsChildren of [false, true]) {
  const what = keepsChildren ? "is left alone if wanted" : "is ended with it";
  skippableTest(
    `what a command leaves behind ${what}, and is not waited for`,
    NO_SHELL,
    async () => {
      const folder = await Deno.makeTempDir();
      try {
        // It keeps both outputs open.
        const script = `sleep 300 & echo $! > ${folder}/pid; exit 0`;
        assertEquals((await shell(script, { keepsChildren })).code, 0);
        const pid = await pidIn(`${folder}/pid`);
        if (!keepsChildren) return await until(() => !runs(pid), { title: "it is gone" });
        assert(runs(pid), "it runs");
        Deno.kill(pid, "SIGKILL");
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  );
}

skippableTest(
  "a flood of output is neither kept nor lets the program come to a standstill",
  NO_SHELL,
  async () => {
    let beats = 0;
    const enough = new AbortController();
    const beat = setInterval(() => ++beats >= 100 && enough.abort(), 10);
    const { signal } = enough;
    // Without a beat the time-out would end it.
    const outcome = await shell("yes flood & exec yes flood >&2", { signal, timeoutMs: 60_000 });
    clearInterval(beat);
    assertEquals(outcome.lateAfterMs, null, `only ${beats} beats in a minute`);
    assert(
      outcome.output.length <= 4_096 && outcome.errors.length <= 4_096,
      "only the end is kept",
    );
    assert(outcome.errors.includes("flood\nflood"), "and it is the end");
  },
);

skippableTest("a command that writes much and ends well is not disturbed", NO_SHELL, async () => {
  const { code, errors } = await shell("head -c 1000000 /dev/zero >&2 && echo done >&2");
  assertEquals(code, 0);
  assert(errors.endsWith("done\n"), JSON.stringify(errors.slice(-20)));
});

skippableTest(
  "a flood is read at 64 KiB in 10 ms at the most, so that it costs little",
  NO_SHELL,
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      const script = `while head -c 65536 /dev/zero >&2; do echo >> ${folder}/pieces; done`;
      const startedAtMs = performance.now();
      const outcome = await shell(script, { timeoutMs: 1_500 });
      assertEquals(outcome.lateAfterMs, 1_500);
      const most = (performance.now() - startedAtMs) / 10;
      const count = (await Deno.readTextFile(`${folder}/pieces`)).length;
      // Data that was read at once, data in the pipe, and a piece that is being written.
      assert(count <= most + 4, `${count} pieces, at most ${most + 4}`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
