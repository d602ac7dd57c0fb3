// One node, step by step, where a whole story would say too little.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { NODE_SETTINGS, WELL_TRAILER } from "./node_settings.ts";
import {
  type Node,
  type NodeEvent,
  nodeWakeAtMs,
  startNode,
  stepFully,
  stepNode,
} from "../src/core/node.ts";

const SELF = "00000001-0000-4000-8000-000000000005";
const SETTINGS = { ...NODE_SETTINGS, priority: 2 };

const idOf = (peer: number) => SELF.replace(/5$/, `${peer}`);

/** Lines that the events are worth, as `severity text`. */
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
    const trailer = { ...WELL_TRAILER, ownPriority: 1, sequence };
    const heartbeat = { priority: 1, elasticIp: SETTINGS.elasticIp, id, trailer };
    [node] = stepNode(node, { kind: "heard", from, heartbeat }, atMs);
  };
  for (let atMs = 0; atMs <= 20_000; atMs += 1_000) {
    hear(atMs, 1_900_000_000_000 + atMs);
    // Just so far ahead that what the peer says next seems to be late.
    if (atMs === 5_000) hear(atMs + 1, 1_900_000_000_000 + atMs + 3_999);
    [node] = stepNode(node, { kind: "tick" }, atMs + 500);
    assertEquals(node.election.peers.get(from)?.alive, true, `${atMs} ms`);
  }
  assertEquals(node.election.role, "backup");
});

Deno.test("stepNode() tells once why these are the peers, and again when that changes", () => {
  const node = startNode(SETTINGS, { atMs: 0, selfId: SELF, peers: null });
  const list: NodeEvent = { kind: "members", peers: [], listed: true };
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

/** Heartbeats of three peers that mostly repeat themselves, at mostly regular times. */
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
      const whole = stepFully(node, event, atMs);
      const [next, effects] = stepNode(node, event, atMs);
      assertEquals([next, effects], whole);
      if (event.kind === "heard" && next.aim === node.aim) shortCount += 1;
      node = next;
    };
    // The short way is for those that are heard steadily.
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
        ...WELL_TRAILER,
        holds: (flags & 1) !== 0,
        leaving: (flags & 2) !== 0,
        unable: (flags & 4) !== 0,
        hearsYou: (flags & 8) === 0,
        sequence: 1_900_000_000_000 + atMs,
      };
      const { elasticIp } = SETTINGS;
      const heartbeat = { priority, elasticIp, id: idOf(peer), trailer: plain ? null : trailer };
      step({ kind: "heard", from: `10.0.0.${peer}`, heartbeat });
    }
  }));
  assert(shortCount > 100, `${shortCount} times the short way`);
});
