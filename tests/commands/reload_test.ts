// SIGHUP: which parts of a new configuration apply, which need a restart, and that a bad one changes nothing.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { readValues } from "../../src/options/parse.ts";
import { type Config, configure } from "../../src/config/config.ts";
import { load } from "../../src/config/load.ts";
import { PeerNames } from "../../src/peers/peer_names.ts";
import { type Changes, changesBetween, Reloader } from "../../src/commands/reload.ts";
import type { Rights } from "../../src/options/option.ts";
import { settle, VirtualClock } from "../support/clock.ts";
import { certificatePem, keyPem, newKeys } from "../support/tls/x509.ts";

const START = ["-W", "-xi", "198.51.100.50", "-xk", "EXOkey", "-xs", "secret"];

/** The configuration that these flags make. */
function read(...argv: string[]): Config {
  const peers = argv.includes("-G") ? [] : ["-p", "192.0.2.2,192.0.2.3"];
  const config = configure(readValues([...START, ...peers, ...argv], {}), {});
  if ("problems" in config) throw new Error(config.problems.join("\n"));
  return config;
}

/** A process that runs no programs. */
const NO_RIGHTS = { run: false };

Deno.test("a check that runs a program is applied while the process may still run one", () => {
  const [without, plain] = [read(), read("--check", "exec:true")];
  assertEquals(changesBetween(without, plain, NO_RIGHTS).needsRestart, ["check"]);
  assertEquals(changesBetween(without, plain, { run: true }).apply, ["check"]);
  assertEquals(changesBetween(plain, without, NO_RIGHTS).apply, ["check"]);
});

/** The changes by name. */
type Named = Pick<Changes, "apply" | "needsRestart">;

function namesOf(old: Config, next: Config, rights: Rights = NO_RIGHTS): Named {
  const { apply, needsRestart } = changesBetween(old, next, rights);
  return { apply, needsRestart };
}

/** Flags, and the changes that they cause. */
const ROWS: ReadonlyArray<readonly [argv: string[], changes: Partial<Named>]> = [
  [[], {}],
  [["-P", "10", "-t", "1s", "-r", "3"], {}],
  [["-P", "20"], { apply: ["P"] }],
  [["-t", "0.2"], { apply: ["t"] }],
  [["-r", "5"], { apply: ["r"] }],
  [["--no-preempt"], { apply: ["preempt-delay"] }],
  [["--preempt-delay", "5"], { apply: ["preempt-delay"] }],
  [["--handover-timeout", "5"], { apply: ["handover-timeout"] }],
  [["--reconcile-interval", "60"], { apply: ["reconcile-interval"] }],
  [["--log-level", "warning"], { apply: ["log-level"] }],
  [["-xk", "EXOother"], { apply: ["xk"] }],
  [["-xs", "other"], { apply: ["xs"] }],
  [["-p", "192.0.2.4"], { apply: ["p"] }],
  [["-xi", "198.51.100.50/120"], { apply: ["xi"] }],
  [["-xi", "198.51.100.51"], { needsRestart: ["xi"] }],
  [["-xi", "198.51.100.50,198.51.100.51"], { needsRestart: ["xi"] }],
  [["-G", "edge"], { needsRestart: ["p", "G"] }],
  [["-xe", "https://other.test/v2"], { needsRestart: ["xe"] }],
  [["-xe", "https://other.test/compute"], { needsRestart: ["xe", "api"] }],
  [["--zone", "ch-dk-2"], { needsRestart: ["zone"] }],
  [["--api-environment", "preprod"], { needsRestart: ["api-environment"] }],
  [["-i", "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f"], { needsRestart: ["i"] }],
  [["-l", ":4321"], { needsRestart: ["l"] }],
  [["--heartbeat-format", "original"], { needsRestart: ["heartbeat-format"] }],
  [["--accept-unsigned", "--shared-secret-file", "/f"], { needsRestart: ["accept-unsigned"] }],
  [["--exclusive"], { needsRestart: ["exclusive"] }],
  [["--pid-file", "/run/other"], { needsRestart: ["pid-file"] }],
  [["--log-format", "json"], { needsRestart: ["log-format"] }],
  [["-P", "20", "-l", ":4321"], { apply: ["P"], needsRestart: ["l"] }],
];

Deno.test("changesBetween() tells what is applied and what needs a restart, in both directions", () => {
  const old = read();
  for (const [argv, changes] of ROWS) {
    const wanted = { apply: [], needsRestart: [], ...changes };
    assertEquals(namesOf(old, read(...argv)), wanted, argv.join(" "));
    assertEquals(namesOf(read(...argv), old), wanted, argv.join(" "));
  }
});

