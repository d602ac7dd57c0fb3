// Datagrams against the codec and a whole node: random bytes, and valid datagrams of every form with some bytes
// changed.
import { assert, assertEquals } from "@std/assert";
import {
  decode,
  encode,
  hasSignature,
  type Heartbeat,
  type Trailer,
} from "../../../src/core/heartbeat.ts";
import { accept } from "../../../src/core/election/accept.ts";
import { nodeWakeAtMs, startNode, stepNode } from "../../../src/core/node/step.ts";
import { NODE_SETTINGS } from "../node_settings.ts";
import { type Target, target } from "./target.ts";
import type { Node } from "../../../src/core/node/state.ts";
import fc from "fast-check";

const SELF = "00000001-0000-4000-8000-000000000001";
const PEER = "00000001-0000-4000-8000-000000000002";
const PEER_ADDRESS = "203.0.113.12";
/** Run of the node. */
const RUN = 0x0123456789abcdefn;
/** Most strangers that a node remembers. */
const STRANGERS_MAX = 64;

const runs = fc.oneof(
  fc.constantFrom(1n, RUN, 2n ** 64n - 1n),
  fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
);
const sequences = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER));
const stamps = fc.record({
  run: runs,
  echo: fc.option(fc.record({ run: runs, sequence: fc.oneof(sequences, fc.nat(1e8)) })),
});
const trailers: fc.Arbitrary<Trailer> = fc.record({
  holds: fc.boolean(),
  leaving: fc.boolean(),
  unable: fc.boolean(),
  unhealthy: fc.boolean(),
  ownPriority: fc.integer({ min: 0, max: 255 }),
  intervalMs: fc.constant(null),
  hearsYou: fc.boolean(),
  keyId: fc.integer({ min: 0, max: 255 }),
  sequence: sequences,
  stamp: fc.option(stamps),
});
const known: fc.Arbitrary<Heartbeat> = fc.record({
  priority: fc.integer({ min: 0, max: 255 }),
  elasticIp: fc.oneof(fc.constant(NODE_SETTINGS.elasticIp), fc.ipV4()),
  id: fc.oneof(fc.constantFrom(SELF, PEER), fc.uuid()),
  trailer: fc.option(trailers),
});
/** A valid datagram, with a random signature if there is room for one. */
const valid = fc.tuple(known, fc.uint8Array({ minLength: 32, maxLength: 32 }))
  .map(([heartbeat, signature]) => {
    const bytes = encode(heartbeat);
    if (hasSignature(bytes)) bytes.set(signature, bytes.length - signature.length);
    return bytes;
  });
const changes = fc.array(fc.tuple(fc.nat(130), fc.nat(255)), { maxLength: 4 });
/** The datagrams. */
export const datagrams: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 130 }) },
  { weight: 1, arbitrary: valid },
  {
    weight: 3,
    arbitrary: fc.tuple(valid, changes, fc.integer({ min: -40, max: 40 })).map(
      ([bytes, changed, longer]) => {
        const length = Math.max(0, bytes.length + (longer % 2 === 0 ? 0 : longer));
        const mutated = new Uint8Array(length);
        mutated.set(bytes.subarray(0, length));
        for (const [at, value] of changed) if (at < length) mutated[at] = value;
        return mutated;
      },
    ),
  },
);

/** `decode()` alone. */
export const codec: Target = target(
  "datagram",
  "decode() refuses by name, or gives what encode() would write again",
  [datagrams, (bytes) => {
    const before = bytes.slice();
    const decoded = decode(bytes);
    assertEquals(bytes, before, "the input is left as it is");
    if ("refused" in decoded) return void assert(/^[a-z-]+$/.test(decoded.refused));
    assertEquals(decode(encode(decoded)), decoded);
  }],
);

const arrivals = fc.array(
  fc.record({
    bytes: datagrams,
    from: fc.oneof(fc.constantFrom(PEER_ADDRESS, "203.0.113.13"), fc.ipV4()),
    laterMs: fc.oneof(fc.constant(0), fc.nat(2_500)),
  }),
  { maxLength: 80 },
);

/** A node that receives the datagrams. */
export const wholeNode: Target = target(
  "node",
  "a node that hears anything keeps its bounds, its peers and its deadlines",
  [fc.tuple(fc.boolean(), fc.boolean(), arrivals), ([inPeerList, signs, datagrams]) => {
    const peers = [{ address: PEER_ADDRESS, instanceId: PEER, wireId: inPeerList ? PEER : null }];
    let atMs = 1_000;
    const run = signs ? RUN : null;
    let node = startNode(NODE_SETTINGS, {
      atMs,
      selfId: SELF,
      run,
      peers: inPeerList ? null : peers,
    });
    if (inPeerList) [node] = stepNode(node, { kind: "members", peers, inPeerList: true }, atMs);
    for (const { bytes, from, laterMs } of datagrams) {
      const endAtMs = atMs + laterMs;
      for (let steps = 0; nodeWakeAtMs(node) <= endAtMs && steps < 1_000; steps++) {
        atMs = Math.max(atMs, nodeWakeAtMs(node));
        node = checked(node, stepNode(node, { kind: "tick" }, atMs), atMs);
      }
      atMs = endAtMs;
      const heartbeat = decode(bytes);
      if ("refused" in heartbeat) continue;
      const heard = { from, heartbeat, signed: signs && hasSignature(bytes) };
      node = checked(node, stepNode(node, accept(node.election, heard, atMs), atMs), atMs);
      for (const { met } of node.election.peers.values()) assert(met.length <= 8, "few runs");
    }
  }],
);

function checked(before: Node, [node, effects]: ReturnType<typeof stepNode>, atMs: number): Node {
  const { election, membership } = node;
  assertEquals([...election.peers.keys()], [...before.election.peers.keys()], "the same peers");
  assert(membership.strangers.size <= STRANGERS_MAX, `${membership.strangers.size} strangers`);
  assert(effects.length <= 40, `${effects.length} effects of one event`);
  assert(nodeWakeAtMs(node) > atMs, `wakes at ${nodeWakeAtMs(node)}, now is ${atMs}`);
  assert(election.priority === NODE_SETTINGS.priority, "nobody else changes our priority");
  for (const effect of effects) {
    if (effect.kind === "send") assertEquals(effect.to, PEER_ADDRESS, "nobody else is spoken to");
    assert(effect.kind !== "exit", "nobody else ends us");
  }
  return node;
}
