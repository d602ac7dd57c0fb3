// Which heartbeats leave, their targets, and their content.
import { assert, assertEquals } from "@std/assert";
import type { Election } from "../../../src/core/election/state.ts";
import { startNode } from "../../../src/core/node/step.ts";
import { type Peer, unheard, unresolved } from "../../../src/core/election/peer.ts";
import { answerTo, someoneJoined, speak } from "../../../src/core/node/speak.ts";
import { flight } from "../../support/held_address.ts";
import { HEALTHY_TRAILER, NODE_SETTINGS } from "../../support/node_settings.ts";
import type { Node, NodeEffect } from "../../../src/core/node/state.ts";

const SELF = "00000001-0000-4000-8000-000000000005";
/** When the next heartbeat is due. */
const DUE_MS = 10_000;

const live: Peer = {
  ...unheard(unresolved("10.0.0.7")),
  heardAtMs: 9_500,
  alive: true,
  priority: 20,
  trailer: HEALTHY_TRAILER,
};
const PROOF = { run: 7n, sequence: 0, sinceMs: 0, freshAtMs: 0, freshSequence: 0 };
const MET = { run: 8n, sequence: 20, sinceMs: 9_900, answeredAtMs: 0 };
const silent = unheard(unresolved("10.0.0.8"));

/** A node that has settled with one live peer and a silent one, and has sent its current heartbeats. */
function node(different: Partial<Election> = {}, rest: Partial<Node> = {}): Node {
  const start = startNode(NODE_SETTINGS, { atMs: 0, selfId: SELF, peers: [] });
  const peers = new Map([live, silent].map((peer) => [peer.address, peer]));
  const election = { ...start.election, peers, heartbeatAtMs: DUE_MS, ...different };
  return { ...start, election, ...rest };
}

function sends(spoken: [Node, NodeEffect[]]): string[] {
  return spoken[1].flatMap((effect) =>
    effect.kind === "send" ? `${effect.to}${effect.hearsYou ? "" : " unheard"}` : []
  );
}

const BOTH = ["10.0.0.7", "10.0.0.8 unheard"];
function at(state: Node, atMs: number, joined = false): [Node, NodeEffect[]] {
  const effects: NodeEffect[] = [];
  return [speak(state, { atMs, effects, joined, answered: null }), effects];
}

Deno.test("speak() tells all peers at each interval, whether they are heard and whether not", () => {
  assertEquals([sends(at(node(), DUE_MS - 1)), sends(at(node(), DUE_MS))], [[], BOTH]);
  assertEquals(at(node(), DUE_MS - 1)[0].election.heartbeatAtMs, DUE_MS);
});

Deno.test("speak() tells all at once what has changed, or when somebody has joined, and keeps the beat", () => {
  const [after, effects] = at(node({ priority: 9 }), 9_000);
  assertEquals([sends([after, effects]), after.said.priority], [BOTH, 9]);
  assertEquals(after.election.heartbeatAtMs, DUE_MS);
  assertEquals(sends(at(node(), 9_000, true)), BOTH);
});

Deno.test("speak() says nothing before the node knows its own id", () => {
  assertEquals(sends(at(node({ selfId: null }), DUE_MS, true)), []);
});

Deno.test("speak() says farewell three times, once", () => {
  const stopped = node({ stops: 1 }, { stoppedAtMs: 9_000 });
  const [after, effects] = at(stopped, 9_000);
  assertEquals(sends([after, effects]), [...BOTH, ...BOTH, ...BOTH]);
  assertEquals(sends(at(after, 9_001)), []);
  assertEquals(sends(at(after, DUE_MS)), BOTH);
});

Deno.test("speak() tells all once more as it exits", () => {
  const stopped = node({ stops: 1 }, { stoppedAtMs: 9_000 });
  const told = at(stopped, 9_000)[0];
  const over = { ...told, ownership: { ...told.ownership, holding: false } };
  const [after, effects] = at(over, 9_100);
  assertEquals(sends([after, effects]), BOTH);
  assertEquals(effects.at(-1), { kind: "exit", code: 0 });
});

Deno.test("speak() advertises no hold that is being given up", () => {
  const holds = (verb: "detach-self" | "attach" | null) => {
    const state = node({ holding: true });
    const inFlight = verb && flight({ verb });
    const write = { ...state.ownership.write, inFlight };
    return at({ ...state, ownership: { ...state.ownership, write } }, DUE_MS)[0].said.holds;
  };
  assertEquals([holds("detach-self"), holds("attach"), holds(null)], [false, true, true]);
  assertEquals(at(node({ holding: false }), DUE_MS)[0].said.holds, false);
});

