// One node, step by step, for details that a whole story would not show.
import { assert, assertEquals } from "@std/assert";
import { HEALTHY_TRAILER, NODE_SETTINGS } from "../../support/node_settings.ts";
import { accept } from "../../../src/core/election/accept.ts";
import type { HealthEvent } from "../../../src/core/election/step.ts";
import { nodeWakeAtMs, startNode, stepFully, stepNode } from "../../../src/core/node/step.ts";
import type { Node, NodeEvent } from "../../../src/core/node/state.ts";
import fc from "../../support/fast_check.ts";

const SELF = "00000001-0000-4000-8000-000000000005";
const SETTINGS = { ...NODE_SETTINGS, priority: 2 };

const idOf = (peer: number) => SELF.replace(/5$/, `${peer}`);

/** The lines for these events, as `severity text`. */
function linesOf(node: Node, events: readonly NodeEvent[]): string[] {
  const lines: string[] = [];
  let state = node;
  for (const event of events) {
    const [next, effects] = stepNode(state, event, 0);
    state = next;
    for (const effect of effects) {
      if (effect.kind === "report") lines.push(`${effect.severity} ${effect.text}`);
    }
  }
  return lines;
}

Deno.test("stepNode() warns of a signal that can change nothing", () => {
  const node = startNode(SETTINGS, { atMs: 0, selfId: SELF, peers: [] });
  const better: NodeEvent = { kind: "nudge", by: -1 };
  assertEquals(linesOf(node, [better, better]), [
    "info priority is now 1",
    "warning priority stays 1: there is no better one",
  ]);
  const last = { ...SETTINGS, priority: 255 };
  const worst = startNode(last, { atMs: 0, selfId: SELF, peers: [] });
  assertEquals(linesOf(worst, [{ kind: "nudge", by: 1 }]), [
    "warning priority stays 255: there is no worse one",
  ]);
});

Deno.test("stepNode(): a forged unsigned heartbeat from the future makes no live peer look dead", () => {
  const from = "10.0.0.7", id = idOf(7);
  const peers = [{ address: from, instanceId: id, wireId: id }];
  let node = startNode(SETTINGS, { atMs: 0, selfId: SELF, peers });
  const hear = (atMs: number, sequence: number) => {
    const trailer = { ...HEALTHY_TRAILER, ownPriority: 1, sequence };
    const heartbeat = { priority: 1, elasticIp: SETTINGS.elasticIp, id, trailer };
    [node] = stepNode(node, accept(node.election, { from, heartbeat }, atMs), atMs);
  };
  for (let atMs = 0; atMs <= 20_000; atMs += 1_000) {
    hear(atMs, 1_900_000_000_000 + atMs);
    // Just far enough ahead that the peer's next heartbeat seems to be late.
    if (atMs === 5_000) hear(atMs + 1, 1_900_000_000_000 + atMs + 3_999);
    [node] = stepNode(node, { kind: "tick" }, atMs + 500);
    assertEquals(node.election.peers.get(from)?.alive, true, `${atMs} ms`);
  }
  assertEquals(node.election.role, "backup");
});

Deno.test("stepNode() tells once why these are the peers, and again when that changes", () => {
  const node = startNode(SETTINGS, { atMs: 0, selfId: SELF, peers: null });
  const list: NodeEvent = { kind: "members", peers: [], inPeerList: true };
  const pool = "the peers are the members of our instance pool";
  const label = "the peers are the instances labelled";
  const told = linesOf(node, [
    { ...list, found: pool },
    { ...list, found: pool },
    { kind: "members-failed", retryAfterMs: null },
    { ...list, found: pool },
    { ...list, found: label },
  ]).filter((line) => line.includes("the peers"));
  assertEquals(told, [`info ${pool}`, `info ${label}`]);
  assertEquals(linesOf(node, [list]).filter((line) => line.includes("the peers")), []);
});

