// The configuration: defaults row by row, each check with its flag and its variable, and all problems in one report.
import { assert, assertEquals } from "@std/assert";
import { readValues } from "../../src/options/parse.ts";
import { type Config, configure, nameOf } from "../../src/config/config.ts";
import type { Environment } from "../../src/world.ts";

const ID = "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f";
const CREDENTIALS = ["-xk", "EXOkey", "-xs", "secret"];
const WATCH = ["-W", "-xi", "198.51.100.50", "-p", "192.0.2.2", ...CREDENTIALS];
const ONCE = ["-A", "-xi", "198.51.100.50", ...CREDENTIALS];

const read = (argv: readonly string[], env: Environment = {}) =>
  configure(readValues(argv, env), {});

function problemsOf(argv: readonly string[], env: Environment = {}): string[] {
  const outcome = read(argv, env);
  return "problems" in outcome ? outcome.problems : [];
}

function configOf(argv: readonly string[], env: Environment = {}): Config {
  const config = read(argv, env);
  assert(!("problems" in config), `${argv.join(" ")}: ${JSON.stringify(config)}`);
  return config;
}

Deno.test("configure() gives the documented defaults", () => {
  assertEquals(configOf(WATCH), {
    lease: null,
    shadow: false,
    mode: "watchdog",
    elasticIps: [{ elasticIp: "198.51.100.50", priority: null }],
    together: false,
    credentials: { apiKey: "EXOkey", secret: "secret" },
    api: "v2",
    endpoint: null,
    zone: null,
    environment: "api",
    directory: null,
    usualZone: null,
    instanceId: null,
    caCerts: [],
    heartbeatNetworks: ["public"],
    peers: { kind: "static", addresses: ["192.0.2.2"] },
    priority: 10,
    intervalMs: 1_000,
    deadRatio: 3,
    listen: { hostname: "0.0.0.0", port: 12345 },
    verbose: false,
    checkOnly: false,
    stdout: false,
    logFormat: null,
    logLevel: "info",
    exclusive: false,
    preemptDelayMs: 0,
    handoverTimeoutMs: 10_000,
    moveLimit: null,
    reconcileMs: 30_000,
    heartbeatFormat: "extended",
    pidFile: null,
    sharedSecrets: [],
    acceptUnsigned: false,
    controlSocket: null,
    historyFile: null,
    stateDir: null,
    drainOn: null,
    kubernetesNode: null,
    listenStatus: null,
    checks: [],
    checkIntervalMs: 2_000,
    checkTimeoutMs: 1_000,
    checkRise: 2,
    checkFall: 3,
    notify: null,
    notifyTimeoutMs: 30_000,
    addressOn: null,
    probe: null,
    drillVia: null,
  });
});

Deno.test("configure() takes each value, at both ends of its range", () => {
  const rows: ReadonlyArray<readonly [argv: string[], part: Partial<Config>]> = [
    [["-P", "0"], { priority: 0 }],
    [["-P", "255"], { priority: 255 }],
    [["-t", "10ms"], { intervalMs: 10 }],
    [["-t", "0.2"], { intervalMs: 200 }],
    [["-t", "1h"], { intervalMs: 3_600_000 }],
    [["-r", "1"], { deadRatio: 1 }],
    [["-r", "1000"], { deadRatio: 1_000 }],
    [["-l", "192.0.2.9:1"], { listen: { hostname: "192.0.2.9", port: 1 } }],
    [["-l", ":65535"], { listen: { hostname: "0.0.0.0", port: 65535 } }],
    [["-i", ID.toUpperCase()], { instanceId: ID }],
    [["-p", "192.0.2.1, web.test,192.0.2.1", "-p", "192.0.2.2"], {
      peers: { kind: "static", addresses: ["192.0.2.2", "192.0.2.1", "web.test"] },
    }],
    [["-v", "-n", "-O"], { verbose: true, checkOnly: true, stdout: true }],
    [["-v=false"], { verbose: false }],
    [["--exclusive"], { exclusive: true }],
    [["--preempt-delay", "1d"], { preemptDelayMs: 86_400_000 }],
    [["--no-preempt"], { preemptDelayMs: Infinity }],
    [["--no-preempt", "--preempt-delay", "5"], { preemptDelayMs: Infinity }],
    [["--move-limit", "4/1h"], { moveLimit: { moves: 4, withinMs: 3_600_000 } }],
    [["--move-limit=1000/1d"], { moveLimit: { moves: 1_000, withinMs: 86_400_000 } }],
    [["--move-limit", "1/1min"], { moveLimit: { moves: 1, withinMs: 60_000 } }],
    [["--handover-timeout", "0"], { handoverTimeoutMs: 0 }],
    [["--handover-timeout", "10min"], { handoverTimeoutMs: 600_000 }],
    [["--reconcile-interval", "5s"], { reconcileMs: 5_000 }],
    [["--reconcile-interval", "5min"], { reconcileMs: 300_000 }],
    [["--heartbeat-format", "original"], { heartbeatFormat: "original" }],
  ];
  for (const [argv, part] of rows) {
    const config = configOf([...WATCH, ...argv]);
    assertEquals({ ...config, ...part }, config, argv.join(" "));
  }
});

