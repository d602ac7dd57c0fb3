// Shadows in virtual time: what they would do in their own world, and how that compares with somebody else's moves.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { readOnlyFetch } from "../../src/exoscale/read_only_fetch.ts";
import { decode, encode } from "../../src/core/heartbeat.ts";
import { announceShadow, shadowLookMs, shadowManager } from "../../src/watch/shadow.ts";
import { HEALTHY_TRAILER } from "../support/node_settings.ts";
import { idOf, ShadowCluster } from "../support/shadow_cluster.ts";

const ELASTIC_IP = "198.51.100.50";

async function inCluster(
  options: ConstructorParameters<typeof ShadowCluster>,
  body: (cluster: ShadowCluster) => Promise<void>,
): Promise<void> {
  const cluster = new ShadowCluster(...options);
  try {
    await body(cluster);
  } finally {
    await cluster.close();
  }
}

/** Text of the report of a machine's shadow. */
function reportOf(cluster: ShadowCluster, number: number): string {
  return cluster.machine(number).shadow.lines(false).join("\n");
}

Deno.test("shadows begin with what the cloud shows, and have nothing to do while it is right", async () => {
  await inCluster([3], async (cluster) => {
    await cluster.pass(60);
    assertEquals(cluster.machines.map(({ holds }) => holds), [true, false, false]);
    assertEquals(cluster.machines.flatMap(({ said }) => said), []);
    for (const number of [1, 2, 3]) {
      assertMatch(reportOf(cluster, number), /agreed for 100 % of the time; no differences/);
    }
  });
});

Deno.test("a worse holder hands over to the best shadow, which claims the hold by its heartbeats", async () => {
  await inCluster([2, { holder: 2 }], async (cluster) => {
    await cluster.pass(20);
    assertEquals(cluster.machines.map(({ holds }) => holds), [true, false]);
    assertEquals(cluster.machine(1).said, [
      "would attach the Elastic IP: this node is master (best)",
    ]);
    assertEquals(cluster.machine(2).said, [
      "would give the Elastic IP up: 192.0.2.1 with priority 10 holds it",
    ]);
    assertEquals([...cluster.zone.holders], [idOf(2)], "the cloud is as it was");
    const [first, second] = [reportOf(cluster, 1), reportOf(cluster, 2)];
    assertMatch(
      first,
      /shadow would have held from here .*the cloud showed it on 192.0.2.2 .*so far/,
    );
    assertMatch(second, /shadow would have given it up here \(192.0.2.1 .*\); .* on this node/);
  });
});

Deno.test("a dead peer's hold is taken once, and a shadow that comes back hands over again", async () => {
  await inCluster([3], async (cluster) => {
    await cluster.pass(20);
    cluster.kill(1);
    await cluster.pass(30);
    assertEquals(cluster.machine(2).said, [
      "would attach the Elastic IP: peer 192.0.2.1 is dead",
      "would take the Elastic IP from 192.0.2.1, which is dead",
    ]);
    assertEquals(cluster.machine(3).said, []);
    // The next one dies, too: the first hold is not taken a second time.
    cluster.kill(2);
    await cluster.pass(60);
    assertEquals(cluster.machine(3).said, [
      "would attach the Elastic IP: peer 192.0.2.2 is dead",
      "would take the Elastic IP from 192.0.2.2, which is dead",
    ]);
    cluster.start(1);
    await cluster.pass(30);
    assertEquals(cluster.machines.map(({ holds, alive }) => alive && holds), [
      false,
      false,
      false,
      true,
    ]);
    assertMatch(cluster.machine(3).said.at(-1) ?? "", /^would give the Elastic IP up: 192.0.2.1 /);
  });
});

Deno.test("holders without a shadow are known from the cloud", async () => {
  await inCluster([3, { holder: 3, started: 2 }], async (cluster) => {
    await cluster.pass(60);
    assert(cluster.machine(1).holds);
    const lines = cluster.machine(1).lines;
    assert(lines.some((line) => /^holder-unheard: .*runs, but is not heard/.test(line)));
    assertEquals(cluster.machine(1).said.filter((text) => text.includes("take")), []);
    // Its machine is off: that is certain, without a heartbeat.
    cluster.zone.off.add(idOf(3));
    await cluster.pass(60);
    assertEquals(cluster.machine(1).said.filter((text) => text.includes("take")), [
      "would take the Elastic IP from 192.0.2.3, which is dead",
    ]);
  });
});