Deno.test("stepNode() reads the list for a sender that it may explain, and for no other", () => {
  const from = "10.0.0.7", stranger = "10.0.0.9", id = idOf(7);
  const peers = [{ address: from, instanceId: id, wireId: id }];
  let node = startNode(SETTINGS, { atMs: 0, selfId: SELF, peers, dynamic: true });
  const list: NodeEvent = { kind: "members", peers, inPeerList: true };
  [node] = stepNode(node, list, 0);
  node = { ...node, membership: { ...node.membership, needed: false } };
  const after = (event: { elasticIp?: string; id?: string }, sender = from) => {
    const { elasticIp } = SETTINGS;
    const trailer = { ...HEALTHY_TRAILER, sequence: 1 };
    const heartbeat = { priority: 20, elasticIp, id, trailer, ...event };
    const verdict = accept(node.election, { from: sender, heartbeat }, 1_000);
    const [next, effects] = stepNode(node, verdict, 1_000);
    const refused = effects.flatMap((effect) => effect.kind === "refused" ? effect.reason : []);
    return [refused.join(), next.membership.needed, [...next.membership.strangers.keys()].join()];
  };
  assertEquals(after({}), ["", false, ""]);
  assertEquals(after({ elasticIp: "198.51.100.51" }), ["wrong-address", false, ""]);
  assertEquals(after({ id: SELF }), ["own-id", false, ""]);
  assertEquals(after({ id: idOf(8) }), ["wrong-id", true, from]);
  assertEquals(after({}, stranger), ["unknown-source", true, stranger]);
});

Deno.test("stepNode() knows peers by hand again that it has asked the cloud about, and no others", () => {
  const known = { address: "10.0.0.7", instanceId: idOf(7), wireId: idOf(7) };
  const node = startNode(SETTINGS, { atMs: 0, selfId: SELF, peers: [known] });
  const event: NodeEvent = { kind: "peers", addresses: ["10.0.0.8", "10.0.0.7"] };
  const [{ election }] = stepNode(node, event, 1_000);
  const ids = [...election.peers.values()].map(({ instanceId, wireId }) => [instanceId, wireId]);
  assertEquals(ids, [[null, null], [idOf(7), idOf(7)]]);
  assertEquals(election.inPeerList, true);
});

Deno.test("stepNode() learns its id and its addresses from the first answer alone", () => {
  let node = startNode(SETTINGS, { atMs: 0, selfId: null, peers: [] });
  const step = (event: NodeEvent) => {
    const [next, effects] = stepNode(node, event, 0);
    node = next;
    return effects.flatMap((effect) => effect.kind === "call" ? effect : []);
  };
  const [prepare] = step({ kind: "tick" });
  assertEquals(prepare?.call.verb, "prepare");
  const answer = {
    verb: "prepare",
    holds: false,
    selfId: SELF,
    instanceId: idOf(9),
    name: "node-9",
    addresses: ["10.0.0.5", "2001:db8::5"],
  } as const;
  step({ kind: "answered", id: prepare?.id ?? 0, answer, roll: 0 });
  assertEquals(node.election.selfId, SELF);
  assertEquals(node.election.selfAddresses, ["10.0.0.5", "2001:db8::5"]);
  assertEquals([node.ownership.instanceId, node.ownership.instanceName], [idOf(9), "node-9"]);
  const id = node.ownership.read.inFlight?.id ?? 0;
  step({ kind: "answered", id, answer: { verb: "look", holds: false, others: [] }, roll: 0 });
  assertEquals(node.election.selfId, SELF);
});

Deno.test("startNode() reads the list again later if it can change, whoever gave the first one", () => {
  const dynamic = (start: { peers: [] | null; dynamic?: boolean }) =>
    startNode(SETTINGS, { atMs: 0, selfId: SELF, ...start }).membership.dynamic;
  assertEquals([dynamic({ peers: [] }), dynamic({ peers: null })], [false, true]);
  assertEquals([dynamic({ peers: [], dynamic: true }), dynamic({ peers: null, dynamic: false })], [
    true,
    false,
  ]);
});