Deno.test("speak() notes what each peer was told, and leaves the peers as they are when that is nothing new", () => {
  const told = { unhealthy: false, keeps: false, priority: 10, id: SELF, holds: false };
  const [first] = at(node(), DUE_MS);
  for (const { knowsUs } of first.election.peers.values()) {
    assertEquals(knowsUs, [{ ...told, untilMs: Infinity }]);
  }
  const [second] = at(first, DUE_MS + 1_000);
  assert(second.election.peers === first.election.peers);
  // A peer of the original format that may hold, and ranks after this node, hears of its rank only once it holds.
  const original = {
    ...live,
    trailer: null,
    knowsUs: first.election.peers.get("10.0.0.7")!.knowsUs,
  };
  const peers = new Map([[original.address, original], [silent.address, silent]]);
  const holdless = { ...first, election: { ...first.election, peers, holding: false } };
  const [third] = at(holdless, DUE_MS + 2_000);
  const known = (address: string) => third.election.peers.get(address)?.knowsUs;
  assertEquals(known("10.0.0.7"), [
    { ...told, untilMs: DUE_MS + 2_000 },
    { ...told, priority: 255, untilMs: Infinity },
  ]);
  assertEquals(known("10.0.0.8"), [{ ...told, untilMs: Infinity }]);
});

Deno.test("answerTo() has an answer for a peer alone, and none before the node knows its own id", () => {
  const echo = { run: 7n, sequence: 3 };
  const to = (state: Node, address: string) => answerTo(state, address, { atMs: 9_000, echo });
  assertEquals(to(node(), "10.0.0.7").map((each) => each.kind === "send" && each.echo), [echo]);
  assertEquals(
    answerTo(node(), "10.0.0.7", { atMs: 9_000 }).map((each) => each.kind === "send" && each.echo),
    [null],
  );
  assertEquals(to(node(), "10.0.0.66"), []);
  assertEquals(to(node({ selfId: null }), "10.0.0.7"), []);
});

Deno.test("speak() echoes on a silent path what came on the other one", () => {
  const same = { instanceId: "i-7" };
  const proof = (sequence: number) => ({ ...PROOF, sequence });
  const echoes = (inside: Partial<Peer>, outside: Partial<Peer> = {}) => {
    const paths = [
      { ...live, ...same, proof: proof(40), ...outside },
      { ...live, ...same, address: "10.1.0.7", alive: false, ...inside },
    ];
    const peers = new Map(paths.map((path) => [path.address, path]));
    return at(node({ peers, repeated: true }), DUE_MS)[1].flatMap((effect) =>
      effect.kind === "send" ? [effect.echo?.sequence ?? null] : []
    );
  };
  assertEquals(echoes({}), [40, 40]);
  assertEquals(echoes({ proof: proof(30) }), [40, 40], "its own is old");
  assertEquals(echoes({ alive: true, proof: proof(30) }), [40, 30], "both are heard");
  assertEquals(echoes({ alive: true }), [40, 40], "nothing signed came on it");
  assertEquals(echoes({ met: [MET] }), [40, 20], "a process that wants proof on this path");
  assertEquals(echoes({ proof: proof(30) }, { alive: false }), [40, 30], "neither is heard");
});

Deno.test("speak() beats as before for a while when its interval gets longer", () => {
  const previousInterval = { intervalMs: 200, untilMs: DUE_MS };
  const next = (atMs: number, heartbeatAtMs: number) =>
    at(node({ previousInterval, heartbeatAtMs }), atMs)[0].election.heartbeatAtMs;
  assertEquals([next(9_999, 9_999), next(10_000, 10_000)], [10_199, 11_000]);
});

Deno.test("speak() also tells another machine with its id, once that is certain and no peer", () => {
  const twin = { address: "10.0.0.9", firstAtMs: 0, certain: true, mark: null, untilMs: 99_000 };
  assertEquals(sends(at(node({ twin }), DUE_MS)), [...BOTH, "10.0.0.9"]);
  assertEquals(sends(at(node({ twin: { ...twin, certain: false } }), DUE_MS)), BOTH);
  assertEquals(sends(at(node({ twin: { ...twin, address: "10.0.0.7" } }), DUE_MS)), BOTH);
});

Deno.test("someoneJoined() is true for a peer to whom nothing was sent yet, and for the own id", () => {
  const before = node();
  const joined = (different: Partial<Election>) => someoneJoined(before, node(different));
  const peers = (...all: Peer[]) => ({ peers: new Map(all.map((peer) => [peer.address, peer])) });
  assertEquals(someoneJoined(before, before), false);
  assertEquals(joined({ selfId: SELF.replace("5", "6") }), true);
  assertEquals(joined(peers(live, silent)), false);
  assertEquals(joined(peers(live)), false, "one has left");
  assertEquals(joined(peers(live, { ...silent, address: "10.0.0.9" })), true);
});
