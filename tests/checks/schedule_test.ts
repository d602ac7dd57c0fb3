// Checks in parallel, in virtual time: when they run, when they time out, and what is reported.
import { assert, assertEquals } from "@std/assert";
import type { CheckSpec } from "../../src/checks/spec.ts";
import { HealthChecks } from "../../src/checks/schedule.ts";
import { settle, VirtualClock } from "../support/clock.ts";

/** One run of a check, controlled by the test. */
interface Run {
  readonly title: string;
  readonly atMs: number;
  readonly signal: AbortSignal;
  end(reason?: string): void;
}

function fixture(titles: readonly string[], { graceMs = 3_000, obeys = true } = {}) {
  const clock = new VirtualClock();
  const runs: Run[] = [], lines: string[] = [], told: string[] = [];
  const checks = titles.map((title): CheckSpec => ({ title, kind: "exec", words: [title] }));
  const settings = { checks, intervalMs: 2_000, timeoutMs: 1_000, rise: 2, fall: 3, graceMs };
  const health = new HealthChecks(settings, {
    clock,
    log: { write: (severity, event, text) => void lines.push(`${severity} ${event}: ${text}`) },
    probe: ({ title }, signal) =>
      new Promise((resolve, reject) => {
        const end = (reason?: string) =>
          reason === undefined ? resolve() : reject(new Error(reason));
        if (obeys) signal.addEventListener("abort", () => end("ended"));
        runs.push({ title, atMs: clock.nowMs(), signal, end });
      }),
    tell: (healthy, why) => void told.push(`${clock.nowMs()} ${healthy}: ${why}`),
  });
  /** Ends the newest run of a check. */
  const end = async (title: string, reason?: string) => {
    await settle();
    runs.filter((run) => run.title === title).at(-1)?.end(reason);
    await settle();
  };
  return { clock, health, runs, lines, told, end };
}

Deno.test("checks run side by side, each from start to start at its interval", async () => {
  const { clock, health, runs, end } = fixture(["a", "b"]);
  await settle();
  assertEquals(runs.map(({ title, atMs }) => [title, atMs]), [["a", 0], ["b", 0]]);
  await clock.pass(300);
  await end("a");
  await clock.pass(1_700);
  assertEquals(
    runs.map(({ title, atMs }) => [title, atMs]).slice(2),
    [["b", 2_000], ["a", 2_000]]
      .sort(),
    "b was given up at its time-out, which delayed nobody",
  );
  await health.close();
});

Deno.test("a change is told and logged once, with the reason, and the view shows ages", async () => {
  const { clock, health, lines, told, end } = fixture(["a"]);
  const once = async (reason?: string) => {
    await clock.pass(5);
    await end("a", reason);
    await clock.pass(1_995);
  };
  await once();
  assertEquals(told, ["5 true: all checks pass"]);
  for (let failure = 0; failure < 5; failure++) await once("refused");
  assertEquals(told.slice(1), ["6005 false: a: refused"]);
  assert(!health.healthy);
  const [failing] = health.checks;
  assertEquals(failing, {
    title: "a",
    state: "failing",
    changedAtMs: 6_005,
    last: { passing: false, reason: "refused", tookMs: 5 },
    lastAtMs: 10_005,
    lastFailure: "refused",
    contrary: 0,
  });
  await once();
  assertEquals(health.checks[0]?.contrary, 1);
  await once();
  await once();
  assertEquals(told.slice(2), ["14005 true: all checks pass"]);
  assertEquals(lines, [
    "info check-passing: a: passed after 5 ms",
    "warning check-failing: a: refused",
    "info check-passing: a: passed after 5 ms, was failing for 8 s",
  ]);
  await health.close();
});

Deno.test("of two checks one that fails is enough, and only the last to recover makes the node healthy", async () => {
  const { clock, health, told, end } = fixture(["a", "b"]);
  await end("a", "refused");
  await end("b", "status 503");
  await clock.pass(2_000);
  for (const title of ["a", "b", "a"]) {
    await end(title);
    if (title === "b") await clock.pass(2_000);
  }
  assertEquals(told, [
    "0 false: a: refused",
    "0 false: a: refused; b: status 503",
    "4000 false: b: status 503",
  ]);
  await end("b");
  assertEquals(told.slice(3), ["4000 true: all checks pass"]);
  await health.close();
});

Deno.test("a run that hangs is given up at its time-out, and nothing overlaps with what does not end", async () => {
  const { clock, health, runs, lines, end } = fixture(["a"], { obeys: false });
  await end("a");
  await clock.pass(2_000);
  const hanging = runs[1];
  await clock.pass(999);
  assert(!hanging?.signal.aborted);
  await clock.pass(1);
  assert(hanging?.signal.aborted, "it is told to end");
  assertEquals(health.checks[0]?.last?.reason, "no result within 1 s");
  // A run that cannot be killed fails again with each timeout.
  await clock.pass(5_000);
  assertEquals(runs.length, 2, "nothing was started beside it");
  assertEquals(lines.slice(1), [
    "warning check-failing: a: the run before was ended and does not end",
  ]);
  hanging?.end();
  await clock.pass(0);
  assertEquals(runs.length, 3, "the next one begins at once");
  assertEquals(health.checks[0]?.state, "failing", "a late success is none");
  const closing = health.close();
  runs[2]?.end();
  await closing;
});

Deno.test("without a result a node is healthy as long as it is trusted", async () => {
  const { clock, health, lines, told, end } = fixture(["a", "b"], { graceMs: 300 });
  await clock.pass(299);
  await end("a");
  assertEquals([health.healthy, told], [true, ["299 true: all checks pass"]]);
  await clock.pass(1);
  assertEquals([health.healthy, told[1]], [false, "300 false: b: no result yet"]);
  await clock.pass(100);
  await end("b");
  assertEquals(told[2], "400 true: all checks pass");
  assertEquals(lines[1], "warning check-pending: b: no result yet, counts as failing until then");
  await health.close();
});

Deno.test("close() ends what runs, waits for it, though not for ever, and leaves no timer", async () => {
  for (const obeys of [true, false]) {
    const { clock, health, runs, told } = fixture(["a", "b"], { obeys });
    await clock.pass(10);
    let closed = false;
    const closing = health.close().then(() => closed = true);
    await settle();
    assert(runs.every(({ signal }) => signal.aborted));
    assertEquals(closed, obeys);
    if (!obeys) await clock.pass(2_000);
    await closing;
    assertEquals([clock.sleeping, told], [0, []], "what was cut off says nothing about health");
    await clock.pass(10_000);
    assertEquals(runs.length, 2);
  }
});

Deno.test("without checks there is nothing to do and nothing to tell", async () => {
  const { clock, health, told } = fixture([]);
  await clock.pass(10_000);
  assertEquals([health.healthy, health.checks, told, clock.sleeping], [true, [], [], 0]);
  await health.close();
});