Deno.test("stepNode() hurries to read a list that failed once the cloud answers after failures, not before", () => {
  const start = startNode(SETTINGS, { atMs: 0, selfId: SELF, peers: [] });
  const [begun, effects] = stepNode(start, { kind: "tick" }, 0);
  const call = effects.flatMap((effect) => effect.kind === "call" ? effect : [])[0];
  assert(call);
  const answer = {
    verb: "prepare",
    holds: false,
    selfId: SELF,
    instanceId: SELF,
    addresses: [],
  } as const;
  const after = (failures: number) => {
    const { ownership, membership } = begun;
    const node: Node = {
      ...begun,
      membership: { ...membership, known: true, needed: false, failures: 3, readAtMs: 0 },
      ownership: { ...ownership, read: { ...ownership.read, failures } },
    };
    return stepNode(node, { kind: "answered", id: call.id, answer, roll: 0 }, 1_000)[0].membership;
  };
  assertEquals([after(0).failures, after(1).failures], [3, 0]);
});

Deno.test("stepNode() keeps the beat when it is stepped late, and begins another one when it slept", () => {
  const node = startNode(SETTINGS, { atMs: 0, selfId: SELF, peers: [] });
  const next = (atMs: number) => stepNode(node, { kind: "tick" }, atMs)[0].election.heartbeatAtMs;
  assertEquals(node.election.heartbeatAtMs, 0);
  assertEquals([next(0), next(7), next(999), next(1_000), next(1_500)], [
    ...[1_000, 1_000, 1_000, 2_000, 2_500],
  ]);
});

Deno.test("stepNode() tells roles as information, and those that need an operator as a warning", () => {
  const peer = { address: "10.0.0.7", instanceId: idOf(7), wireId: idOf(7) };
  let node = startNode(SETTINGS, { atMs: 0, selfId: SELF, peers: [] });
  const lines: string[] = [];
  const step = (event: NodeEvent, atMs: number) => {
    const [next, effects] = stepNode(node, event, atMs);
    node = next;
    for (const effect of effects) {
      if (effect.kind === "report") lines.push(`${effect.severity} ${effect.text}`);
    }
  };
  step({ kind: "tick" }, 1_000);
  step({ kind: "tick" }, 2_000);
  step({ kind: "tick" }, 3_000);
  step({ kind: "tick" }, 3_100);
  step({ kind: "health", healthy: false }, 3_200);
  step({ kind: "members", peers: [peer], inPeerList: false }, 3_300);
  assertEquals(lines, [
    "info master (alone), was backup",
    "warning master (unhealthy, no live node is healthy)",
    "info peer 10.0.0.7 joined",
    "warning master (unlisted): the list of peers does not have this node",
  ]);
});

Deno.test("stepNode() uses nothing of what a stranger says", () => {
  const peers = [{ address: "10.0.0.7", instanceId: idOf(7), wireId: idOf(7) }];
  const fresh = startNode(SETTINGS, { atMs: 0, selfId: SELF, run: 5n, peers });
  const before = { ...fresh, membership: { ...fresh.membership, needed: false } };
  const [ticked] = stepNode(before, { kind: "tick" }, 2_000);
  const anyTrailer = fc.record({
    ...{ holds: fc.boolean(), leaving: fc.boolean(), unable: fc.boolean(), hearsYou: fc.boolean() },
    ...{ unhealthy: fc.boolean(), ownPriority: fc.nat(255), keyId: fc.nat(255) },
    intervalMs: fc.option(fc.integer({ min: 10, max: 3_600_000 })),
    sequence: fc.maxSafeNat(),
    stamp: fc.option(fc.record({
      run: fc.bigInt(1n, 2n ** 64n - 1n),
      echo: fc.option(fc.record({ run: fc.constant(5n), sequence: fc.nat(2_000_000) })),
    })),
  });
  const id = fc.constantFrom(idOf(7), idOf(8));
  fc.assert(fc.property(fc.nat(255), id, fc.option(anyTrailer), (priority, id, trailer) => {
    const heartbeat = { priority, elasticIp: SETTINGS.elasticIp, id, trailer };
    const signed = trailer?.stamp != null;
    const step = (node: Node) => {
      const heard = { from: "10.0.0.66", heartbeat, signed };
      return stepNode(node, accept(node.election, heard, 2_000), 2_000);
    };
    // The first one causes a reading of the membership, and time passes; another one does nothing.
    const [once, [refused]] = step(before);
    assertEquals(refused?.kind, "refused");
    assertEquals({ ...once, membership: ticked.membership }, ticked);
    const [twice, effects] = step(once);
    assert(twice === once);
    assertEquals(effects.map(({ kind }) => kind), ["refused"]);
  }));
});

