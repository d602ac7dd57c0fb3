// One node, step by step, where a whole story would say too little.
import { assertEquals } from "@std/assert";
import { type Node, type NodeEvent, startNode, stepNode } from "../src/core/node.ts";

const SELF = "00000001-0000-4000-8000-000000000005";
const SETTINGS = {
  elasticIp: "198.51.100.50",
  priority: 2,
  intervalMs: 1_000,
  deadRatio: 3,
  exclusive: false,
  preemptDelayMs: 0,
  handoverTimeoutMs: 10_000,
  reconcileMs: 30_000,
};

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