Deno.test("configure() knows the three modes, and a group as the source of the peers", () => {
  const group = ["-W", ...ONCE.slice(1), "-G", "load balancers, edge", "-G", "edge"];
  assertEquals(configOf(group).peers, { kind: "groups", groups: ["load balancers", "edge"] });
  assertEquals(configOf(ONCE).mode, "associate");
  assertEquals(configOf(["-D", ...ONCE.slice(1)]).mode, "dissociate");
  assertEquals(configOf([...ONCE, "-W=false", "-D=false"]).mode, "associate");
});

Deno.test("configure() names flag and variable of each problem", () => {
  const rows: ReadonlyArray<readonly [argv: string[], problem: RegExp]> = [
    [["-A"], /^give exactly one of -W, -A and -D, found: -W -A$/],
    [["-W=false"], /^give exactly one of -W, -A and -D, found: none$/],
    [["-xi", ""], /^-xi \(IF_ADDRESS\): .*missing/],
    [["-xi", "198.51.100.256"], /^-xi \(IF_ADDRESS\): "198.51.100.256" is not an IP address/],
    ...["4", "4/", "/1h", "0/1h", "1001/1h", "4/59s", "4/25h", "four/1h", "-1/1h", "1.5/1h"].map((
      text,
    ) =>
      [
        ["--move-limit", text],
        /^--move-limit \(IF_MOVE_LIMIT\): ".+" is not N\/TIME, as in 4\/1h/,
      ] as const
    ).map(([argv, problem]): readonly [string[], RegExp] => [[...argv], problem]),
    [["-xi", "198.51.100"], /^-xi \(IF_ADDRESS\): "198.51.100" is not an IP address/],
    [
      ["-xi", "web", "-xe", "https://c.test/compute"],
      /^-xi \(IF_ADDRESS\): on CloudStack .* by its IP address/,
    ],
    [["--api-environment", "a.b"], /^--api-environment \(IF_EXOSCALE_API_ENVIRONMENT\): "a.b" is/],
    [["-i", "node-1"], /^-i \(IF_EXOSCALE_INSTANCE_ID\): "node-1" is not a UUID/],
    [["-i", ""], /^-i \(IF_EXOSCALE_INSTANCE_ID\): "" is not a UUID/],
    [["-xk", ""], /^-xk \(IF_EXOSCALE_API_KEY\): .*missing/],
    [["-xs", ""], /^-xs \(IF_EXOSCALE_API_SECRET\): .*missing.*IF_EXOSCALE_API_SECRET_FILE/],
    [["-G", "web"], /^-p \(IF_EXOSCALE_PEERS\): excludes -G \(IF_EXOSCALE_PEER_GROUP\)/],
    [["-p", ""], /^-p \(IF_EXOSCALE_PEERS\): "" is neither an IP address nor a host name/],
    [["-p", "192.0.2"], /^-p \(IF_EXOSCALE_PEERS\): "192.0.2" is neither/],
    [["-p", "a b"], /^-p \(IF_EXOSCALE_PEERS\): "a b" is neither/],
    [["-P", "256"], /^-P \(IF_HOST_PRIORITY\): 256 is not between 0 and 255/],
    [["-P", "-1"], /^-P \(IF_HOST_PRIORITY\): -1 is not between/],
    [["-t", "0"], /^-t \(IF_ADVERTISEMENT_INTERVAL\): 0 is not between 10ms and 1h/],
    [["-t", "9ms"], /^-t \(IF_ADVERTISEMENT_INTERVAL\): 9ms is not between/],
    [["-t", "3601"], /^-t \(IF_ADVERTISEMENT_INTERVAL\): 3601 is not between/],
    [["-t", "-1s"], /^-t \(IF_ADVERTISEMENT_INTERVAL\): -1s is not between/],
    [["-r", "0"], /^-r \(IF_DEAD_RATIO\): 0 is not between 1 and 1000/],
    [["-r", "-3"], /^-r \(IF_DEAD_RATIO\): -3 is not between/],
    [["-l", "12345"], /^-l \(IF_BIND_TO\): "12345" is not ADDRESS:PORT/],
    [["-l", ":0"], /^-l \(IF_BIND_TO\): ":0" is not/],
    [["-l", ":65536"], /^-l \(IF_BIND_TO\): ":65536" is not/],
    [["-l", "[::g]:12345"], /^-l \(IF_BIND_TO\): "\[::g\]:12345" is not/],
    [["-l", "eth0:12345"], /^-l \(IF_BIND_TO\): "eth0" is not an IPv4 address/],
    [["--preempt-delay", "2d"], /^--preempt-delay \(IF_PREEMPT_DELAY\): 2d is not between/],
    [["--handover-timeout", "11m"], /^--handover-timeout \(IF_HANDOVER_TIMEOUT\): 11m is not/],
    [
      ["--reconcile-interval", "4"],
      /^--reconcile-interval \(IF_RECONCILE_INTERVAL\): 4 is not between 5s and 5min/,
    ],
    [
      ["--listen-status", "9311"],
      /^--listen-status \(IF_LISTEN_STATUS\): "9311" is not \[HOST\]:PORT/,
    ],
    [["--listen-status", ":0"], /^--listen-status \(IF_LISTEN_STATUS\): ":0" is not/],
    [["--listen-status", "node:1"], /^--listen-status \(IF_LISTEN_STATUS\): "node:1" is not/],
    [["--listen-status", "1.2.3:1"], /^--listen-status \(IF_LISTEN_STATUS\): "1.2.3:1" is not/],
    [["--listen-status", "::1:80"], /^--listen-status \(IF_LISTEN_STATUS\): "::1:80" is not/],
    [
      ["--json"],
      /^--json: goes with --status, --history, --doctor, --drill, --shadow \(IF_SHADOW\) or a comm/,
    ],
    [["--shadow", "--heartbeat-format", "original"], /^--heartbeat-format.*shadows need extended/],
    [["--watch"], /^--watch: goes with --status only/],
    [["--nagios"], /^--nagios: goes with --status only/],
    [
      ["--heartbeat-format", "go"],
      /^--heartbeat-format \(IF_HEARTBEAT_FORMAT\): "go" is not extended or original/,
    ],
  ];
  for (const [argv, expected] of rows) {
    const problems = problemsOf([...WATCH, ...argv]);
    assertEquals(problems.length, 1, `${argv.join(" ")}: ${JSON.stringify(problems)}`);
    assert(expected.test(problems[0] ?? ""), `${problems[0]} should match ${expected}`);
  }
});