Deno.test("stepNode() keeps why the node is unhealthy, fit for a line and bounded, until it is healthy", () => {
  let node = startNode(SETTINGS, { atMs: 0, selfId: SELF, peers: [] });
  const reasonAfter = (event: Partial<HealthEvent>) => {
    [node] = stepNode(node, { kind: "health", healthy: false, ...event }, 1_000);
    return node.election.unhealthyReason;
  };
  assertEquals(
    reasonAfter({ reason: "tcp://127.0.0.1:80: connection refused" }),
    "tcp://127.0.0.1:80: connection refused",
  );
  assertEquals(reasonAfter({ reason: "exec:check:\n\x1b[31mred" }), "exec:check: [31mred");
  const long = reasonAfter({ reason: "x".repeat(201) });
  assertEquals([long.length, long.slice(-2)], [200, "x…"]);
  assertEquals(reasonAfter({ reason: "x".repeat(200) }), "x".repeat(200));
  assertEquals(reasonAfter({}), "");
  assertEquals(reasonAfter({ reason: "y" }), "y");
  assertEquals(reasonAfter({ healthy: true, reason: "all checks pass" }), "");
});

Deno.test("stepNode() takes no short way past what is due in the same moment", () => {
  const from = "10.0.0.7", id = idOf(7);
  const peers = [{ address: from, instanceId: id, wireId: id }];
  const heard = (sequence: number, atMs: number): NodeEvent => {
    const trailer = { ...HEALTHY_TRAILER, sequence };
    const heartbeat = { priority: 20, elasticIp: SETTINGS.elasticIp, id, trailer };
    return accept(node.election, { from, heartbeat }, atMs);
  };
  let node = startNode(SETTINGS, { atMs: 0, selfId: SELF, peers });
  for (let atMs = 100; atMs < 1_000; atMs += 100) {
    [node] = stepNode(node, heard(atMs * 10, atMs), atMs);
  }
  const wakeAtMs = nodeWakeAtMs(node);
  const [, effects] = stepNode(node, heard(90_000, wakeAtMs), wakeAtMs);
  assertEquals(effects.some(({ kind }) => kind === "send"), true);
  assertEquals(stepNode(node, heard(90_000, wakeAtMs - 1), wakeAtMs - 1)[1], []);
});

Deno.test("stepNode() counts the time to leave from the first stop", () => {
  const node = startNode(SETTINGS, { atMs: 0, selfId: SELF, peers: [] });
  const [once] = stepNode(node, { kind: "stop" }, 500);
  const [twice] = stepNode(once, { kind: "stop" }, 900);
  assertEquals([once.stoppedAtMs, twice.stoppedAtMs, twice.election.stops], [500, 500, 2]);
});

Deno.test("stepNode() applies a new configuration to the looks at the cloud, too", () => {
  const node = startNode(SETTINGS, { atMs: 0, selfId: SELF, peers: [] });
  const settings = { ...SETTINGS, reconcileMs: 7_000, intervalMs: 200, deadRatio: 4 };
  const [{ ownership, election }] = stepNode(node, { kind: "settings", settings }, 500);
  assertEquals(ownership.settings, { reconcileMs: 7_000, deadTimeMs: 800 });
  assertEquals(election.settings.intervalMs, 200);
});

