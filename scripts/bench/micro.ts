// The hot functions alone, in ns per call: the cost of a heartbeat apart from its system calls.
import { decode, encode, type Heartbeat } from "../../src/core/heartbeat.ts";
import { accept } from "../../src/core/election/accept.ts";
import { nodeWakeAtMs, startNode, stepNode } from "../../src/core/node/step.ts";
import type { PeerIdentity } from "../../src/core/election/peer.ts";
import { simUuid } from "../../tests/support/cloud/model.ts";
import type { Case, Figure, Size } from "./figure.ts";
import { HEALTHY_TRAILER } from "../../tests/support/node_settings.ts";
import type { Node, NodeEvent } from "../../src/core/node/state.ts";

const ELASTIC_IP = "198.51.100.50";
/** A sample has as many calls as fit into this time, because the clock is accurate to a µs. */
const SAMPLE_MS = 15;
const SAMPLES = 15;

function heartbeat(sequence: number): Heartbeat {
  const trailer = { ...HEALTHY_TRAILER, sequence };
  return { priority: 20, elasticIp: ELASTIC_IP, id: simUuid(1, 1), trailer };
}

/** Samples of ns per call; a warm-up gives the compiler time first. */
function time(work: (call: number) => unknown, size: Size): number[] {
  const run = (calls: number) => {
    const beganMs = performance.now();
    for (let call = 0; call < calls; call++) work(call);
    return performance.now() - beganMs;
  };
  const sampleMs = size.spanMs(SAMPLE_MS);
  let calls = 100;
  for (let tookMs = 0; tookMs < sampleMs && calls < 1e7;) {
    tookMs = run(calls);
    if (tookMs < sampleMs) calls *= 2;
  }
  return Array.from({ length: size.runs(SAMPLES) }, () => run(calls) * 1e6 / calls);
}

/** An idle node: every peer heard, the hold-off over, nothing to do in the cloud. */
function nodeAtRest(count: number): { node: Node; peers: PeerIdentity[]; atMs: number } {
  const peers = Array.from({ length: count }, (_, index) => ({
    address: `127.0.0.${index + 1}`,
    instanceId: simUuid(1, index + 1),
    wireId: simUuid(1, index + 1),
  }));
  const settings = {
    elasticIp: ELASTIC_IP,
    priority: 50,
    intervalMs: 1_000,
    deadRatio: 3,
    exclusive: false,
    preemptDelayMs: 0,
    handoverTimeoutMs: 10_000,
    moveLimit: null,
    reconcileMs: 300_000,
  };
  let node = startNode(settings, { atMs: 0, selfId: simUuid(1, 999), peers });
  const step = (event: NodeEvent, atMs: number) => {
    const [next, effects] = stepNode(node, event, atMs);
    node = next;
    for (const effect of effects) {
      if (effect.kind !== "call") continue;
      const { verb } = effect.call;
      const answer = verb === "prepare"
        ? {
          verb,
          holds: false,
          selfId: simUuid(1, 999),
          instanceId: simUuid(1, 999),
          addresses: [],
        }
        : { verb: "look" as const, holds: false, others: [] };
      step({ kind: "answered", id: effect.id, answer, roll: 0.5 }, atMs);
    }
  };
  let atMs = 0;
  for (; atMs < 5_000; atMs += 500) {
    for (const { address, wireId } of peers) {
      const heard = { ...heartbeat(atMs + 1), id: wireId };
      step(accept(node.election, { from: address, heartbeat: heard }, atMs), atMs);
    }
    step({ kind: "tick" }, atMs);
  }
  return { node, peers, atMs };
}

/** The figures; tests run each once, so that they keep working. */
export function micro(size: Size): Figure[] {
  const bytes = encode(heartbeat(1_800_000_000_000));
  const garbage = crypto.getRandomValues(new Uint8Array(100));
  const figures: Figure[] = [
    { title: "encode a heartbeat", unit: "ns", values: time((at) => encode(heartbeat(at)), size) },
    { title: "decode a heartbeat", unit: "ns", values: time(() => decode(bytes), size) },
    { title: "decode garbage", unit: "ns", values: time(() => decode(garbage), size) },
  ];
  for (const count of [3, 200]) {
    const { node, peers, atMs } = nodeAtRest(count);
    const [peer] = peers;
    const heard = (at: number) => ({
      from: peer?.address ?? "",
      heartbeat: { ...heartbeat(atMs + at), id: peer?.wireId ?? "" },
    });
    figures.push({
      title: `step a heartbeat, ${count} peers`,
      unit: "ns",
      values: time((at) => stepNode(node, accept(node.election, heard(at), atMs), atMs), size),
    }, {
      title: `step a tick that sends, ${count} peers`,
      unit: "ns",
      values: time(() => stepNode(node, { kind: "tick" }, node.election.heartbeatAtMs), size),
    }, {
      title: `when to wake, ${count} peers`,
      unit: "ns",
      values: time(() => nodeWakeAtMs(node), size),
    });
  }
  return figures;
}

/** Functions of the core. */
export const microCase: Case = { name: "micro", run: (size) => Promise.resolve(micro(size)) };
