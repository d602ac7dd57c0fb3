// The calls to the store of the lease: each is counted, and one that gets no answer in time says so.
import { assertEquals } from "@std/assert";
import type { NodeEvent } from "../../src/core/node/state.ts";
import { RateLimitedLog } from "../../src/log/rate_limited_log.ts";
import { LeaseCounters } from "../../src/status/lease_counters.ts";
import { StoreError } from "../../src/leases/store_error.ts";
import type { LeaseStore } from "../../src/world.ts";
import { LeaseCalls } from "../../src/watch/lease_calls.ts";
import { VirtualClock } from "../support/clock.ts";
import { MemoryStore } from "../support/memory_store.ts";

/** A store whose readings fail. */
function failingStore(store: LeaseStore, error: Error): LeaseStore {
  return Object.assign(Object.create(store), { read: () => Promise.reject(error) });
}

/** Calls of one node to a store in memory. */
function node(failing: Error | null = null) {
  const clock = new VirtualClock({ nowMs: 1_000 });
  const store = new MemoryStore(clock, 10_000);
  const events: NodeEvent[] = [], lines: string[] = [];
  const log = {
    write: (severity: string, event: string, text: string) =>
      void lines.push(`${severity} ${event}: ${text}`),
  };
  const ending = new AbortController(), counters = new LeaseCounters();
  const calls = new LeaseCalls({
    store: failing === null ? store.clientOf("a") : failingStore(store.clientOf("a"), failing),
    clock,
    random: () => 0.5,
    limitedLog: new RateLimitedLog(log, clock),
    counters,
    ending: ending.signal,
    deliver: (event) => void events.push(event),
    claim: () => ({ instanceId: "a", wallMs: 0 }),
  });
  return { clock, store, events, lines, ending, counters, calls };
}

Deno.test("each call to the store is counted, with the time that it took", async () => {
  const { clock, calls, counters, events } = node();
  calls.begin(1, { verb: "read" }, 1_000);
  calls.begin(2, { verb: "acquire", revision: null, clean: false }, 1_000);
  await clock.pass(1_000);
  await calls.ended();
  assertEquals(events.map(({ kind }) => kind), ["store-answered", "store-answered"]);
  assertEquals(
    counters.calls.views(2_000),
    ["read", "acquire"].map((verb) => ({
      ...{ verb, done: 1, doneAgeMs: 996, tookMs: 4, errors: [] },
    })),
  );
});

Deno.test("a call without an answer in time is counted as such, and the line says how long it waited", async () => {
  const { clock, store, calls, counters, events, lines } = node();
  store.away = true;
  calls.begin(1, { verb: "renew", token: "lease-1" }, 1_111);
  await clock.pass(2_000);
  await calls.ended();
  assertEquals(events.map(({ kind }) => kind), ["store-failed"]);
  assertEquals(lines, [
    "warning store-error: renew: a store in memory: no answer within 1.1 s [unreachable]",
  ]);
  const errors = [{ word: "unreachable", count: 1, ageMs: 889 }] as const;
  assertEquals(counters.calls.views(3_000), [
    { verb: "renew", done: 0, doneAgeMs: null, tookMs: null, errors },
  ]);
});

Deno.test("at the end of the program a call under way is neither counted nor told of", async () => {
  const { clock, store, calls, counters, events, lines, ending } = node();
  store.away = true;
  calls.begin(1, { verb: "read" }, 1_000);
  await clock.pass(10);
  ending.abort();
  await clock.pass(10);
  await calls.ended();
  assertEquals([events, lines, counters.calls.views(2_000)], [[], [], []]);
});

Deno.test("the line about a failure names the endpoint once, and the kind", async () => {
  const text = "etcd at https://a:2379 as user edge: refused";
  const { clock, calls, lines } = node(new StoreError("denied", text));
  calls.begin(1, { verb: "read" }, 1_000);
  await clock.pass(10);
  await calls.ended();
  assertEquals(lines, [`warning store-error: read: ${text} [denied]`]);
});
