// Several Elastic IPs in one process: their notation, and that each has its own election on one socket.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { readValues } from "../../src/options/parse.ts";
import { nodeSettings } from "../../src/commands/watch.ts";
import { configure } from "../../src/config/config.ts";
import { decode, encode } from "../../src/core/heartbeat.ts";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { Watchdog, type World } from "../../src/watch/watchdog.ts";
import { VirtualClock } from "../support/clock.ts";
import { FakeCloud, peersAt } from "../support/fake_cloud.ts";
import { MemorySocket } from "../support/memory_socket.ts";
import { NODE_SETTINGS } from "../support/node_settings.ts";

const WATCH = ["-W", "-p", "192.0.2.2", "-xk", "EXOkey", "-xs", "secret"];
const ONE = "198.51.100.50", OTHER = "198.51.100.60";
const SELF = "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f", PEER = "0a1b2c3d-53c4-4a7d-8e2f-0a1b2c3d4e5f";

const read = (...argv: string[]) => configure(readValues(argv, {}), {});

Deno.test("--together wants several addresses with one priority, and heartbeats that say who holds", () => {
  const problems = (...args: string[]) => {
    const outcome = read(...WATCH, "--together", ...args);
    return "problems" in outcome ? outcome.problems.join() : "";
  };
  assertEquals(problems("-xi", `${ONE},${OTHER}`), "");
  assertEquals(problems("-xi", `${ONE}/10,${OTHER}`, "-P", "10"), "");
  assertMatch(problems("-xi", ONE), /1 Elastic IP in -xi.*, wanted at least 2/);
  assertMatch(problems("-xi", `${ONE}/10,${OTHER}/20`), /different priorities in -xi.*\(10, 20\)/);
  const plain = ["--heartbeat-format", "original"];
  assertMatch(problems("-xi", `${ONE},${OTHER}`, ...plain), /cannot say that it holds all/);
});

Deno.test("--together makes one election, of the same first address in whatever order they are given", () => {
  for (const text of [`${ONE},${OTHER}`, `${OTHER},${ONE}`]) {
    const config = read(...WATCH, "--together", "-xi", text);
    if ("problems" in config) throw new Error(config.problems.join());
    const [first, ...rest] = nodeSettings(config);
    assertEquals(rest, []);
    assertEquals([first?.elasticIp, ...first?.sisters ?? []], [ONE, OTHER].sort());
  }
});

Deno.test("configure() reads several Elastic IPs with their own priorities", () => {
  const config = read(...WATCH, "-xi", `${ONE}/20, ${OTHER}`);
  assert(!("problems" in config), JSON.stringify(config));
  const wanted = [{ elasticIp: ONE, priority: 20 }, { elasticIp: OTHER, priority: null }];
  assertEquals(config.elasticIps, wanted);
});

Deno.test("configure() refuses an Elastic IP twice, a priority out of range, and several for -A", () => {
  const rows: ReadonlyArray<readonly [argv: string[], problem: RegExp]> = [
    [[...WATCH, "-xi", `${ONE},${ONE}/3`], /^-xi \(IF_ADDRESS\): 198.51.100.50 is given twice$/],
    [[...WATCH, "-xi", `${ONE}/256`], /the priority after \/ is not between 0 and 255/],
    [[...WATCH, "-xi", `${ONE}/`], /the priority after \/ is not between 0 and 255/],
    [
      [...WATCH, "-xi", `${ONE}/24,${OTHER}`],
      /^-xi \(IF_ADDRESS\): "198.51.100.50\/24": the number after \/ is a priority, not a prefix length: write 198.51.100.50, and give each its own: 198.51.100.50\/24,198.51.100.60\/10$/,
    ],
    [
      [...WATCH, "-xi", `${ONE}//24`],
      /^-xi \(IF_ADDRESS\): "198.51.100.50\/\/24" has more than one \/: wanted 198.51.100.50, or 198.51.100.50\/PRIORITY$/,
    ],
    [
      [...WATCH, "-xi", `${ONE}/10/20`],
      /^-xi \(IF_ADDRESS\): "198.51.100.50\/10\/20" has more than one/,
    ],
    [[...WATCH, "-xi", "[2001:db8::1]//9"], /has more than one \/: wanted 2001:db8::1, or/],
    [[...WATCH, "-xi", `${ONE},`], /"" is not an IP address/],
    [["-A", "-xk", "k", "-xs", "s", "-xi", `${ONE},${OTHER}`], /2 Elastic IPs, wanted one/],
  ];
  for (const [argv, problem] of rows) {
    const outcome = read(...argv);
    assert("problems" in outcome, argv.join(" "));
    assertMatch(outcome.problems.join("\n"), problem);
  }
});