Deno.test("a shadow that does not reach the cloud steps aside, as the real one would", async () => {
  await inCluster([1, { holder: 0 }], async (cluster) => {
    cluster.zone.reachable = false;
    await cluster.pass(30);
    assertEquals(cluster.machine(1).said, [], "a change that the cloud would not answer");
    cluster.zone.reachable = true;
    await cluster.pass(30);
    assertEquals(cluster.machine(1).said.length, 1);
    cluster.zone.reachable = false;
    await cluster.pass(60);
    assert(cluster.machine(1).lines.some((line) => line.startsWith("cloud-lost: ")));
    cluster.zone.reachable = true;
    await cluster.pass(10);
    assertMatch(reportOf(cluster, 1), /the cloud did not answer for [\d.]+ s of it/);
  });
});

Deno.test("a released address cannot be attached in a shadow, either", async () => {
  await inCluster([1, { holder: 0 }], async (cluster) => {
    cluster.zone.released = "198.51.100.50 does not exist any more";
    await cluster.pass(30);
    assertEquals(cluster.machine(1).said, []);
    assert(cluster.machine(1).lines.some((line) => line.startsWith("address-released: ")));
  });
});

Deno.test("a stop hands over in the shadow's world, and the report does not count that", async () => {
  await inCluster([2], async (cluster) => {
    await cluster.pass(20);
    cluster.machine(1).stop();
    await cluster.pass(20);
    assertEquals(cluster.machine(1).code, 0);
    assertEquals(cluster.machine(1).said, [
      "would give the Elastic IP up: 192.0.2.2 with priority 20 holds it",
    ]);
    assertEquals(cluster.machine(2).said, [
      "would attach the Elastic IP: peer 192.0.2.1 is leaving",
    ]);
    assertMatch(reportOf(cluster, 1), /100 % of the time; no differences/);
    assert(!cluster.machine(1).lines.some((line) => line.startsWith("detached: ")));
    const line = cluster.machine(1).shadow.lines(true);
    assertEquals(line.length, 1);
    assertEquals(JSON.parse(line[0] ?? "").shadow[0].elasticIp, ELASTIC_IP);
  });
});

/** Moves the address as keepalived and floaty do: to the best live machine of its own order, some seconds late. */
async function played(
  cluster: ShadowCluster,
  { order, lateS, rounds }: { order: readonly number[]; lateS: number; rounds: number },
): Promise<void> {
  const alive = (number: number) => cluster.machine(number).alive;
  const follow = () => cluster.moveTo(...order.filter(alive).slice(0, 1));
  for (let round = 0; round < rounds; round++) {
    const number = 1 + round % 2;
    await cluster.pass(300);
    cluster.kill(number);
    await cluster.pass(lateS);
    follow();
    await cluster.pass(300 - lateS);
    cluster.start(number);
    await cluster.pass(lateS);
    follow();
  }
  await cluster.pass(60);
}

Deno.test("beside a mover with the same order the shadows agree, apart from its lateness", async () => {
  await inCluster([3], async (cluster) => {
    await played(cluster, { order: [1, 2, 3], lateS: 4, rounds: 6 });
    const third = cluster.machine(3).shadow.report(ELASTIC_IP, Infinity);
    assertEquals([third.count, third.agreement], [0, 1], "it never had to hold");
    const first = cluster.machine(1).shadow.report(ELASTIC_IP, Infinity);
    assert((first.agreement ?? 0) > 0.98, first.summary);
    for (const { fromMs, toMs } of first.differences) assert((toMs ?? Infinity) - fromMs < 20_000);
  });
});

