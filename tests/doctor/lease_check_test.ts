// What the doctor says about the store of the lease, by what its endpoints showed.
import { assertEquals, assertMatch } from "@std/assert";
import { judgeLease, type LeaseContext } from "../../src/doctor/checks/lease.ts";
import type { Examined } from "../../src/leases/etcd/examine.ts";
import { StoreError } from "../../src/leases/store_error.ts";

const NOW_MS = Date.UTC(2026, 0, 1, 12);
const CONTEXT: LeaseContext = {
  ttlMs: 9_000,
  elasticIps: ["198.51.100.50"],
  members: new Set(["self", "peer"]),
  wallMs: NOW_MS,
};

function endpoint(more: Partial<Examined> = {}): Examined {
  const sights = [{ record: null, candidates: [], version: 1 }];
  return { endpoint: "https://etcd:2379", tookMs: 3.2, sights, writing: null, ...more };
}

function held(instanceId: string, sinceMs = NOW_MS - 60_000): Partial<Examined> {
  const record = { instanceId, name: "edge-2", sinceWallMs: sinceMs, revision: "7" };
  return { sights: [{ record, candidates: [], version: 7 }] };
}

/** Marks and texts, in their order. */
function said(examined: readonly Examined[], context: Partial<LeaseContext> = {}): string[] {
  return judgeLease(examined, { ...CONTEXT, ...context }).map(({ mark, text }) =>
    `${mark} ${text}`
  );
}

const silent = (endpoint: string) =>
  new StoreError("unreachable", `etcd at ${endpoint}: connection refused`);

Deno.test("a store that can be used: its speed, the rights, and who has the lease", () => {
  assertEquals(said([endpoint()]), [
    "ok https://etcd:2379 answers in 4 ms",
    "ok the keys below --lease-prefix may be read and written",
    "ok nobody has the lease of 198.51.100.50",
  ]);
  assertMatch(said([endpoint(held("peer"))])[2] ?? "", /^ok edge-2 \(peer\) has .* for 60 s/);
});

Deno.test("one silent endpoint is a warning, all of them a failure", () => {
  const dead = endpoint({ sights: [silent("https://b:2379")], tookMs: Infinity });
  assertMatch(said([endpoint(), dead])[0] ?? "", /^warn .*b:2379: connection refused: the others/);
  assertEquals(said([dead]), [
    "FAIL no endpoint of the store can be used: nobody can have the lease",
  ]);
  const [result] = judgeLease([dead], CONTEXT);
  assertEquals(result?.details, ["etcd at https://b:2379: connection refused"]);
});

Deno.test("a slow store, and one that may not be written", () => {
  assertMatch(said([endpoint({ tookMs: 1_500 })])[0] ?? "", /^warn .*1\.5 s, wanted at most 1 s/);
  const writing = new StoreError("denied", "etcd at x as user edge: permission denied");
  const [, rights] = judgeLease([endpoint({ writing })], CONTEXT);
  assertEquals([rights?.mark, rights?.details], ["FAIL", [writing.message]]);
});

Deno.test("a holder that is no peer, a foreign value, and a clock that is ahead", () => {
  assertMatch(
    said([endpoint(held("stranger"))])[2] ?? "",
    /^warn edge-2 \(stranger\).* is no peer/,
  );
  assertMatch(said([endpoint(held("stranger"))], { members: null })[2] ?? "", /^ok /);
  const ahead = said([endpoint(held("peer", NOW_MS + 3_600_000))]);
  assertMatch(ahead[3] ?? "", /^warn its clock is ahead of ours by /);
  const foreign = new StoreError("odd-answer", "etcd at x: odd answer: the key has another value");
  assertEquals(said([endpoint({ sights: [foreign] })])[2], `FAIL ${foreign.message}`);
});
