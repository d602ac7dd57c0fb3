// Whole drills in virtual time: a healthy one, those that are refused, and those that are given up.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { drill, type DrillOptions, DrillRefused } from "../../src/drill/drill.ts";
import { reportJson, reportLines, succeeded } from "../../src/drill/report.ts";
import type { Snapshot } from "../../src/status/snapshot.ts";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { VirtualClock } from "../support/clock.ts";
import { NodeFixture, PEERS, SELF_ID } from "../support/node_fixture.ts";

const ELASTIC_IP = "198.51.100.50";
const NEXT = PEERS[0]!.instanceId;

/** The snapshot of a holder whose two peers live and rank after it. */
function healthy(
  change: (node: NodeFixture) => void = () => {},
  settings: ConstructorParameters<typeof NodeFixture>[0] = {},
): Snapshot {
  const node = new NodeFixture(settings);
  node.until(0);
  node.hear(0, { priority: 20 });
  node.hear(1, { priority: 30 });
  node.holds = true;
  for (let atMs = 500; atMs <= 8_000; atMs += 500) {
    node.until(atMs);
    node.hear(0, { priority: 20 });
    node.hear(1, { priority: 30 });
  }
  change(node);
  return { ...node.snapshot(), instanceName: "edge-1" };
}

/** A cluster that moves the address some time after it was asked to. */
class World {
  readonly clock = new VirtualClock();
  holders = new Set([SELF_ID]);
  readonly asked: string[] = [];
  readonly said: string[] = [];
  readonly stop = new AbortController();
  snapshot = healthy();
  looks = 0;
  /** What happens when the node is told to give way. */
  giveWay = () => this.move(NEXT);
  comeBack = () => this.move(SELF_ID);
  serves = () => true;
  limited = false;
  refuses = false;

  /** Make before break: attached after 200 ms, detached from the other after 300 ms. */
  move(to: string, { gapMs = -100 } = {}): void {
    const attachMs = Math.max(200, 200 + gapMs);
    this.clock.at(this.clock.nowMs() + attachMs, () => this.holders.add(to));
    this.clock.at(this.clock.nowMs() + attachMs - gapMs, () => this.holders = new Set([to]));
    if (gapMs > 0) this.clock.at(this.clock.nowMs() + 200, () => this.holders.clear());
  }

  async run(more: Partial<DrillOptions> = {}) {
    const { clock } = this;
    const options: DrillOptions = {
      clock,
      hands: {
        title: "this machine",
        status: () => Promise.resolve(this.snapshot),
        giveWay: () => {
          this.asked.push("give way");
          this.giveWay();
          return this.refuses ? Promise.reject(new Error("not now")) : Promise.resolve();
        },
        comeBack: () => (this.asked.push("come back"), Promise.resolve(this.comeBack())),
      },
      cloudsOf: () =>
        Promise.resolve([{
          inspect: (id: string) => {
            this.looks += 1;
            if (this.limited) {
              const error = new CloudError("rate-limited", "too many", { retryAfterMs: 2_000 });
              return Promise.reject(error);
            }
            return Promise.resolve(this.holders.has(id));
          },
        }]),
      probe: () => this.serves() ? Promise.resolve() : Promise.reject(new Error("refused")),
      probeTitle: "https://198.51.100.50/",
      elasticIp: null,
      say: (text) => void this.said.push(text),
      signal: this.stop.signal,
      ...more,
    };
    const running = drill(options);
    let over = false;
    const ended = running.finally(() => over = true).catch(() => {});
    await clock.pass(200_000, () => over);
    await ended;
    return await running;
  }
}

Deno.test("--drill moves the address to the next best node and back, and says what it took", async () => {
  const world = new World();
  const drilled = await world.run();
  assert(succeeded(drilled), JSON.stringify(drilled));
  assertEquals(world.asked, ["give way", "come back"]);
  assertEquals([...world.holders], [SELF_ID]);
  const { legs } = reportJson(drilled) as { legs: Record<string, unknown>[] };
  assertEquals(legs.map(({ leg, from, to }) => [leg, from, to]), [
    ["there", "edge-1", PEERS[0]!.address],
    ["back", PEERS[0]!.address, "edge-1"],
  ]);
  for (const { noticedMs, movedMs, unheldMs, sharedMs, unreachableMs, resolutionMs } of legs) {
    assertEquals([unheldMs, unreachableMs, resolutionMs], [0, 0, 100]);
    assert(Number(noticedMs) >= 200 && Number(movedMs) <= 500 && Number(sharedMs) <= 200);
  }
  const lines = reportLines(drilled);
  assertMatch(lines[0] ?? "", /^leg +from +to +noticed after +moved after +unheld +unreachable$/);
  assertEquals(lines.at(-1), `OK: ${ELASTIC_IP} moved and came back, and was always served`);
});

