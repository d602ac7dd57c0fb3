// Peers that the store lists: an election without heartbeats, stepped by hand.
import { assertEquals } from "@std/assert";
import type { Advert } from "../../../src/core/heartbeat.ts";
import { type Election, settling } from "../../../src/core/election/state.ts";
import { elect, electionWakeAtMs, startElection } from "../../../src/core/election/step.ts";
import { desiredStateOf } from "../../../src/core/election/desired_state.ts";
import { HEALTHY_ADVERT, idOf } from "../../support/election_fixtures.ts";
import { NODE_SETTINGS } from "../../support/node_settings.ts";

const SELF = idOf(5);
const HOUR_MS = 3_600_000;

function start(): Election {
  const settings = { ...NODE_SETTINGS, exclusive: true };
  return startElection(settings, { atMs: 0, selfId: SELF, peers: null, heartbeats: false });
}

/** The election after a sight with those candidates, by their numbers. */
function seen(
  before: Election,
  says: Readonly<Record<number, Partial<Advert>>>,
  { atMs = 1_000, listed = true, certain = true }: {
    atMs?: number;
    listed?: boolean;
    certain?: boolean;
  } = {},
): Election {
  const candidates = Object.entries(says).map(([number, differs]) => ({
    instanceId: idOf(Number(number)),
    name: `edge-${number}`,
    says: {
      ...HEALTHY_ADVERT,
      ...differs,
      ownPriority: differs.priority ?? HEALTHY_ADVERT.priority,
    },
  }));
  return elect(before, { kind: "candidates", candidates, listed, certain }, atMs);
}

function livesOf({ peers }: Election): [string | undefined, boolean][] {
  return [...peers.values()].map(({ name, alive }) => [name, alive]);
}

Deno.test("a node settles once the store lists it, and not by time", () => {
  let state = start();
  assertEquals([settling(state), electionWakeAtMs(state)], [true, Infinity]);
  state = elect(state, { kind: "tick" }, HOUR_MS);
  state = seen(state, { 1: { priority: 20 } }, { atMs: HOUR_MS, listed: false });
  assertEquals([settling(state), livesOf(state)], [true, [["edge-1", true]]]);
  state = seen(state, { 1: { priority: 20 } }, { atMs: HOUR_MS });
  assertEquals([settling(state), state.elected, state.reason], [false, "master", "best"]);
  // It stays settled when somebody deletes its candidate.
  state = seen(state, {}, { atMs: HOUR_MS, listed: false });
  assertEquals([settling(state), state.elected], [false, "master"]);
});

Deno.test("a listed node counts at once, in its order, with all that it says", () => {
  const cases: readonly [Partial<Advert>, "master" | "backup"][] = [
    [{}, "backup"],
    [{ priority: 5 }, "backup"],
    [{ priority: 11 }, "master"],
    [{ priority: 5, unable: true }, "master"],
    [{ priority: 255, unhealthy: true }, "master"],
    [{ priority: 255, leaving: true }, "master"],
  ];
  for (const [says, elected] of cases) {
    const state = seen(start(), { 1: says });
    assertEquals(state.elected, elected, JSON.stringify(says));
    // Candidates come with a lease.
    const lease = { owned: false, reachable: true, lost: false, owner: null };
    const { successors, heir, steady } = desiredStateOf({ ...state, lease });
    const better = elected === "backup" ? [idOf(1)] : [];
    assertEquals([successors, heir, steady], [better, better[0] ?? null, [idOf(1)]]);
  }
});

Deno.test("time alone kills no node, and a node that is not listed any more is dead at once", () => {
  let state = seen(start(), { 1: {}, 2: {} });
  state = elect(state, { kind: "tick" }, HOUR_MS);
  assertEquals([livesOf(state), electionWakeAtMs(state)], [
    [["edge-1", true], ["edge-2", true]],
    Infinity,
  ]);
  state = seen(state, { 2: {} }, { atMs: HOUR_MS });
  assertEquals(livesOf(state), [["edge-2", true], ["edge-1", false]]);
  assertEquals(desiredStateOf(state).dead.map(({ name }) => name), ["edge-1"]);
  state = seen(state, { 1: {}, 2: {} }, { atMs: HOUR_MS + 1 });
  assertEquals(livesOf(state), [["edge-1", true], ["edge-2", true]]);
});

Deno.test("a node that is not listed proves nothing while the store cannot know", () => {
  let state = seen(start(), { 1: {}, 2: { priority: 255, leaving: true } });
  state = seen(state, {}, { certain: false });
  assertEquals(livesOf(state), [["edge-1", true]], "who said that it leaves has left");
  assertEquals(state.elected, "backup");
  state = seen(state, {});
  assertEquals([livesOf(state), state.elected], [[["edge-1", false]], "master"]);
});

Deno.test("a node that leaves is gone without a death, and dead ones are forgotten in the end", () => {
  let state = seen(start(), { 1: { priority: 255, leaving: true }, 2: {} });
  state = seen(state, {}, { atMs: 2_000 });
  assertEquals(livesOf(state), [["edge-2", false]]);
  state = seen(state, {}, { atMs: HOUR_MS + 999 });
  assertEquals(livesOf(state), [["edge-2", false]]);
  state = seen(state, {}, { atMs: HOUR_MS + 1_000 });
  assertEquals(livesOf(state), []);
});

Deno.test("of very many dead the latest are shown", () => {
  const all = Object.fromEntries(Array.from({ length: 100 }, (_, number) => [number + 10, {}]));
  let state = seen(start(), { ...all, 1: {} }, { atMs: 1_000 });
  state = seen(state, { 1: {} }, { atMs: 2_000 });
  state = seen(state, {}, { atMs: 3_000 });
  assertEquals(state.peers.size, 64);
  assertEquals(state.peers.get(idOf(1))?.alive, false);
});

Deno.test("a node that slept judges nobody, and needs no hold-off", () => {
  const state = seen(start(), { 1: { priority: 20 } });
  const woken = elect({ ...state, deferUntilMs: 2_000 }, { kind: "tick" }, HOUR_MS);
  assertEquals([settling(woken), woken.reason, woken.elected], [false, "best", "master"]);
  const { settings } = state;
  const reloaded = elect(woken, { kind: "settings", settings }, HOUR_MS);
  assertEquals(electionWakeAtMs(reloaded), Infinity, "a reload begins no heartbeats");
});
