// One run of the program on a machine that is made up: exit codes, and who is asked what.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { help } from "../src/commands/help.ts";
import { VERSION } from "../src/version.ts";
import { COMMON, ENDPOINT, ID, KEYS, run, SECRET, type Situation } from "./support/fake_host.ts";

Deno.test("runProgram() ends with 2 for an unusable command line and mentions -h", async () => {
  const { code, out, err, calls } = await run(["-A", "-nonsense", ...COMMON]);
  assertEquals([code, out, calls], [2, [], []]);
  assertEquals(err, ["exoip: unknown option -nonsense", "exoip: -h lists the options"]);
  assertEquals((await run(COMMON, { env: { ...KEYS, IF_HOST_PRIORITY: "ten" } })).code, 2);
});

Deno.test("runProgram() prints help or version, ends with 0, and asks nobody", async () => {
  for (const flag of ["-h", "--help"]) {
    const { code, out, err, calls } = await run([flag], { env: {} });
    assertEquals([code, out, err, calls], [0, [help().trimEnd()], [], []]);
  }
  const { code, out, err, calls } = await run(["-version"], { env: {} });
  assertEquals([code, err, calls, out.length], [0, [], [], 1]);
  assertMatch(out[0] ?? "", /^exoip \d+\.\d+\.\d+\S* \(commit .+\)$/);
  assertStringIncludes(out[0] ?? "", VERSION);
});

Deno.test("runProgram() ends with 1 and all problems of a wrong configuration", async () => {
  const { code, err, log, calls } = await run(["-W", "-xi", "1", "-P", "256"], { env: {} });
  const starts = err.map((line) => line.split(" ").slice(0, 2).join(" "));
  assertEquals(starts, ["exoip: -xi", "exoip: -xk", "exoip: -xs", "exoip: -P"]);
  assertEquals([code, log, calls], [1, [], []]);
});

Deno.test("runProgram() tells syslog about a wrong configuration before it ends", async () => {
  const { code, err, log, flushedCount } = await run(["-A", "-xi", "1"], { syslog: true });
  assertEquals(log, err.map((line) => line.replace("exoip:", "critical configuration:")));
  assertEquals([code, log.length, flushedCount], [1, 1, 1]);
});

Deno.test("runProgram() with -n ends with 0 without asking the cloud", async () => {
  for (const mode of [["-A"], ["-D"], ["-W", "-p", "192.0.2.2,web.test"], ["-W", "-G", "web"]]) {
    const { code, out, err, calls } = await run(["-n", ...mode, ...COMMON]);
    const names = mode.includes("-p") ? ["exoip: peer web.test is 192.0.2.3"] : [];
    assertEquals([code, out, err], [0, [
      ...names,
      "exoip: syntax valid; run --doctor to check the rest",
    ], []]);
    assertEquals(calls, []);
  }
});

Deno.test("runProgram() with -n ends with 1 for what the original overlooked", async () => {
  const rows = [["-xi", "198.51.100.256"], ["-t", "0"], ["-r", "0"], ["-p", "none.test"]];
  for (const [flag = "", value = ""] of rows) {
    const { code, err } = await run(["-n", "-W", "-p", "192.0.2.2", ...COMMON, flag, value]);
    assertEquals([code, err.length], [1, 1], flag);
    assertStringIncludes(err[0] ?? "", `exoip: ${flag} (IF_`);
  }
});

Deno.test("runProgram() asks the metadata service who it is, with -n too", async () => {
  const argv = ["-n", "-v", "-A", "-xi", "198.51.100.50", ...ENDPOINT];
  const found = await run(argv, { metadata: `${ID}\n` });
  assertEquals([found.code, found.out.includes(`instance: ${ID}`)], [0, true]);
  assert(found.calls.length > 0 && found.calls.every((url) => url.endsWith("/instance-id")));
  const { code, out, err } = await run(argv);
  assertEquals([code, out, err.length], [1, [], 1]);
  assertMatch(err[0] ?? "", /^exoip: cannot find out which instance .* -i \(IF_EXOSCALE_INSTANCE/);
});

Deno.test({
  name: "runProgram() with -A or -D ends with 0 once the cloud agrees, else with 1",
  // Of two requests side by side one fails first, and the other may still be under way.
  sanitizeOps: false,
  async fn() {
    const rows: ReadonlyArray<readonly [argv: string[], Situation, code: number, log: RegExp]> = [
      [
        ["-A"],
        { holds: true },
        0,
        /^info associated: 198.51.100.50 was already attached to instance/,
      ],
      [
        ["-D"],
        { holds: false },
        0,
        /^info dissociated: 198.51.100.50 was already detached from instance/,
      ],
      [
        ["-A"],
        { cloudStatus: 403 },
        1,
        /^critical associate-failed: 198.51.100.50 could not be attached/,
      ],
      [
        ["-D"],
        { cloudStatus: 500 },
        1,
        /^critical dissociate-failed: 198.51.100.50 could not be detached/,
      ],
    ];
    for (const [argv, situation, code, log] of rows) {
      const trace = await run([...argv, ...COMMON], situation);
      assertEquals([trace.code, trace.flushedCount], [code, trace.log.length], argv.join(" "));
      assertMatch(trace.log.at(-1) ?? "", log);
    }
  },
});

Deno.test("runProgram() ends with 1 when the watchdog cannot listen", {
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  const { code, log, calls, flushedCount } = await run(["-W", "-p", "192.0.2.2", ...COMMON]);
  assertEquals(log, [
    "critical listen: -l (IF_BIND_TO): cannot listen on 0.0.0.0:12345: address in use",
  ]);
  assertEquals([code, calls, flushedCount], [1, [], 1]);
});

Deno.test("runProgram() warns of arguments that it ignores", async () => {
  const { code, log } = await run(["-A", ...COMMON, "stray", "-xs", SECRET], { holds: true });
  assertEquals([code, log[0]], [
    0,
    "warning command-line: the last 3 arguments are ignored: the first of them is not a flag",
  ]);
});
