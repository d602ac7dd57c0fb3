// Whole runs with a configuration file and a file of variables: precedence, and messages about mistakes.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parseConfigFile } from "../../src/config/config_file.ts";
import {
  COMMON,
  ENDPOINT,
  ID,
  KEY,
  KEYS,
  run,
  SECRET,
  type Situation,
} from "../support/fake_host.ts";

const TOML = "/etc/exoip/exoip.toml", ENV = "/etc/exoip/exoip.env";
const WATCH = ["-n", "-v", "-W", "-p", "192.0.2.2", ...COMMON];

/** The priority in force. */
async function priority(argv: string[], situation: Situation): Promise<string | undefined> {
  const { out, err } = await run([...WATCH, ...argv], situation);
  assertEquals(err, []);
  return out.find((line) => line.startsWith("priority: "))?.slice(10);
}

Deno.test("a flag goes before the file of variables, that before the environment, all before --config", async () => {
  const files = { [TOML]: "priority = 4", [ENV]: "IF_HOST_PRIORITY=2\n" };
  const flag = ["-P", "1"], envFile = ["--env-file", ENV], config = ["--config", TOML];
  const env = { ...KEYS, IF_HOST_PRIORITY: "3" };
  const rows: ReadonlyArray<
    readonly [argv: string[], env: Record<string, string>, wanted: string]
  > = [
    [[...flag, ...envFile, ...config], env, "1"],
    [[...envFile, ...config], env, "2"],
    [config, env, "3"],
    [config, KEYS, "4"],
    [[], KEYS, "10"],
    [[], { ...KEYS, IF_ENV_FILE: ENV, IF_CONFIG: TOML }, "2"],
    [[], { ...KEYS, IF_CONFIG: TOML }, "4"],
  ];
  for (const [argv, env, wanted] of rows) {
    assertEquals(await priority(argv, { env, files }), wanted, argv.join(" "));
  }
  const named = { [TOML]: "priority = 4", [ENV]: `IF_CONFIG=${TOML}\n` };
  assertEquals(
    await priority(envFile, { env: KEYS, files: named }),
    "4",
    "one file names the other",
  );
});

Deno.test("everything can come from one configuration file", async () => {
  const text = `
address = "198.51.100.50"
api-key = "${KEY}"
api-secret = "${SECRET}"
endpoint = "${ENDPOINT[1]}"
instance = "${ID}"
peers = ["192.0.2.2", "192.0.2.3"]
`;
  const { code, out, err } = await run(["-n", "-v", "-W", "--config", TOML], {
    env: {},
    files: { [TOML]: text },
  });
  assertEquals([code, err], [0, []]);
  assertStringIncludes(out.join("\n"), "peers: 192.0.2.2, 192.0.2.3");
  assert(!out.join("\n").includes(SECRET));
});

