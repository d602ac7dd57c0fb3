// For how long a peer must be heard: to be given up to, to end a death, and to have its deaths forgotten.
import { assertEquals } from "@std/assert";
import { close, nextEviction, spare } from "../../../src/core/ownership/evictions.ts";
import { longLived, revived, steady } from "../../../src/core/election/life.ts";
import { type Peer, unheard, unresolved } from "../../../src/core/election/peer.ts";
import { NODE_SETTINGS } from "../../support/node_settings.ts";

const STATE = { settings: NODE_SETTINGS };

/** One that has lived that long and died so often. */
function peerOf(lifeMs: number, deaths: number, more: Partial<Peer> = {}): Peer {
  const heard = { alive: true, aliveSinceMs: 10_000, heardAtMs: 10_000 + lifeMs, deaths };
  return { ...unheard(unresolved("10.0.0.7")), ...heard, ...more };
}

Deno.test("a peer counts after a dead time, and after each death after twice as long, up to 32", () => {
  const rows = [
    // Deaths, dead times to be given up to, dead times to live again.
    [0, 1, 1],
    [1, 1, 2],
    [2, 2, 4],
    [3, 4, 8],
    [5, 16, 32],
    [6, 32, 32],
    [100, 32, 32],
  ] as const;
  for (const [deaths, forGivingUp, forLiving] of rows) {
    const of = (test: typeof steady, ms: number) => test(peerOf(ms, deaths), STATE);
    assertEquals([forGivingUp * 3_000 - 1, forGivingUp * 3_000].map((ms) => of(steady, ms)), [
      false,
      true,
    ]);
    assertEquals([forLiving * 3_000 - 1, forLiving * 3_000].map((ms) => of(revived, ms)), [
      false,
      true,
    ]);
  }
  assertEquals([64 * 3_000 - 1, 64 * 3_000].map((ms) => longLived(peerOf(ms, 3), STATE)), [
    false,
    true,
  ]);
});

Deno.test("a proved signature counts at once, silence never", () => {
  const proof = { run: 1n, sequence: 1, sinceMs: 0, freshAtMs: 0, freshSequence: 1 };
  assertEquals(revived(peerOf(0, 100, { proof }), STATE), true);
  assertEquals(revived(peerOf(1e9, 0, { proof, alive: false }), STATE), false);
});

Deno.test("nothing is taken from a peer that is heard, whatever is on record", () => {
  const holders = [{ instanceId: "a", off: true }];
  const next = (alive: string[]) =>
    nextEviction(spare(new Map(), "a", 0), { holders, alive, heldAtMs: 10 })?.instanceId;
  assertEquals([next([]), next(["a"])], ["a", undefined]);
  assertEquals(nextEviction(close(new Map(), "a", 0), { holders, alive: [], heldAtMs: 10 }), null);
});