Deno.test("configure() reads an Elastic IPv6 in brackets, with its priority", () => {
  for (
    const [text, priority] of [["[2001:db8::1]", null], ["[2001:db8::1]/7", 7], [
      "[2001:DB8::]/96",
      null,
    ]] as const
  ) {
    const config = read(...WATCH, "-xi", text);
    assert(!("problems" in config), JSON.stringify(config));
    assertEquals(config.elasticIps, [{ elasticIp: "2001:db8::1", priority }]);
  }
});

/** A cloud per Elastic IP, in which this instance does not hold yet. */
function cloudsOf() {
  const clouds = new Map([ONE, OTHER].map((each) => [each, cloudOf()]));
  const attached = () => [...clouds].filter(([, { holds }]) => holds).map(([each]) => each);
  return { connect: (elasticIp: string) => clouds.get(elasticIp) ?? cloudOf(), attached };
}

function cloudOf(): FakeCloud {
  return new FakeCloud(SELF, peersAt({ "192.0.2.2": PEER }));
}

Deno.test("Watchdog elects for each Elastic IP by itself, on one socket", async () => {
  const socket = new MemorySocket({ localAddresses: ["192.0.2.1"] });
  const { connect, attached } = cloudsOf(), lines: string[] = [];
  const clock = new VirtualClock();
  const node = { ...NODE_SETTINGS, intervalMs: 20, deadRatio: 3, handoverTimeoutMs: 100 };
  const watchdog = new Watchdog({
    nodes: [{ ...node, elasticIp: ONE, priority: 10 }, { ...node, elasticIp: OTHER, priority: 20 }],
    port: 12_345,
    trailer: true,
    selfId: SELF,
    addresses: ["192.0.2.2"],
    verbose: false,
  }, {
    clock,
    random: () => 0.5,
    socket,
    log: { write: (_, event, text, about) => void lines.push(`${event}: ${about}: ${text}`) },
    serviceManager: null,
    connect,
  });
  const ended = watchdog.run();
  // The peer ranks between our two priorities.
  let speaks = true;
  const speak = () => {
    for (const elasticIp of [ONE, OTHER]) {
      const bytes = encode({ priority: 15, elasticIp, id: PEER, trailer: null });
      socket.receive({ bytes, from: "192.0.2.2", fromPort: 12_345 });
    }
    if (speaks) clock.at(clock.nowMs() + 10, speak);
  };
  speak();
  await clock.until(() => attached().includes(ONE), {
    title: "the better-ranked address is attached",
  });
  const [one, other] = watchdog.watches.map((watch) => watch.node.election);
  assertEquals([one?.role, other?.role], ["master", "backup"]);
  assertEquals(attached(), [ONE]);
  assert(lines.some((line) => line.startsWith(`role: ${ONE}: master`)), lines.join("\n"));
  const addressed = new Set(socket.sent.map(({ bytes }) => {
    const heartbeat = decode(bytes);
    return "refused" in heartbeat ? heartbeat.refused : heartbeat.elasticIp;
  }));
  assertEquals(addressed, new Set([ONE, OTHER]));
  speaks = false;
  await clock.until(() => attached().includes(OTHER), {
    title: "the peer is dead, the other is attached",
  });
  watchdog.tell({ kind: "stop" });
  await clock.pass(60_000);
  assertEquals(await ended, 0);
  assertEquals(attached(), []);
});