Deno.test("changesBetween() makes a configuration with what can be told, and nothing else", () => {
  const old = read();
  for (const [argv, { apply = [], needsRestart = [] }] of ROWS) {
    const next = read(...argv);
    const { config } = changesBetween(old, next, NO_RIGHTS);
    assertEquals(namesOf(config, next), { apply: [], needsRestart }, argv.join(" "));
    if (apply.length === 0) assertEquals(config, old);
  }
  assertEquals(
    changesBetween(old, read("-xi", "198.51.100.51", "-P", "7"), NO_RIGHTS).config.elasticIps,
    old.elasticIps,
  );
});

const TOML = "/etc/exoip.toml", ENV = "/etc/exoip.env", KEYFILE = "/etc/secret";

const missing = (what: unknown) => Promise.reject(new Error(`there is no ${what}`));

/** A reloader; the test changes its files. */
async function reloading(
  files: Record<string, string>,
  { argv = START, env = {} }: { argv?: readonly string[]; env?: Record<string, string> } = {},
) {
  const lines: string[] = [], levels: string[] = [];
  const told: { part: string; config: Config }[] = [];
  const tell = (part: string) => (config: Config) => void told.push({ part, config });
  const host = {
    env,
    os: "linux" as const,
    machine: { root: "/none", fetch: missing, readTextFile: missing, run: missing },
    readTextFile(path: string) {
      const text = files[path];
      if (text === undefined) throw new Deno.errors.NotFound(`no such file: ${path}`);
      return text;
    },
    lookup: (name: string) =>
      files[name] ? Promise.resolve([files[name]]) : Promise.reject(new Error(`no ${name}`)),
    interfaces: () => [],
    clock: new VirtualClock({ leaps: true }),
  };
  const loaded = await load(argv, host);
  const config = configure(loaded.values, loaded.inputs);
  if ("problems" in config) throw new Error(config.problems.join("\n"));
  const { peers, listen: { hostname } } = config;
  const names = peers.kind === "static"
    ? new PeerNames(peers.addresses, { host, hostname, log: { write() {} } })
    : null;
  const addresses: (readonly string[] | undefined)[] = [];
  await names?.start(new AbortController().signal);
  names?.follow((told) => void addresses.push(told.addresses), new AbortController().signal);
  const reloader = new Reloader({
    argv,
    names,
    host,
    loaded,
    config,
    log: {
      write: (severity, event, text) => void lines.push(`${severity} ${event}: ${text}`),
      setLevel: (level) => void levels.push(level),
    },
    hide() {},
    runtime: {
      election: tell("election"),
      checks: tell("checks"),
      credentials: tell("credentials"),
      leaseCredentials: tell("leaseCredentials"),
      sharedSecrets: tell("sharedSecrets"),
    },
  });
  const reload = async () => {
    lines.length = 0;
    await reloader.reload();
    return lines;
  };
  return { files, reload, reloader, lines, levels, told, addresses };
}

const FILES = ["--config", TOML, "-p", "192.0.2.2", ...START];

Deno.test("a reload tells the parts of the watchdog that have something new to know, and no others", async () => {
  const { files, reload, told } = await reloading({ [TOML]: "" }, { argv: FILES });
  const news = [
    ["priority = 20\nreconcile-interval = 60", ["election"]],
    ["priority = 20\nreconcile-interval = 60\ncheck-rise = 5", ["checks"]],
    ["check-rise = 5", ["election"]],
    ['log-level = "warning"\ncheck-rise = 5', []],
    ['listen = ":4321"\ncheck-rise = 5', []],
  ] as const;
  for (const [text, parts] of news) {
    told.length = 0;
    files[TOML] = text;
    await reload();
    assertEquals(told.map(({ part }) => part), [...parts], text);
  }
});

Deno.test("Reloader applies a new priority and says so, once", async () => {
  const { files, reload, told } = await reloading({ [TOML]: "priority = 10" }, { argv: FILES });
  files[TOML] = "priority = 20\nreconcile-interval = 60";
  assertEquals(await reload(), [
    "info reload: now in force: -P (IF_HOST_PRIORITY), --reconcile-interval (IF_RECONCILE_INTERVAL)",
  ]);
  assertEquals([told[0]?.config.priority, told[0]?.config.reconcileMs], [20, 60_000]);
  assertEquals(await reload(), ["info reload: nothing has changed"]);
});

Deno.test("Reloader names in one line what needs a restart, each time, and applies the rest", async () => {
  const { files, reload, told } = await reloading({ [TOML]: "" }, { argv: FILES });
  files[TOML] = 'listen = ":4321"\nheartbeat-format = "original"\npriority = 5';
  const restart = "warning reload: restart to apply -l (IF_BIND_TO), " +
    "--heartbeat-format (IF_HEARTBEAT_FORMAT)";
  assertEquals(await reload(), ["info reload: now in force: -P (IF_HOST_PRIORITY)", restart]);
  assertEquals([told[0]?.config.priority, told[0]?.config.listen.port], [5, 12345]);
  assertEquals(await reload(), [restart]);
});

