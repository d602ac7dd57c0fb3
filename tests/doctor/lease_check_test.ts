// What the doctor says about the store of the lease, by what its endpoints showed.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { judgeLease, type LeaseContext } from "../../src/doctor/checks/lease.ts";
import { advised } from "../../src/doctor/checks/lease_advice.ts";
import type { Examined } from "../../src/leases/etcd/examine.ts";
import { StoreError } from "../../src/leases/store_error.ts";

const NOW_MS = Date.UTC(2026, 0, 1, 12);
const CONTEXT: LeaseContext = {
  ttlMs: 9_000,
  prefix: "/exoip",
  elasticIps: ["198.51.100.50"],
  members: new Set(["self", "peer"]),
  wallMs: NOW_MS,
};

function endpoint(more: Partial<Examined> = {}): Examined {
  const sights = [{ record: null, candidates: [], version: 1 }];
  return {
    endpoint: "https://etcd:2379",
    tookMs: 3.2,
    cluster: null,
    sights,
    writing: null,
    ...more,
  };
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
    "ok the keys below /exoip/ (--lease-prefix) may be read and written",
    "ok nobody has the lease of 198.51.100.50",
  ]);
  assertMatch(said([endpoint(held("peer"))])[2] ?? "", /^ok edge-2 \(peer\) has .* for 60 s/);
});

Deno.test("one silent endpoint is a warning, all of them a failure", () => {
  const dead = endpoint({ sights: [silent("https://b:2379")], tookMs: Infinity });
  assertMatch(
    said([endpoint(), dead])[0] ?? "",
    /^warn .*b:2379: connection refused \[unreachable\]: look .*; the others/,
  );
  assertEquals(said([dead]), [
    "FAIL no endpoint of the store can be used: nobody can have the lease",
  ]);
  const [result] = judgeLease([dead], CONTEXT);
  assertEquals(result?.details, [
    "etcd at https://b:2379: connection refused [unreachable]: look at the store's members, and at " +
    "names, routes and firewalls on the way to them",
  ]);
});

Deno.test("a slow store, and one that may not be written", () => {
  assertMatch(said([endpoint({ tookMs: 1_500 })])[0] ?? "", /^warn .*1\.5 s, wanted at most 1 s/);
  const writing = new StoreError("denied", "etcd at x as user edge: permission denied");
  const [, rights] = judgeLease([endpoint({ writing })], CONTEXT);
  assertEquals([rights?.mark, rights?.text], [
    "FAIL",
    "the keys below /exoip/ (--lease-prefix) may not be written",
  ]);
  assertEquals(rights?.details, [
    `${writing.message} [denied]: let a role of the user read and write all keys below /exoip/ ` +
    "(--lease-prefix): etcdctl role grant-permission ROLE --prefix=true readwrite /exoip/",
  ]);
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
  assertEquals(said([endpoint({ sights: [foreign] })])[2], `FAIL ${foreign.message} [odd-answer]`);
});

Deno.test("endpoints of two clusters are a failure that names each", () => {
  const [first, second] = ["a", "b"].map((name) =>
    endpoint({ endpoint: `https://${name}:2379`, cluster: `c0${name}` })
  );
  assertEquals(
    said([first!, { ...first!, endpoint: "https://c:2379" }])[0],
    "ok https://a:2379 answers in 4 ms",
  );
  const [result] = judgeLease([first!, second!], CONTEXT);
  assertEquals([result?.mark, result?.details], ["FAIL", [
    "https://a:2379 is of cluster c0a",
    "https://b:2379 is of cluster c0b",
  ]]);
});

Deno.test("an endpoint that is no etcd has no speed", () => {
  const other = new StoreError("odd-answer", "etcd at https://b:2379: odd answer: it is not JSON");
  const strange = endpoint({ endpoint: "https://b:2379", tookMs: Infinity, sights: [other] });
  const [first, ...others] = said([endpoint(), strange]);
  assertMatch(first ?? "", /^warn .*not JSON \[odd-answer\]: check the addresses in --lease/);
  assertEquals(others.filter((text) => /b:2379|without end/.test(text)), []);
});

Deno.test("what an error of the store says to do", () => {
  const rows: readonly (readonly [StoreError["kind"], string, RegExp])[] = [
    ["unreachable", "etcd at http://a:1: connection broke off", /give https:\/\/ in --lease/],
    ["tls", "etcd at https://a:1: it does not speak TLS", /give http:\/\/ in --lease/],
    ["tls", "x: TLS certificate not accepted (UnknownIssuer)", /--ca-file/],
    ["tls", "x: TLS handshake refused (BadCertificate)", /check --lease-cert-file/],
    ["denied", "x without a user: etcdserver: user name is empty", /give --lease-user/],
    ["denied", "x as user u: authentication failed, invalid user ID or password", /password-file/],
    ["unavailable", "etcd at https://a:1: connection closed", /clientAuth/],
    ["unavailable", "x: etcdserver: request timed out", /more than half of its members/],
    ["unavailable", "x: etcdserver: mvcc: database space exceeded", /have space/],
  ];
  for (const [kind, message, wanted] of rows) {
    const text = advised(new StoreError(kind, message), "/exoip");
    assert(text.startsWith(`${message} [${kind}]: `), text);
    assertMatch(text, wanted);
  }
});