Deno.test("configure() lets the cloud tell the peers, and refuses a group beside -p", () => {
  const bare = ["-xi", "198.51.100.50", ...CREDENTIALS];
  const both = "-p (IF_EXOSCALE_PEERS): excludes -G (IF_EXOSCALE_PEER_GROUP): give one of them";
  assertEquals(configOf(["-W", ...bare]).peers, { kind: "discovery" });
  const empty = "the list is empty: leave it out, or name some";
  assertEquals(problemsOf(["-W", "-p", "", ...bare]), [`-p (IF_EXOSCALE_PEERS): ${empty}`]);
  assertEquals(problemsOf(["-W", "-G", "", ...bare]), [`-G (IF_EXOSCALE_PEER_GROUP): ${empty}`]);
  assertEquals(problemsOf(["-W", "-G", "web,", ...bare]).length, 1);
  const env = { IF_EXOSCALE_PEERS: "192.0.2.2" };
  assertEquals(problemsOf(["-W", "-G", "web", ...bare], env), [both]);
  assertEquals(problemsOf(["-W", "-p", "", "-G", "web", ...bare], env).length, 1);
  assertEquals(problemsOf(["-A", ...bare]), []);
  assertEquals(problemsOf(["-D", "-G", "web", ...bare], env), []);
});

Deno.test("configure() checks priority and times for -W only", () => {
  const wrong = [
    "-P",
    "256",
    "-t",
    "0",
    "-r",
    "0",
    "--reconcile-interval",
    "1",
    "--preempt-delay",
    "2d",
  ];
  assertEquals(problemsOf([...ONCE, ...wrong]), []);
  assertEquals(problemsOf([...WATCH, ...wrong]).length, 5);
});

Deno.test("configure() reports all problems together", () => {
  const wrong = ["-xi", "1", "-i", "x", "-P", "256", "-t", "0", "-r", "0", "-l", "x", "-p", "?"];
  const starts = problemsOf(wrong).map((problem) => problem.split(/[ :]/)[0]);
  assertEquals(starts.sort(), ["-P", "-i", "-l", "-p", "-r", "-t", "-xi", "-xk", "-xs", "give"]);
  const none = problemsOf([]).map((problem) => problem.split(/[ :]/)[0]);
  assertEquals(none, ["give", "-xi", "-xk", "-xs"]);
});

Deno.test("nameOf() names an option by flag and first variable", () => {
  const names = ["W", "xk", "zone", "unknown"].map(nameOf);
  assertEquals(names, ["-W", "-xk (IF_EXOSCALE_API_KEY)", "--zone (IF_EXOSCALE_ZONE)", "unknown"]);
});

Deno.test("configure() serves the status on loopback unless another address is given", () => {
  const rows = {
    ":9311": "127.0.0.1",
    "localhost:9311": "127.0.0.1",
    "0.0.0.0:9311": "0.0.0.0",
    "192.0.2.1:9311": "192.0.2.1",
    "[::]:9311": "::",
    "[0:0::1]:9311": "::1",
  };
  for (const [text, hostname] of Object.entries(rows)) {
    const wanted = { hostname, port: 9_311 };
    assertEquals(configOf([...WATCH, "--listen-status", text]).listenStatus, wanted, text);
    assertEquals(configOf(WATCH, { IF_LISTEN_STATUS: text }).listenStatus, wanted, text);
  }
});