/** A watchdog for two addresses; the test makes their clouds. */
function watchBoth(connect: World["connect"], clock = new VirtualClock()) {
  const lines: string[] = [];
  const node = { ...NODE_SETTINGS, intervalMs: 50, handoverTimeoutMs: 100 };
  const watchdog = new Watchdog({
    nodes: [{ ...node, elasticIp: ONE }, { ...node, elasticIp: OTHER }],
    port: 12_345,
    trailer: true,
    selfId: SELF,
    addresses: [],
    verbose: false,
  }, {
    clock,
    random: () => 0.5,
    socket: new MemorySocket({ localAddresses: ["192.0.2.1"] }),
    log: { write: (_, event, text, about) => void lines.push(`${event}: ${about}: ${text}`) },
    serviceManager: null,
    connect,
  });
  const stop = async () => {
    watchdog.tell({ kind: "stop" });
    await clock.pass(60_000);
  };
  return { watchdog, clock, lines, stop };
}

Deno.test("an answer about one address shows that the cloud answers, while another waits for its turn", async () => {
  const { connect, attached } = cloudsOf();
  let turn = () => {};
  const waiting = new Promise<void>((resolve) => turn = resolve);
  const clock = new VirtualClock();
  let answering = true;
  const { watchdog, lines, stop } = watchBoth((elasticIp, onProgress) => {
    const answered = () => {
      onProgress(5);
      if (answering) clock.at(clock.nowMs() + 100, answered);
    };
    if (elasticIp === ONE) clock.at(100, answered);
    const cloud = connect(elasticIp);
    if (elasticIp === ONE) return cloud;
    const { attach } = cloud;
    cloud.attach = (signal) => waiting.then(() => attach(signal));
    return cloud;
  }, clock);
  const ended = watchdog.run();
  const lost = () => lines.some((line) => line.startsWith("cloud-lost"));
  // Longer than a node waits for a missing answer.
  await clock.pass(5_000);
  assertEquals([lost(), attached()], [false, [ONE]]);
  turn();
  await clock.until(() => attached().includes(OTHER), { title: "its turn has come" });
  answering = false;
  await stop();
  assertEquals(await ended, 0);
});

Deno.test("an address that was given up is not shown, and keeps nobody from being ready", async () => {
  const { connect, attached } = cloudsOf();
  const { watchdog, clock, stop } = watchBoth((elasticIp) => {
    const cloud = connect(elasticIp);
    const missing = new CloudError("no-such-address", "no such Elastic IP");
    if (elasticIp !== ONE) cloud.prepare = () => Promise.reject(missing);
    return cloud;
  });
  const ended = watchdog.run();
  await clock.until(() => attached().includes(ONE), { title: "the other one is held" });
  const { phase, addresses } = watchdog.snapshot();
  assertEquals([phase, addresses.map(({ elasticIp }) => elasticIp)], ["running", [ONE]]);
  await stop();
  assertEquals(await ended, 1);
});

Deno.test("configure() refuses what can be no Elastic IP, but leaves private ones to CloudStack", () => {
  const problemsOf = (address: string, endpoint: string) => {
    const argv = ["-A", "-xi", address, "-xk", "a", "-xs", "b", "-xe", endpoint];
    const configured = configure(readValues(argv, {}), {});
    return "problems" in configured ? configured.problems : [];
  };
  const v1 = "https://cloud.test/compute", v2 = "https://cloud.test/v2";
  assertEquals(problemsOf("10.0.0.1", v2), [
    "-xi (IF_ADDRESS): 10.0.0.1 is a private address (10.0.0.0/8), never an Elastic IP",
  ]);
  assertEquals(problemsOf("10.0.0.1", v1), []);
  assertEquals(problemsOf("127.0.0.1", v1).length, 1);
});