Deno.test("--drill shows a gap, and then fails", async () => {
  const world = new World();
  world.giveWay = () => world.move(NEXT, { gapMs: 700 });
  const drilled = await world.run({ probe: null, probeTitle: null });
  assertEquals([drilled.harm, drilled.restored, succeeded(drilled)], [null, true, false]);
  assertEquals(reportJson(drilled).ok, false);
  assertMatch(
    reportLines(drilled).at(-1) ?? "",
    /^FAIL: .* came back, but nobody held it for 700 ms/,
  );
  assertMatch(reportLines(drilled)[1] ?? "", /not probed/);
});

Deno.test("--drill under a lease expects a gap, and no two holders", async () => {
  const lease = { ttlMs: 10_000, failsafe: true, heartbeats: true };
  const world = new World();
  world.snapshot = healthy((_) => {}, { lease });
  assertEquals(world.snapshot.addresses[0]?.lease?.owned, true);
  world.giveWay = () => world.move(NEXT, { gapMs: 6_000 });
  world.comeBack = () => world.move(SELF_ID, { gapMs: 700 });
  const drilled = await world.run();
  assertEquals([drilled.harm, succeeded(drilled), reportJson(drilled).ok], [null, true, true]);
  assertMatch(
    reportLines(drilled).at(-1) ?? "",
    /^OK: .* came back; nobody held it for 6\.7 s, as a lease demands/,
  );
  const both = new World();
  both.snapshot = healthy((_) => {}, { lease });
  const shared = await both.run();
  assertEquals(succeeded(shared), false);
  assertMatch(reportLines(shared).at(-1) ?? "", /^FAIL: .*two nodes held it for/);
});

const HARMS: readonly (readonly [string, (world: World) => void, RegExp])[] = [
  [
    "nobody holds",
    (world) => world.giveWay = () => world.holders.clear(),
    /nobody has held .* 5 s/,
  ],
  ["nothing moves", (world) => world.giveWay = () => {}, /has not moved within 60 s/],
  ["two go on holding", (world) => world.giveWay = () => void world.holders.add(NEXT), /two nodes/],
  ["the cloud asks for fewer questions for long", (world) => {
    world.giveWay = () => void (world.limited = true);
    world.comeBack = () => void (world.limited = false);
  }, /the cloud has not answered/],
  ["the request is refused", (world) => {
    world.giveWay = () => void (world.refuses = true);
    world.comeBack = () => {};
  }, /it was refused: not now/],
  ["the service is lost", (world) => {
    world.serves = () => world.holders.has(SELF_ID);
  }, /the service has not answered for 5 s/],
  ["a person stops it", (world) => {
    world.giveWay = () => world.clock.at(world.clock.nowMs() + 50, () => world.stop.abort());
  }, /it was stopped/],
];
for (const [title, arrange, harm] of HARMS) {
  Deno.test(`--drill brings the address back when ${title}`, async () => {
    const world = new World();
    arrange(world);
    const drilled = await world.run();
    assertMatch(drilled.harm ?? "", harm);
    assertEquals([drilled.restored, world.asked.at(-1)], [true, "come back"]);
    assertEquals([...world.holders], [SELF_ID]);
    assertMatch(
      reportLines(drilled).at(-1) ?? "",
      /^FAIL: the drill was given up, .*back where it was/,
    );
  });
}

Deno.test("--drill says when it cannot bring the address back", async () => {
  const world = new World();
  world.comeBack = () => {};
  const drilled = await world.run();
  assertEquals(drilled.restored, false);
  assertMatch(reportLines(drilled).at(-1) ?? "", /^FAIL: .*not back yet/);
});

const REFUSALS: readonly (readonly [string, (world: World) => void, RegExp, string?])[] = [
  ["an unhealthy cluster", (world) => {
    world.snapshot = healthy((node) => node.until(60_000));
  }, /is not healthy, and a drill may harm: .*dead/],
  ["a node that does not hold", (world) => {
    world.snapshot = {
      ...healthy(),
      addresses: healthy().addresses.map((view) => ({
        ...view,
        ...{ holding: false, role: "backup" },
        peers: view.peers.map((peer, index) => ({ ...peer, holds: index === 0 })),
      })),
    };
  }, /does not hold .*: run the drill where it is held, 203\.0\.113\.11/],
  ["a shadow", (world) => world.snapshot = { ...healthy(), shadow: true }, /is a shadow: it moves/],
  ["a cluster that may not move twice", (world) => {
    const { addresses, ...rest } = healthy();
    world.snapshot = { ...rest, addresses: addresses.map((view) => ({ ...view, movesLeft: 1 })) };
  }, /a drill makes 2 moves, and --move-limit leaves 1 for now/],
  ["an address that is not watched", () => {}, /does not watch 192\.0\.2\.9, but 198/, "192.0.2.9"],
  ["a service that does not answer", (world) => world.serves = () => false, /before the drill/],
];
for (const [title, arrange, refusal, elasticIp = null] of REFUSALS) {
  Deno.test(`--drill refuses ${title}, and touches nothing`, async () => {
    const world = new World();
    arrange(world);
    const error = await assertRejects(() => world.run({ elasticIp }), DrillRefused);
    assertMatch(error.message, refusal);
    assertEquals(world.asked, []);
  });
}
