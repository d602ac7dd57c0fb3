// A node's advert, field by field.
import { assertEquals } from "@std/assert";
import { type Advert, sameAdvert, trailerFor } from "../../../src/core/heartbeat.ts";
import { HEALTHY_ADVERT } from "../../support/election_fixtures.ts";

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
  assertEquals(sameAdvert(HEALTHY_ADVERT, { ...HEALTHY_ADVERT }), true);
  for (const change of CHANGES) {
    assertEquals(
      sameAdvert(HEALTHY_ADVERT, { ...HEALTHY_ADVERT, ...change }),
      false,
      JSON.stringify(change),
    );
  }
});

Deno.test("trailerFor() carries every word, and no key unless one is given", () => {
  const { priority: _, ...words } = HEALTHY_ADVERT;
  const link = { hearsYou: true, sequence: 7, stamp: null };
  for (const change of [{}, ...CHANGES]) {
    const { priority: _, ...expected } = { priority: 0, ...words, ...change };
    assertEquals(trailerFor({ ...HEALTHY_ADVERT, ...change }, link), {
      ...expected,
      ...link,
      keyId: 0,
    });
  }
  assertEquals(trailerFor(HEALTHY_ADVERT, { ...link, hearsYou: false, keyId: 3 }), {
    ...words,
    hearsYou: false,
    sequence: 7,
    stamp: null,
    keyId: 3,
  });
});
