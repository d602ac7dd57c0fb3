// The answers of --listen-status, request by request, without a socket.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ANSWERS_PER_SECOND, TokenBucket } from "../../src/status/token_bucket.ts";
import { OVERDUE_MAX_MS, stuckBecause, unreadyBecause } from "../../src/status/liveness.ts";
import type { Snapshot } from "../../src/status/snapshot.ts";
import { loadStatusPage } from "../../src/status/html_page.ts";
import { StatusGate } from "../../src/status/http_gate.ts";
import { statusRoutes } from "../../src/status/routes.ts";
import { noHistory } from "../support/browser.ts";
import { NodeFixture } from "../support/node_fixture.ts";
import { VirtualClock } from "../support/clock.ts";

/** A server for a master that has run for 10 s; the clock stands still unless the test moves it. */
function serve({ loopback = true } = {}) {
  const played = new NodeFixture();
  played.until(10_000);
  const clock = new VirtualClock({ leaps: true });
  const state: { snapshot: Snapshot } = { snapshot: played.snapshot() };
  const handler = statusRoutes({
    clock,
    snapshot: () => state.snapshot,
    history: () => noHistory(state.snapshot),
    vitals: () => state.snapshot,
    page: loadStatusPage(),
    loopback,
  });
  const get = async (path: string, init: RequestInit = {}, host = "127.0.0.1:9311") => {
    const response = await handler(new Request(`http://${host}${path}`, init));
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return { state, clock, get };
}

Deno.test("statusRoutes() answers GET and HEAD of its five paths, and nothing else", async () => {
  const { get } = serve();
  for (const path of ["/", "/status.json", "/metrics", "/healthz", "/readyz"]) {
    assertEquals((await get(path)).status, 200, path);
    assertEquals((await get(path, { method: "HEAD" })).status, 200, path);
    const { status, headers } = await get(path, { method: "POST", body: "x" });
    assertEquals([status, headers.get("allow")], [405, "GET, HEAD"], path);
  }
  for (
    const path of ["/x", "/metrics/", "/status_page/page.js", "//", "/constructor", "/__proto__"]
  ) {
    assertEquals((await get(path)).status, 404, path);
  }
});

Deno.test("statusRoutes() gives the snapshot as JSON, not to be kept", async () => {
  const { get, state } = serve();
  const { text, headers } = await get("/status.json");
  assertEquals(JSON.parse(text), state.snapshot);
  assertEquals(headers.get("cache-control"), "no-store");
  assertEquals(headers.get("content-type"), "application/json; charset=utf-8");
});

Deno.test("statusRoutes() lets a browser run the page's own scripts, and nothing else", async () => {
  const { get } = serve();
  const { text, headers } = await get("/");
  const policy = headers.get("content-security-policy") ?? "";
  const digests = "'sha256-[^']+' 'sha256-[^']+'";
  const wanted = `^default-src 'none'; style-src ${digests}; script-src ${digests}; `;
  assertMatch(policy, new RegExp(wanted));
  const json = await get("/history.json");
  assertEquals(json.headers.get("content-type"), "application/json; charset=utf-8");
  assertEquals(JSON.parse(json.text).version, 1);
  assert(!/unsafe|\*|https?:/.test(policy), policy);
  assert(!/<(script|link)[^>]* (src|href)="(?!data:)/.test(text), "nothing is outside of it");
  assert(!/ style=| on\w+="/.test(text), "nothing that the policy would forbid");
});

Deno.test("statusRoutes() on loopback answers to names of this machine only", async () => {
  const local = serve().get;
  for (const host of ["127.0.0.1:9311", "localhost:9311", "[::1]:9311"]) {
    assertEquals((await local("/status.json", {}, host)).status, 200, host);
  }
  const { status, text } = await local("/status.json", {}, "rebound.example:9311");
  assertEquals([status, text.includes("198.51.100.50")], [421, false]);
  const exposed = serve({ loopback: false }).get;
  assertEquals((await exposed("/status.json", {}, "node-1.example:9311")).status, 200);
});

Deno.test("StatusGate limits answers of every kind, and repeats a verdict as often as it is asked for", () => {
  const clock = new VirtualClock();
  const gate = new StatusGate(clock);
  const admitted = (line: string, count = 4 * ANSWERS_PER_SECOND) => {
    const all = Array.from({ length: count }, () => gate.admit(line));
    const answers = all.filter((each) => each === "answer").length;
    return { answers, closed: all.filter((each) => each === "close").length, all };
  };
  const lines = ["GET /metrics HTTP/1.1", "GET /x HTTP/1.1", "", "POST /healthz HTTP/1.1"];
  for (const line of lines) {
    const { answers, closed, all } = admitted(line);
    assertEquals([answers, closed], [ANSWERS_PER_SECOND, 2 * ANSWERS_PER_SECOND], line);
    const busy = new TextDecoder().decode(all[ANSWERS_PER_SECOND] as Uint8Array);
    assertMatch(
      busy,
      /^HTTP\/1\.1 503 \r\n(.+\r\n)*retry-after: 1\r\n(.+\r\n)*\r\ntoo many requests/,
    );
    // In the same second no other request is served either, except a supervisor's.
    for (const other of lines) assertEquals(gate.admit(other), "close", `${line} then ${other}`);
    assertEquals(gate.admit("GET /healthz HTTP/1.1"), "answer");
    clock.skip(1_000);
  }
  gate.remember("/healthz", null);
  gate.remember("/readyz", "it was told to stop");
  const probes = ["GET /healthz HTTP/1.1", "GET /readyz HTTP/1.0"].map((line) => admitted(line));
  const texts = probes.map(({ all }) => new TextDecoder().decode(all.at(-1) as Uint8Array));
  assertEquals(probes.map(({ closed }) => closed), [0, 0]);
  assertEquals(probes.reduce((sum, { answers }) => sum + answers, 0), ANSWERS_PER_SECOND);
  assertMatch(texts[0] ?? "", /^HTTP\/1\.1 200 [^]*\r\n\r\nok\n$/);
  assertMatch(texts[1] ?? "", /^HTTP\/1\.1 503 [^]*\r\n\r\nit was told to stop\n$/);
  clock.skip(40);
  assertEquals(typeof gate.admit("GET /healthz HTTP/1.1"), "object", "the last verdict is fresh");
});

Deno.test("a verdict that is too old is not repeated", () => {
  const clock = new VirtualClock();
  const gate = new StatusGate(clock);
  gate.remember("/healthz", null);
  clock.skip(1_001);
  const all = Array.from({ length: 50 }, () => gate.admit("GET /healthz HTTP/1.1"));
  assertEquals(all.every((each) => each === "answer"), true);
});

Deno.test("statusRoutes() writes no character that steers a terminal, in JSON and metrics", async () => {
  const { get, state } = serve();
  const strange = "web\u202e\u0007\u0085\u2028\u{e0001}\ud800\n";
  const [check] = [{ name: strange, state: "failing", reason: strange }];
  state.snapshot = {
    ...state.snapshot,
    checks: [{ ...state.snapshot.checks[0], ...check } as never],
    instanceId: strange,
  };
  for (const path of ["/status.json", "/metrics"]) {
    const { text } = await get(path);
    assertMatch(text, /web/, path);
    assertEquals(/[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|[^\P{Cc}\n]/u.exec(text), null, path);
    if (path === "/status.json") assertEquals(JSON.parse(text).instanceId, strange);
  }
});

Deno.test("/healthz fails when the loop is stuck, not when the node is backup or without cloud", async () => {
  const { get, state, clock } = serve();
  const [address] = state.snapshot.addresses;
  state.snapshot = {
    ...state.snapshot,
    phase: "starting",
    addresses: [{ ...address!, role: "backup", cloudReachable: false, holding: null }],
  };
  assertEquals((await get("/healthz")).status, 200);
  const { loop } = state.snapshot;
  state.snapshot = { ...state.snapshot, loop: { ...loop, overdueMs: 10_000 } };
  assertEquals((await get("/healthz")).status, 200);
  state.snapshot = { ...state.snapshot, loop: { ...loop, overdueMs: OVERDUE_MAX_MS + 1 } };
  const stuck = await get("/healthz");
  assertEquals(stuck.status, 503);
  assertMatch(stuck.text, /^the loop is 10 s overdue, at most 10 s are allowed\n$/);
  state.snapshot = { ...state.snapshot, loop: { ...loop, listening: false } };
  assertMatch((await get("/healthz")).text, /^the socket is not read any more/);
  assertEquals(clock.sleptMs, [0, 0, 0, 0], "a loop that is only late has its turn first");
});

Deno.test("who is not ready because the store of its lease is silent says so", () => {
  const loop = { overdueMs: 0, listening: true };
  const starting = { phase: "starting", addresses: [], loop } as const;
  assertEquals(
    unreadyBecause({ ...starting, storeSilent: true }),
    "the store of the lease has not answered yet",
  );
  assertMatch(unreadyBecause({ ...starting, storeSilent: false }) ?? "", /^the first election/);
});

Deno.test("/readyz fails until the first election is over, and once the end has begun", async () => {
  const { get, state } = serve();
  for (const [phase, wanted] of [["starting", 503], ["running", 200], ["stopping", 503]] as const) {
    state.snapshot = { ...state.snapshot, phase };
    assertEquals((await get("/readyz")).status, wanted, phase);
    assertEquals((await get("/healthz")).status, 200);
  }
  const late = { overdueMs: 60_000, listening: true };
  const stuck = { phase: "running", addresses: [], loop: late } as const;
  assertEquals(unreadyBecause(stuck), stuckBecause(stuck));
  const [address] = state.snapshot.addresses;
  const unavailable = "it was released";
  state.snapshot = {
    ...state.snapshot,
    phase: "running",
    addresses: [{ ...address!, unavailable }],
  };
  const { status, text } = await get("/readyz");
  assertEquals([status, text], [503, "nobody can have 198.51.100.50: it was released\n"]);
  assertEquals((await get("/healthz")).status, 200);
});

Deno.test("TokenBucket gives so many at once, then as time passes", () => {
  const clock = new VirtualClock({ nowMs: 5_000 });
  const bucket = new TokenBucket(clock);
  const taken = () => Array.from({ length: 100 }, () => bucket.take()).filter(Boolean).length;
  assertEquals(taken(), ANSWERS_PER_SECOND);
  clock.skip(100);
  assertEquals(taken(), ANSWERS_PER_SECOND / 10);
  clock.skip(3_600_000);
  assertEquals(taken(), ANSWERS_PER_SECOND);
});