Deno.test("Reloader keeps the old configuration for a bad one, and tells every problem", async () => {
  const { files, reload, told } = await reloading({ [TOML]: "priority = 10" }, { argv: FILES });
  const bad: ReadonlyArray<readonly [text: string | undefined, problems: RegExp[]]> = [
    ["priority = 300\ninterval = 0", [
      /-P \(IF_HOST_PRIORITY\): 300 is not/,
      /-t \(IF_.*\): 0 is not/,
    ]],
    ["prioritty = 3", [/exoip.toml, line 1: prioritty: unknown key \(did you mean priority\?\)/]],
    ['api-secret = "half', [/exoip.toml, line 1: /]],
    [undefined, [/--config \(IF_CONFIG\): cannot read \/etc\/exoip.toml: no such file/]],
  ];
  for (const [text, problems] of bad) {
    if (text === undefined) delete files[TOML];
    else files[TOML] = text;
    const lines = await reload();
    assertEquals(lines.length, problems.length, lines.join("\n"));
    for (const [index, problem] of problems.entries()) {
      assertMatch(lines[index] ?? "", /^warning reload-refused: the old configuration stays: /);
      assertMatch(lines[index] ?? "", problem);
    }
  }
  assertEquals(told, []);
  files[TOML] = "priority = 10";
  assertEquals(await reload(), ["info reload: nothing has changed"]);
});

Deno.test("Reloader refuses a variable that cannot be parsed and a peer that cannot be found", async () => {
  const files = { [ENV]: "IF_EXOSCALE_PEERS=web.test\n", "web.test": "192.0.2.2" } as Record<
    string,
    string
  >;
  const argv = [...START, "--env-file", ENV];
  const { reload, told, addresses } = await reloading(files, { argv });
  files[ENV] = "IF_EXOSCALE_PEERS=web.test\nIF_HOST_PRIORITY=ten\n";
  assertMatch(
    (await reload()).join("\n"),
    /^warning reload-refused: .*IF_HOST_PRIORITY: "ten" is not a/,
  );
  files[ENV] = "IF_EXOSCALE_PEERS=web.test,none.test\n";
  assertMatch((await reload()).join("\n"), /^warning reload-refused: .*cannot resolve none.test/);
  assertEquals([told, addresses], [[], []]);
});

Deno.test("Reloader puts the rest into force while a name that is known cannot be resolved", async () => {
  const files: Record<string, string> = { [ENV]: "IF_EXOSCALE_PEERS=web.test\n" };
  files["web.test"] = "192.0.2.2";
  const argv = [...START, "--env-file", ENV];
  const { reload, told, addresses } = await reloading(files, { argv });
  delete files["web.test"];
  files[ENV] = "IF_EXOSCALE_PEERS=web.test\nIF_HOST_PRIORITY=20\n";
  const lines = await reload();
  assertEquals(lines, [
    "warning reload: web.test stays 192.0.2.2, though: no web.test",
    "info reload: now in force: -P (IF_HOST_PRIORITY)",
  ]);
  assertEquals([told[0]?.config.priority, addresses], [20, []]);
});

Deno.test("Reloader looks names up again where there is no file to read", async () => {
  const files: Record<string, string> = { "web.test": "192.0.2.2" };
  const { reload, told, addresses } = await reloading(files, {
    argv: [...START, "-p", "web.test"],
  });
  files["web.test"] = "192.0.2.9";
  assertEquals(await reload(), [
    "info reload: there is nothing to read: no --env-file (IF_ENV_FILE) or --config (IF_CONFIG) " +
    "and no secret file is given; the names of the peers are looked up again",
    "info reload: web.test is now 192.0.2.9, too",
  ]);
  assertEquals([told, addresses], [[], [["192.0.2.9", "192.0.2.2"]]]);
});

Deno.test("Reloader reads secret files again, and shows nothing of them", async () => {
  const argv = ["-W", "-xi", "198.51.100.50", "-xk", "EXOkey", "-p", "192.0.2.2"];
  const { files, reload, told } = await reloading({ [KEYFILE]: "old one\n" }, {
    argv: [...argv, "--api-secret-file", KEYFILE],
  });
  files[KEYFILE] = "new one\n";
  const lines = await reload();
  assertEquals(lines, [
    "info reload: now in force: -xs (IF_EXOSCALE_API_SECRET)",
  ]);
  assertEquals(told[0]?.config.credentials, { apiKey: "EXOkey", secret: "new one" });
});

