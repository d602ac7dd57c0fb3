// What a run reveals of its credentials: never the secret, and four characters of the key.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { COMMON, KEY, KEYS, run, SECRET, type Situation, type Trace } from "./support/fake_host.ts";

const FILE = "/run/credentials/secret";
const EXO = "/home/me/.config/exoscale/exoscale.toml";
const ACCOUNT = `[[accounts]]\nname = "work"\nkey = "${KEY}"\nsecret = "${SECRET}"\n`;

/** Every way to give the credentials. */
const WAYS: ReadonlyArray<readonly [title: string, argv: string[], Situation]> = [
  ["flags", ["-xk", KEY, "-xs", SECRET], { env: {} }],
  ["flags with =", [`--xk=${KEY}`, `--xs=${SECRET}`], { env: {} }],
  ["variables", [], { env: KEYS }],
  ["weaker variables", [], { env: { EXOSCALE_API_KEY: KEY, EXOSCALE_API_SECRET: SECRET } }],
  ["a file", ["-xk", KEY, "--api-secret-file", FILE], {
    env: {},
    files: { [FILE]: `${SECRET}\n` },
  }],
  ["a file in a variable", [], {
    env: { IF_EXOSCALE_API_KEY: KEY, IF_EXOSCALE_API_SECRET_FILE: FILE },
    files: { [FILE]: `${SECRET}\n` },
  }],
  ["the CLI's file", [], { env: { HOME: "/home/me" }, files: { [EXO]: ACCOUNT } }],
];

const everything = ({ out, err, log }: Trace) => [...out, ...err, ...log].join("\n");

function assertDiscreet(trace: Trace, title: string): void {
  const text = everything(trace);
  assert(!text.includes(SECRET), `${title} shows the secret: ${text}`);
  assert(!text.includes(KEY.slice(0, 5)), `${title} shows more than four of the key: ${text}`);
}

Deno.test("runProgram() with -v prints the configuration without secret and key", async () => {
  for (const [title, argv, situation] of WAYS) {
    for (const mode of [["-A"], ["-W", "-p", "192.0.2.2"], ["-W", "-G", "web", "-n"]]) {
      const trace = await run([...mode, "-v", ...COMMON, ...argv], { holds: true, ...situation });
      assertStringIncludes(trace.out.join("\n"), `API key: ${KEY.slice(0, 4)}...`, title);
      assertStringIncludes(trace.out.join("\n"), "Elastic IP: 198.51.100.50", title);
      assertDiscreet(trace, title);
    }
  }
});

Deno.test("runProgram() shows neither when it fails", async () => {
  const failures: ReadonlyArray<readonly [argv: string[], Situation]> = [
    [["-W", "-xi", "x", "-P", "256", "-l", "x"], {}],
    [["-A", "-nonsense"], {}],
    [["-A", "-P", "x"], {}],
    [["-A"], { cloudStatus: 403 }],
    [["-A"], { cloudStatus: 500 }],
    [["-W", "-p", "none.test"], {}],
  ];
  for (const [title, argv, situation] of WAYS) {
    for (const [failing, circumstances] of failures) {
      const trace = await run([...COMMON, ...argv, ...failing], { ...situation, ...circumstances });
      assert(trace.code > 0 && everything(trace) !== "", title);
      assertDiscreet(trace, `${title}, ${failing.join(" ")}`);
    }
  }
});

Deno.test("runProgram() warns once of a secret in an argument, and only there", async () => {
  for (const [title, argv, situation] of WAYS) {
    const { log } = await run(["-A", ...COMMON, ...argv], { holds: true, ...situation });
    const warnings = log.filter((line) => line.startsWith("warning"));
    if (!title.startsWith("flags")) {
      assertEquals(warnings, [], title);
      continue;
    }
    assertEquals(warnings.length, 1, warnings.join("\n"));
    assertMatch(warnings[0] ?? "", /^warning command-line: .*shows in ps.*--api-secret-file/);
  }
});

Deno.test("runProgram() names a secret file that it needs and cannot read", async () => {
  const argv = ["-A", ...COMMON, "--api-secret-file", FILE];
  const { code, err } = await run(argv, { env: { IF_EXOSCALE_API_KEY: KEY } });
  const start = "exoip: --api-secret-file (IF_EXOSCALE_API_SECRET_FILE): cannot read";
  assertEquals([code, err[0]], [1, `${start} ${FILE}: no such file: ${FILE}`]);
  // A flag overrides a variable; the secret itself overrides its file.
  assertEquals((await run(argv, { holds: true })).code, 1);
  assertEquals((await run([...argv, "-xs", SECRET], { holds: true })).code, 0);
});

Deno.test("runProgram() takes the secret from where it goes first", async () => {
  const files = { [FILE]: SECRET };
  const wrong = "a wrong one";
  const rows: ReadonlyArray<readonly [argv: string[], env: Record<string, string>]> = [
    [["--api-secret-file", FILE], { IF_EXOSCALE_API_SECRET: wrong }],
    [[], { IF_EXOSCALE_API_SECRET_FILE: FILE, EXOSCALE_API_SECRET: wrong }],
    [[], { IF_EXOSCALE_API_SECRET_FILE: "/none", IF_EXOSCALE_API_SECRET: SECRET }],
  ];
  for (const [argv, env] of rows) {
    const keyed = { IF_EXOSCALE_API_KEY: KEY, ...env };
    const { code, err } = await run(["-n", "-A", ...COMMON, ...argv], { env: keyed, files });
    assertEquals([code, err], [0, []], JSON.stringify([argv, env]));
  }
});

Deno.test("runProgram() reports a broken file of the CLI when it needs it", async () => {
  const env = { HOME: "/home/me" }, files = { [EXO]: `secret = ${SECRET}` };
  const needed = await run(["-A", ...COMMON], { env, files });
  assertEquals(needed.code, 1);
  assertStringIncludes(needed.err[0] ?? "", `exoip: ${EXO}: `);
  assertDiscreet(needed, "broken file");
  const zoneless = ["-n", "-A", ...COMMON.slice(0, 4)];
  assertEquals((await run(zoneless, { env: { ...env, ...KEYS }, files })).code, 0);
});

Deno.test("runProgram() opens syslog, with -O standard output", async () => {
  const logTo = async (...argv: string[]) =>
    (await run(["-A", ...COMMON, ...argv], { syslog: true, holds: true })).logTo;
  assertEquals([await logTo(), await logTo("-O"), await logTo("-O=false")], [
    "syslog",
    "stdout",
    "syslog",
  ]);
});
