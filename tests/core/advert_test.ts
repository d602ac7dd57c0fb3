// A node's advert, field by field.
import { assertEquals } from "@std/assert";
import { type Advert, trailerFor } from "../../src/core/heartbeat.ts";
import { sameAdvert } from "../../src/core/speak.ts";

const SAYS: Advert = {
  priority: 10,
  holds: false,
  leaving: false,
  unable: false,
  unhealthy: false,
  ownPriority: 10,
  intervalMs: 1_000,
};

const CHANGES: readonly Partial<Advert>[] = [
  { priority: 11 },
  { holds: true },
  { leaving: true },
  { unable: true },
  { unhealthy: true },
  { ownPriority: 11 },
  { intervalMs: 500 },
];

Deno.test("sameAdvert() misses no word that has changed", () => {
  assertEquals(sameAdvert(SAYS, { ...SAYS }), true);
  for (const change of CHANGES) {
    assertEquals(sameAdvert(SAYS, { ...SAYS, ...change }), false, JSON.stringify(change));
  }
});

Deno.test("trailerFor() carries every word, and no key unless one is given", () => {
  const { priority: _, ...words } = SAYS;
  const link = { hearsYou: true, sequence: 7, stamp: null };
  for (const change of [{}, ...CHANGES]) {
    const { priority: _, ...expected } = { priority: 0, ...words, ...change };
    assertEquals(trailerFor({ ...SAYS, ...change }, link), { ...expected, ...link, keyId: 0 });
  }
  assertEquals(trailerFor(SAYS, { ...link, hearsYou: false, keyId: 3 }), {
    ...words,
    hearsYou: false,
    sequence: 7,
    stamp: null,
    keyId: 3,
  });
});