Deno.test("a variable with the secret file's name goes before a secret in the configuration file", async () => {
  const files = { [TOML]: 'api-secret = "wrong one"', "/s": SECRET };
  const env = { IF_EXOSCALE_API_KEY: KEY, IF_EXOSCALE_API_SECRET_FILE: "/s" };
  const { code, out } = await run(["--print-config", "-A", ...COMMON, "--config", TOML], {
    env,
    files,
  });
  assertEquals(code, 0);
  assert(out.some((line) => /^# api-secret = \*{4} +# file \/s$/.test(line)), out.join("\n"));
});

Deno.test("mistakes in files are reported with all others and end the start with 1", async () => {
  const files = { [TOML]: "prioritty = 4\nr = true", [ENV]: "nonsense\nIF_RECONCILE_INTERVAL=1\n" };
  const argv = [
    "-W",
    "-p",
    "192.0.2.2",
    ...COMMON,
    "--config",
    TOML,
    "--env-file",
    ENV,
    "-P",
    "300",
  ];
  const { code, err } = await run(argv, { env: KEYS, files });
  assertEquals(code, 1);
  assertEquals(err, [
    `exoip: ${ENV}, line 1: no "=", wanted NAME=value`,
    `exoip: ${TOML}, line 1: prioritty: unknown key (did you mean priority?)`,
    `exoip: ${TOML}, line 2: r: found true, wanted a whole number`,
    "exoip: -P (IF_HOST_PRIORITY): 300 is not between 0 and 255",
    "exoip: --reconcile-interval (IF_RECONCILE_INTERVAL): 1 is not between 5s and 5min",
  ]);
});

Deno.test("a file that is named must be there", async () => {
  for (const [flag, variable] of [["--config", "IF_CONFIG"], ["--env-file", "IF_ENV_FILE"]]) {
    const { code, err } = await run(["-A", ...COMMON, flag ?? "", "/none"]);
    assertEquals([code, err], [
      1,
      [`exoip: ${flag} (${variable}): cannot read /none: no such file: /none`],
    ]);
  }
});

Deno.test("a value of a variable that cannot be parsed ends with 2, from the file as from the environment", async () => {
  const files = { [ENV]: "IF_HOST_PRIORITY=ten\n" };
  const { code, err } = await run(["-A", ...COMMON, "--env-file", ENV], { files });
  assertEquals([code, err[0]], [2, 'exoip: IF_HOST_PRIORITY: "ten" is not a whole number']);
});

Deno.test("a file with a secret that everybody may read earns one warning", async () => {
  const files = {
    [TOML]: `api-secret = "${SECRET}"`,
    [ENV]: `IF_EXOSCALE_API_SECRET=${SECRET}\n`,
    "/plain.toml": "priority = 4",
  };
  const warnings = async (argv: string[], mode: number) => {
    const modes = { [TOML]: mode, [ENV]: mode, "/plain.toml": mode };
    const env = { IF_EXOSCALE_API_KEY: KEY, EXOSCALE_API_SECRET: SECRET };
    return (await run(["-n", "-A", ...COMMON, ...argv], { env, files, modes })).err;
  };
  for (const [flag, path] of [["--config", TOML], ["--env-file", ENV]] as const) {
    assertEquals(await warnings([flag, path], 0o644), [
      `exoip: ${path} has a secret and everybody on this machine may read it (mode 0644): wanted mode 0600`,
    ]);
    for (const mode of [0o600, 0o640, 0o400]) assertEquals(await warnings([flag, path], mode), []);
  }
  assertEquals(await warnings(["--config", "/plain.toml"], 0o644), []);
  assertEquals(await warnings(["--config", "/plain.toml"], 0o662), [
    "exoip: /plain.toml says what this program does and others may write it (mode 0662)",
  ]);
});

Deno.test("--print-config shows each value with its source, secrets masked, and asks no cloud", async () => {
  const files = {
    [TOML]: "reconcile-interval = 60\nno-preempt = true",
    [ENV]: "IF_DEAD_RATIO=5\n",
  };
  const argv = ["--print-config", "-W", "-p", "192.0.2.2", ...COMMON.slice(0, 2), "-P", "20"];
  const { code, out, err, calls } = await run(
    [...argv, "--config", TOML, "--env-file", ENV, ...ENDPOINT],
    { env: { ...KEYS, IF_LOG_LEVEL: "warning" }, files, metadata: ID },
  );
  assertEquals([code, err], [0, []]);
  assert(calls.every((url) => url.endsWith("/instance-id")), calls.join(" "));
  const shown = out.map((line) => line.replace(/ +# /, "  # "));
  for (
    const line of [
      "# -W  # -W",
      'address = "198.51.100.50"  # -xi',
      `# api-key = ${KEY.slice(0, 4)}...  # IF_EXOSCALE_API_KEY`,
      "# api-secret = ****  # IF_EXOSCALE_API_SECRET",
      `# instance = ${ID}  # this machine`,
      "priority = 20  # -P",
      `dead-ratio = 5  # IF_DEAD_RATIO in ${ENV}`,
      `reconcile-interval = 60  # ${TOML}, line 1`,
      `no-preempt = true  # ${TOML}, line 2`,
      "interval = 1  # default",
      'log-level = "warning"  # IF_LOG_LEVEL',
      "# zone = from the metadata service  # default",
      `# config = ${TOML}  # --config`,
    ]
  ) assert(shown.includes(line), `${line} is not in\n${shown.join("\n")}`);
  const everything = out.join("\n");
  assert(!everything.includes(SECRET) && !everything.includes(KEY.slice(0, 5)));
});

Deno.test("--print-config shows what comes from the exo CLI's account", async () => {
  const path = "/home/me/.config/exoscale/exoscale.toml";
  const account = `name = "work"\nkey = "${KEY}"\nsecret = "${SECRET}"\ndefaultZone = "ch-dk-2"\n`;
  const { code, out } = await run(["--print-config", "-A", "-xi", "198.51.100.50", "-i", ID], {
    env: { HOME: "/home/me" },
    files: { [path]: `[[accounts]]\n${account}` },
  });
  assertEquals(code, 0);
  const from = out.filter((line) => line.includes("account of the exo CLI"));
  assertEquals(from.map((line) => line.split(/ +# /)[0]), [
    `# api-key = ${KEY.slice(0, 4)}...`,
    "# api-secret = ****",
    "# zone = ch-dk-2",
  ]);
});

Deno.test("--print-config shows the key that stands beside the secret in its file", async () => {
  const path = "/etc/exoip/key.json";
  const argv = [
    "--print-config",
    "-A",
    "-xi",
    "198.51.100.50",
    "-i",
    ID,
    "--api-secret-file",
    path,
  ];
  const others: Record<string, string>[] = [{}, { IF_EXOSCALE_API_KEY: "EX0other" }];
  for (const env of others) {
    const files = { [path]: JSON.stringify({ key: KEY, secret: SECRET }) };
    const { out } = await run(argv, { env, files });
    const shown = out.filter((line) => /^# api-/.test(line) && line.includes("# file "));
    assertEquals(shown.map((line) => line.replace(/ +# /, "  # ")), [
      `# api-key = ${KEY.slice(0, 4)}...  # file ${path}`,
      `# api-secret = ****  # file ${path}`,
    ]);
  }
});

Deno.test("--print-config prints a file that means the same", async () => {
  const argv = [
    "-W",
    "-p",
    "192.0.2.2,192.0.2.3",
    "-t",
    "200ms",
    "--no-preempt",
    "--exclusive=false",
  ];
  const { out } = await run(["--print-config", ...argv, "-r", "+5", ...COMMON]);
  const { given, problems } = parseConfigFile(out.join("\n"), "f");
  assertEquals(problems, []);
  const text = (name: string) => given.get(name)?.text;
  assertEquals(["p", "t", "no-preempt", "exclusive", "r", "xi", "i"].map(text), [
    "192.0.2.2,192.0.2.3",
    "200ms",
    "true",
    "false",
    "5",
    "198.51.100.50",
    ID,
  ]);
});

Deno.test("--print-config reports the problems beside what can be known, and ends with 1", async () => {
  const { code, out, err } = await run(["--print-config", "-W", "-P", "300", "-xs", SECRET], {
    env: {},
  });
  assertEquals(code, 1);
  assert(out.some((line) => line.startsWith("priority = 300")), out.join("\n"));
  assertMatch(err.join("\n"), /-P \(IF_HOST_PRIORITY\): 300 is not between 0 and 255/);
  assertMatch(err.join("\n"), /cannot find out which instance/);
  assert(![...out, ...err].join("\n").includes(SECRET));
});

Deno.test("with json or journald nothing but lines of that format is on standard output", async () => {
  for (const format of ["json", "journald"]) {
    const argv = ["-A", "-v", "--log-format", format, ...COMMON];
    const { out, log, logTo } = await run(argv, { holds: true, syslog: true });
    assertEquals([out, logTo], [[], "stdout"]);
    assert(log.includes("info configuration: Elastic IP: 198.51.100.50"), log.join("\n"));
  }
});

Deno.test("a wrong configuration is told in the format that was asked for, too", async () => {
  const argv = ["-A", "-xi", "x", "-i", "no UUID"];
  const json = await run([...argv, "--log-format", "json"], { syslog: true });
  assertEquals(json.err.length, 1);
  assertEquals(json.log, json.err.map((line) => line.replace("exoip:", "critical configuration:")));
  // The journal includes standard error: once is enough.
  const journal = await run(argv, { journal: true });
  assertEquals([journal.err, journal.log.length], [[], 1]);
  const wrong = await run(["-A", ...COMMON, "--log-format", "xml"]);
  assertEquals(wrong.err, [
    'exoip: --log-format (IF_LOG_FORMAT): "xml" is not text, json or journald',
  ]);
  assertMatch(
    (await run(["-A", ...COMMON, "--log-level", "debug"])).err[0] ?? "",
    /"debug" is not info/,
  );
});

Deno.test("--stop finds the PID file in the configuration file, and a mistake there keeps nobody from it", async () => {
  const text = 'pid-file = "/run/exoip.pid"\nprioritty = 1';
  const { code, err, pids } = await run(["--stop", "--config", TOML], {
    files: { [TOML]: text },
    watchdogs: { "/run/exoip.pid": 42 },
  });
  assertEquals([code, pids], [0, ["stop 42"]]);
  assertMatch(err.join("\n"), /prioritty: unknown key/);
});

Deno.test("--print-config shows checks as a list, and no password in them", async () => {
  const argv = ["--print-config", "-W", "-p", "192.0.2.2", ...COMMON];
  const two = { ...KEYS, IF_CHECK: "exec:/bin/a exec:/bin/b" };
  const { out } = await run(argv, { env: two });
  const [line = ""] = out.filter((each) => each.startsWith("check = "));
  assertMatch(line, /^check = \["exec:\/bin\/a","exec:\/bin\/b"\] +# IF_CHECK$/);
  const again = await run([...argv, "--config", TOML], { files: { [TOML]: line } });
  assert(again.out.some((each) => each.startsWith('check = ["exec:/bin/a","exec:/bin/b"]')));
  const hidden = await run([...argv, "--check", "http://user:hunter2@web.test/"]);
  assert(!hidden.out.join("\n").includes("hunter2"), hidden.out.join("\n"));
  const rows = [
    ["--check", "exec:check --password hunter2"],
    ["--check", "http:///user:hunter2@web.test/x?status=9"],
    ["--notify", "tell --password hunter2"],
    ["--notify", "tell 'hunter2"],
    ["-xe", "https://user:hunter2@api.test/v2"],
    ["-xe", "https://user:hunt/er2@api.test/v2"],
    ["-xe", "user:hunter2@api.test"],
    ["-xe", "https://user:hunter2@api.test"],
    ["-xehttps://user:hunter2@api.test/v2"],
    ["---https://user:hunter2@api.test/v2"],
    ["-P", "https://user:hunter2@api.test/v2"],
    ["-p", "https://user:hunter2@api.test/v2"],
    ["-xi", "https://user:hunter2@api.test/v2"],
    ["-i", "https://user:hunter2@api.test/v2"],
    ["--listen-status", "http://user:hunter2@127.0.0.1:80"],
    ["-l", "user:hunter2@127.0.0.1:80"],
  ];
  for (const row of rows) {
    for (
      const mode of [["--print-config"], ["-n", "-v"], ["--print-iam-policy"], []]
    ) {
      const said = await run([...mode, "-W", ...row, ...COMMON], { files: {} });
      const text = [...said.out, ...said.err, ...said.log].join("\n");
      assert(!/hunter2|hunt\/er2|er2@/.test(text), text);
      assert(text !== "", "something is said");
    }
  }
});

Deno.test("an unknown variable in --env-file is named, with the nearest one", async () => {
  const files = { [ENV]: "IF_HOST_PRIORTY=3\nHOME=/root\n" };
  const { err, log } = await run(["-A", ...COMMON, "--env-file", ENV], { files, holds: true });
  const said = [...err, ...log].join("\n");
  assert(
    said.includes(`${ENV}: unknown variable IF_HOST_PRIORTY (did you mean IF_HOST_PRIORITY?)`),
    said,
  );
});
