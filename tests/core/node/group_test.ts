// Addresses that move together: what the election is told, what is allowed, and nodes whose groups differ.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { apart, groupDiffers, membersOf, outlook, permit } from "../../../src/core/node/group.ts";
import { startNode } from "../../../src/core/node/step.ts";
import { shutdown } from "../../../src/core/node/shutdown.ts";
import { type Ownership, startOwnership } from "../../../src/core/ownership/state.ts";
import { HOLD } from "../../support/held_address.ts";
import { NODE_SETTINGS } from "../../support/node_settings.ts";
import { SimCluster } from "../../support/simulation/cluster.ts";
import { seededRandom } from "../../support/simulation/prng.ts";

const FRESH = startOwnership({ reconcileMs: 30_000, deadTimeMs: 3_000 }, 0);
const OTHER = "198.51.100.51";

function holding(...all: (boolean | null | "released")[]): Ownership[] {
  return all.map((each) =>
    each === "released"
      ? { ...FRESH, holding: false, released: "gone" }
      : { ...FRESH, holding: each }
  );
}

Deno.test("outlook() says of a group what is true for all addresses that exist", () => {
  const rows: [held: (boolean | null | "released")[], told: boolean | null][] = [
    [[true], true],
    [[false], false],
    [[null], null],
    [["released"], false],
    [[true, true], true],
    [[false, false], false],
    [[true, false], null],
    [[false, true], null],
    [[true, null], null],
    [[true, "released"], true],
    [["released", false], false],
    [["released", "released"], false],
  ];
  for (const [held, told] of rows) {
    assertEquals(outlook(holding(...held)).holding, told, held.join());
  }
  const seen = (...atMs: number[]) => atMs.map((sightedAtMs) => ({ ...FRESH, sightedAtMs }));
  assertEquals(outlook(seen(7, 5, 9)).sightedAtMs, 5, "the oldest look counts");
  assertEquals(outlook([...seen(7), ...holding("released")]).sightedAtMs, 7);
  const lost = { ...FRESH, cloudReachable: false };
  assertEquals(outlook([FRESH, FRESH]).cloudReachable, true);
  assertEquals(outlook([FRESH, lost]).cloudReachable, false, "one is enough");
  const stranger = { instanceId: "x", off: false };
  const left = { ...FRESH, desired: { ...HOLD, doubt: true }, holding: false, others: [stranger] };
  assertEquals(outlook([left, left]).kept, true);
  assertEquals(outlook([left, { ...left, others: [] }]).kept, false, "nobody would serve that one");
});

Deno.test("permit() keeps a confirmation only if the cloud confirmed the same holder for each address", () => {
  const desired = { ...HOLD, holdsOnlyIfUnheld: true };
  const { election } = startNode(NODE_SETTINGS, { atMs: 0, selfId: "self", peers: [] });
  const confirmedAs = (...all: (string | null)[]) => {
    const ownerships = all.map((confirmed) => ({ ...FRESH, desired, holding: true, confirmed }));
    return permit(ownerships, { desired, election, atMs: 1_000 });
  };
  const confirmed = (...all: (string | null)[]) =>
    confirmedAs(...all).map((each) => each.confirmed);
  assertEquals(confirmed("a", "a"), ["a", "a"]);
  assertEquals(confirmed("a", null), ["a", null]);
  assertEquals(confirmed("a", "b"), [null, null]);
  assertEquals(confirmedAs("a", "b")[0]?.inspectAtMs, 6_000, "five seconds later it asks again");
});

Deno.test("a node without sisters has one member, itself", () => {
  const node = startNode(NODE_SETTINGS, { atMs: 0, selfId: null, peers: [] });
  assertEquals(apart(node), [node]);
  assertEquals(membersOf(node).map(({ elasticIp }) => elasticIp), [NODE_SETTINGS.elasticIp]);
});

Deno.test("a group that stops waits for all its addresses, and says which ones remain", () => {
  const settings = { ...NODE_SETTINGS, sisters: [OTHER] };
  const started = startNode(settings, { atMs: 0, selfId: null, peers: [] });
  const stopped = (own: boolean, sister: boolean) => ({
    ...started,
    stoppedAtMs: 0,
    ownership: { ...FRESH, prepared: true, holding: own },
    sisters: [{ elasticIp: OTHER, ownership: { ...FRESH, prepared: true, holding: sister } }],
  });
  assertEquals(shutdown.exitCode(stopped(false, false), 1_000), 0);
  assertEquals(shutdown.exitCode(stopped(false, true), 1_000), null);
  assertEquals(shutdown.exitCode(stopped(true, false), 1_000), null);
  assertEquals(shutdown.exitCode(stopped(false, true), 600_000), 1);
  const [remains, ...rest] = shutdown.remainsOf(stopped(false, true));
  assertEquals(rest, []);
  assertMatch(remains?.text ?? "", /^198\.51\.100\.51 is still attached/);
});

Deno.test("groupDiffers() believes the fifth reading that shows no hold", () => {
  const settings = { ...NODE_SETTINGS, sisters: [OTHER] };
  const started = startNode(settings, { atMs: 0, selfId: null, peers: [] });
  const after = (inspectedCount: number, confirmed: string | null = null) => ({
    ...started,
    desired: { ...started.desired, intent: "yield" as const, claimant: "a" },
    ownership: { ...FRESH, holding: true, confirmed: "a" },
    sisters: [{
      elasticIp: OTHER,
      ownership: { ...FRESH, holding: true, confirmed, inspectedCount },
    }],
  });
  const count = (...args: Parameters<typeof after>) => groupDiffers(started, after(...args)).length;
  assertEquals([count(4), count(5), count(5, "a")], [0, 1, 0]);
  assertEquals(groupDiffers(after(5), after(6)), [], "once");
});

Deno.test("a group is not given up to a better peer that knows only one of its addresses", async () => {
  const cluster = new SimCluster({ random: seededRandom(1) });
  cluster.addSister(OTHER);
  const alone = cluster.add("a", NODE_SETTINGS);
  const group = cluster.add("b", { ...NODE_SETTINGS, priority: 20, sisters: [OTHER] });
  const lines: string[] = [];
  cluster.observers.push({
    said: ({ name }, { event, text }) =>
      void (event === "group-differs" && lines.push(name + text)),
  });
  cluster.start(group);
  await cluster.run(10_000);
  cluster.start(alone);
  await cluster.run(60_000);
  const [first, second] = cluster.clouds.map(({ holders }) => [...holders].sort());
  assertEquals(first, [alone.instanceId, group.instanceId].sort());
  assertEquals(second, [group.instanceId]);
  assertEquals(lines.length, 1, lines.join("\n"));
  assertStringIncludes(lines[0] ?? "", `binstance ${alone.instanceId} says that it holds`);
  assertStringIncludes(lines[0] ?? "", OTHER);
});