Deno.test("beside a mover with another order the report names what it does otherwise", async () => {
  await inCluster([3], async (cluster) => {
    await played(cluster, { order: [1, 3, 2], lateS: 4, rounds: 1 });
    const { differences } = cluster.machine(3).shadow.report(ELASTIC_IP, Infinity);
    assertEquals(differences.length, 1, reportOf(cluster, 3));
    assertMatch(
      differences[0]?.text ?? "",
      /the cloud moved it to this node, the shadow would not have \(192.0.2.2 with priority 20 ranks/,
    );
    const [second] = cluster.machine(2).shadow.report(ELASTIC_IP, Infinity).differences;
    assertEquals([second?.held, second?.began, second?.others.includes("192.0.2.3")], [
      "shadow",
      "shadow",
      true,
    ]);
  });
});

Deno.test("months in the shadow need no more memory than an hour, and look every five seconds", async () => {
  await inCluster([1], async (cluster) => {
    await cluster.pass(3_600);
    const { reads } = cluster.zone;
    assert(reads > 3_600 / 6 && reads < 2 * 3_600 / 5, `${reads} reads`);
    const { resolutionMs } = cluster.machine(1).shadow.report(ELASTIC_IP);
    assertEquals(resolutionMs, 5_000);
  });
});

Deno.test("heartbeats of shadows and of others are unreadable to each other, whoever signs", () => {
  const heartbeat = {
    priority: 10,
    elasticIp: ELASTIC_IP,
    id: idOf(1),
    trailer: { ...HEALTHY_TRAILER, holds: true },
  };
  const [real, shadow] = [encode(heartbeat), encode(heartbeat, { shadow: true })];
  assertEquals(decode(real, { shadow: true }), { refused: "shadow" });
  assertEquals(decode(shadow), { refused: "shadow" });
  assertEquals(decode(shadow, { shadow: true }), decode(real));
  // The original drops any version but 02 01.
  assertEquals([...real.subarray(0, 2)], [2, 1]);
  assert(shadow[0] !== 2 || shadow[1] !== 1);
});

Deno.test("the way of a shadow lets only readings out", async () => {
  const sent: string[] = [];
  const fetch = readOnlyFetch((url, { method = "GET" }) => {
    sent.push(`${method} ${url.pathname}${url.search}`);
    return Promise.resolve(new Response("{}"));
  });
  const at = (path: string) => new URL(path, "https://c.test");
  await fetch(at("/v2/instance/1"), { method: "GET" });
  await fetch(at("/compute?command=listVirtualMachines"), { method: "GET" });
  await fetch(at("/compute?command=queryAsyncJobResult"), { method: "GET" });
  for (const method of ["PUT", "POST", "DELETE", "PATCH"]) {
    await assertRejects(
      () => fetch(at("/v2/elastic-ip/1:attach"), { method }),
      CloudError,
      "changes nothing",
    );
  }
  for (const command of ["addIpToNic", "removeIpFromNic", "listing"]) {
    const sends = () => fetch(at(`/compute?command=${command}`), { method: "GET" });
    await assertRejects(sends, CloudError, "changes nothing");
  }
  assertEquals(sent.length, 3);
});

Deno.test("the service manager is told that its service is a shadow", () => {
  const told: string[] = [];
  const tell = (word: string) => (...rest: unknown[]) => void told.push([word, ...rest].join(" "));
  const manager = shadowManager({
    keepAliveMs: 500,
    ready: tell("ready"),
    reloading: tell("reloading"),
    reloaded: tell("reloaded"),
    stopping: tell("stopping"),
    status: tell("status"),
    extend: tell("extend"),
    alive: tell("alive"),
  });
  manager?.ready();
  manager?.status("master (best)");
  manager?.alive();
  manager?.stopping(5);
  manager?.extend(6);
  assertEquals(told, ["ready", "status shadow: master (best)", "alive", "stopping 5", "extend 6"]);
  assertEquals([manager?.keepAliveMs, shadowManager(null)], [500, null]);
});

Deno.test("a shadow with many addresses asks for each more rarely, and says at the start how often", () => {
  assertEquals([1, 2, 3, 10].map(shadowLookMs), [5_000, 5_000, 6_000, 20_000]);
  const lines: string[] = [];
  const log = {
    write: (_: string, event: string, text: string) => void lines.push(`${event}: ${text}`),
  };
  announceShadow(log, { elasticIps: [ELASTIC_IP], addressOn: "lo", port: 12_346 });
  assertEquals(lines, [
    "shadow: nothing is changed in the cloud, which is looked at every 5 s; only shadows on port " +
    "12346 are heard",
    "shadow: would put 198.51.100.50 on lo",
  ]);
});
