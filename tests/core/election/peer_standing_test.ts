// What a peer may know of this node: each thing that it was told, until it must have heard the next one.
import { assert, assertEquals } from "@std/assert";
import { told, unheard, unresolved } from "../../../src/core/election/peer.ts";
import type { Advert } from "../../../src/core/heartbeat.ts";
import { HEALTHY_ADVERT } from "../../support/election_fixtures.ts";

const SELF = "00000001-0000-4000-8000-000000000001";
const STANDING = { unhealthy: false, keeps: false, priority: 10, id: SELF, holds: false };

Deno.test("told() keeps what each heartbeat has said of rank and hold, and when that ended", () => {
  const say = (
    before: ReturnType<typeof unheard>,
    more: Partial<Advert>,
    atMs: number,
    id = SELF,
  ) => told(before, { ...HEALTHY_ADVERT, ...more }, { id, atMs });
  const first = say(unheard(unresolved("10.0.0.7")), {}, 1_000);
  assertEquals(first.knowsUs, [{ ...STANDING, untilMs: Infinity }]);
  assert(say(first, { leaving: true, unable: true, intervalMs: 9 }, 2_000) === first);
  const rows: ReadonlyArray<readonly [Partial<Advert>, Partial<typeof STANDING>, string?]> = [
    [{ holds: true }, { holds: true }],
    [{ priority: 11 }, { priority: 11 }],
    // A node that stands back, and one that is not healthy, say 255; an unhealthy node's rank is its own.
    [{ priority: 255 }, { priority: 255 }],
    [{ priority: 255, unhealthy: true }, { unhealthy: true }],
    [{ priority: 0 }, { keeps: true }],
    [{}, { id: "another" }, "another"],
  ];
  for (const [more, changed, id] of rows) {
    assertEquals(say(first, more, 3_000, id).knowsUs, [
      { ...STANDING, untilMs: 3_000 },
      { ...STANDING, ...changed, untilMs: Infinity },
    ]);
  }
});

Deno.test("told() forgets the oldest of more than eight", () => {
  let peer = unheard(unresolved("10.0.0.7"));
  for (let priority = 1; priority <= 10; priority++) {
    peer = told(peer, { ...HEALTHY_ADVERT, priority }, { id: SELF, atMs: priority });
  }
  assertEquals(peer.knowsUs.map((each) => each.priority), [3, 4, 5, 6, 7, 8, 9, 10]);
  assertEquals(peer.knowsUs.map(({ untilMs }) => untilMs), [4, 5, 6, 7, 8, 9, 10, Infinity]);
});