Deno.test("Reloader says that there is nothing to read", async () => {
  const { reload, told } = await reloading({}, { argv: [...START, "-p", "192.0.2.2"] });
  assertEquals(await reload(), [
    "info reload: there is nothing to read: no --env-file (IF_ENV_FILE) or --config (IF_CONFIG) " +
    "and no secret file is given",
  ]);
  assertEquals(told, []);
});

Deno.test("the file of variables goes before what systemd has put from it into the environment", async () => {
  const argv = [...START, "-p", "192.0.2.2"];
  // As with EnvironmentFile= and IF_ENV_FILE naming the same file, and one variable from the unit itself.
  const env = { IF_ENV_FILE: ENV, IF_HOST_PRIORITY: "20", IF_DEAD_RATIO: "5" };
  const { files, reload, told } = await reloading({ [ENV]: "IF_HOST_PRIORITY=20\n" }, {
    argv,
    env,
  });
  files[ENV] = "IF_HOST_PRIORITY=30\n";
  await reload();
  assertEquals(told[0]?.config.priority, 30);
  files[ENV] = "";
  await reload();
  assertEquals(told[1]?.config.priority, 10, "a line that is gone is the default again");
  assertEquals(told[1]?.config.deadRatio, 5, "what the file never had stays");
});

Deno.test("Reloader changes the log's level, and its own lines go by the more talkative one", async () => {
  const { files, reload, levels, lines } = await reloading({ [TOML]: "" }, { argv: FILES });
  files[TOML] = 'log-level = "critical"';
  await reload();
  assertEquals(levels, ["info", "critical"]);
  files[TOML] = 'log-level = "warning"';
  await reload();
  assertEquals(levels.slice(2), ["warning", "warning"]);
  assertEquals(lines, ["info reload: now in force: --log-level (IF_LOG_LEVEL)"]);
});

Deno.test("Reloader reads once for requests that come while it reads, and once more for the last of them", async () => {
  const files = { [TOML]: 'priority = 10\npeers = "web.test"', "web.test": "192.0.2.2" } as Record<
    string,
    string
  >;
  const { reloader, lines } = await reloading(files, { argv: ["--config", TOML, ...START] });
  const first = reloader.reload();
  await settle();
  files[TOML] = 'priority = 20\npeers = "web.test"';
  await Promise.all([first, reloader.reload(), reloader.reload(), reloader.reload()]);
  assert(lines.length <= 3, lines.join("\n"));
  assert(lines.some((line) => line.includes("-P (IF_HOST_PRIORITY)")), lines.join("\n"));
});

Deno.test("a reload takes a new password and certificate of the lease, and refuses a pair that does not match", async () => {
  const [first, second, third] = ["a.test", "b.test", "c.test"].map((name) => ownIdentity(name));
  const files = { "/p": "old\n", "/c": first!.cert, "/k": first!.key };
  const lease = ["--lease", "etcd:https://10.0.0.1:2379", "--lease-user", "exoip"];
  const paths = [
    "--lease-password-file",
    "/p",
    "--lease-cert-file",
    "/c",
    "--lease-key-file",
    "/k",
  ];
  const argv = ["-p", "192.0.2.2", ...START, ...lease, ...paths];
  const fixture = await reloading(files, { argv });
  const password = "--lease-password-file (IF_LEASE_PASSWORD_FILE)";
  const cert = "--lease-cert-file (IF_LEASE_CERT_FILE)",
    key = "--lease-key-file (IF_LEASE_KEY_FILE)";
  fixture.files["/p"] = "new\n";
  assertEquals(await fixture.reload(), [`info reload: now in force: ${password}`]);
  fixture.files["/c"] = second!.cert;
  fixture.files["/k"] = third!.key;
  assertEquals(await fixture.reload(), [
    "warning reload-refused: the old configuration stays: " +
    `${key}: /k is not the key of the certificate in /c (${cert})`,
  ]);
  fixture.files["/k"] = second!.key;
  assertEquals(await fixture.reload(), [`info reload: now in force: ${cert}, ${key}`]);
  const used = fixture.told.map((
    { part, config: { lease } },
  ) => [part, lease?.password, lease?.certificate]);
  assertEquals(used, [
    ["leaseCredentials", "new", first],
    ["leaseCredentials", "new", second],
  ]);
});

/** A certificate with a key of its own. */
function ownIdentity(name: string): { cert: string; key: string } {
  const keys = newKeys();
  const content = { name, publicKey: keys.publicKey, hosts: [name] };
  return { cert: certificatePem(content, { name: "Issuer", ...newKeys() }), key: keyPem(keys) };
}