/** Heartbeats of three peers that are mostly repetitions, at mostly regular times. */
const someHeartbeats = fc.array(
  fc.record({
    peer: fc.integer({ min: 1, max: 3 }),
    afterMs: fc.oneof(fc.nat(1_100), fc.nat(5_000)),
    priority: fc.oneof({ weight: 5, arbitrary: fc.constant(20) }, fc.integer({ min: 1, max: 3 })),
    flags: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.nat(15)),
    plain: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.boolean()),
  }),
  { minLength: 20, maxLength: 80 },
);

Deno.test("stepNode() comes to the same as the whole step, whether it takes the short way or not", () => {
  const peers = [1, 2, 3].map((peer) => ({
    address: `10.0.0.${peer}`,
    instanceId: idOf(peer),
    wireId: idOf(peer),
  }));
  let shortCount = 0;
  fc.assert(fc.property(someHeartbeats, (heartbeats) => {
    let node = startNode({ ...SETTINGS, priority: 10 }, { atMs: 0, selfId: SELF, peers });
    let atMs = 0;
    const step = (event: NodeEvent) => {
      const [next, effects] = stepNode(node, event, atMs);
      if (event.kind !== "rejected") assertEquals([next, effects], stepFully(node, event, atMs));
      if (event.kind === "heard" && next.desired === node.desired) shortCount += 1;
      node = next;
    };
    // The fast path is for peers that are heard steadily.
    const steadily = [1, 2, 3, 4].flatMap((second) =>
      peers.map((_, at) => ({
        peer: at + 1,
        afterMs: at === 0 && second > 1 ? 1_000 : 0,
        priority: 20,
        flags: 0,
        plain: false,
      }))
    );
    for (const { peer, afterMs, priority, flags, plain } of [...steadily, ...heartbeats]) {
      const untilMs = atMs + afterMs;
      while (nodeWakeAtMs(node) <= untilMs && atMs < untilMs) {
        atMs = Math.max(atMs + 1, nodeWakeAtMs(node));
        step({ kind: "tick" });
      }
      atMs = Math.max(atMs, untilMs);
      const trailer = {
        ...HEALTHY_TRAILER,
        holds: (flags & 1) !== 0,
        leaving: (flags & 2) !== 0,
        unable: (flags & 4) !== 0,
        hearsYou: (flags & 8) === 0,
        sequence: 1_900_000_000_000 + atMs,
      };
      const { elasticIp } = SETTINGS;
      const heartbeat = { priority, elasticIp, id: idOf(peer), trailer: plain ? null : trailer };
      step(accept(node.election, { from: `10.0.0.${peer}`, heartbeat }, atMs));
    }
  }));
  assert(shortCount > 100, `${shortCount} times the short way`);
});

Deno.test("a list that is old enough is read in the place of the other holders", () => {
  const start = startNode(NODE_SETTINGS, { atMs: 0, selfId: SELF, peers: [], dynamic: true });
  const settled = { role: "master", reason: "alone", settledAtMs: -Infinity } as const;
  const effectsOf = (readAtMs: number) => {
    const state: Node = {
      ...start,
      election: { ...start.election, ...settled, heartbeatAtMs: 400_000 },
      ownership: { ...start.ownership, prepared: true, holding: true, looksAtMs: [400_000] },
      membership: { ...start.membership, known: true, needed: false, readAtMs },
    };
    const [after, effects] = stepNode(state, { kind: "tick" }, 400_000);
    const kinds = effects.flatMap((effect) =>
      effect.kind === "call" ? effect.call : effect.kind === "members" ? effect.kind : []
    );
    return [after.membership.reading, ...kinds];
  };
  assertEquals(effectsOf(100_001), [false, { verb: "look", others: true }]);
  assertEquals(effectsOf(100_000), [true, { verb: "look", others: false }, "members"]);
});
