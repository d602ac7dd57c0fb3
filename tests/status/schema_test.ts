// The published schema of --status --json and /status.json: it accepts a watchdog's snapshot, and covers all of it.
import { assert, assertEquals } from "@std/assert";
import { NOT_LOOKED } from "../../src/core/presence.ts";
import { ERROR_KINDS } from "../../src/core/registry/error_kinds.ts";
import { EVENTS, SEVERITIES } from "../../src/core/registry/events.ts";
import { REJECT_REASONS } from "../../src/core/registry/reject_reasons.ts";
import { ROLE_REASONS } from "../../src/core/registry/role_reasons.ts";
import { STORE_ERROR_KINDS } from "../../src/core/registry/store_error_kinds.ts";
import { LEVELS, type Snapshot } from "../../src/status/snapshot.ts";
import { type Schema, violations } from "../support/json_schema.ts";
import { OTHER_OWNER } from "../support/lease_store.ts";
import { NodeFixture, PEERS } from "../support/node_fixture.ts";
import { sampleReport } from "../support/shadow_sample.ts";
import { STATUS_SCHEMA } from "../support/status_schema.ts";

/** As sent by the process. */
function sent(snapshot: Snapshot): unknown {
  return JSON.parse(JSON.stringify(snapshot));
}

function wrongWith(snapshot: Snapshot): string[] {
  return violations(sent(snapshot), STATUS_SCHEMA);
}

/** A minute that fills every optional field. */
function eventful(): NodeFixture {
  const played = new NodeFixture();
  played.checks = [{ name: "tcp", state: "failing", ageMs: 1_500, reason: "refused" }];
  played.presence = { ...NOT_LOOKED, sight: { present: true, on: "lo" }, lookedAtMs: 900 };
  played.names.set(PEERS[0]!.address, "b.test");
  played.others = [{ instanceId: "i-9", off: false }];
  for (let atMs = 1_000; atMs <= 20_000; atMs += 1_000.25) {
    played.until(atMs);
    if (atMs < 10_000) played.hear(0, { hearsYou: atMs < 5_000 });
    played.hear(1, "original");
  }
  const { address } = PEERS[1]!;
  played.datagrams.refuse(address, "wrong-id", played.nowMs);
  played.counters.failed("look", "timeout", played.nowMs);
  played.step({ kind: "missing", missing: [{ peer: "c.test", denied: true }] });
  return played;
}

Deno.test("snapshots of every kind fit the published schema, which has each of their fields", () => {
  const young = new NodeFixture();
  assertEquals(wrongWith(young.snapshot()), [], "before anything has happened");
  const played = eventful();
  assertEquals(wrongWith(played.snapshot()), []);
  const { addresses: [view], checks, changes, verdict } = played.snapshot();
  const filled = [view!.peers, view!.calls, view!.missingPeers, view!.otherHolders, checks];
  for (const list of [...filled, changes, verdict.problems]) assert(list.length > 0);
  assert(view!.peers.some(({ refused }) => refused !== null));
  played.phase = "stopping";
  played.step({ kind: "stop" });
  assertEquals(wrongWith(played.snapshot()), [], "at the end");
});

Deno.test("snapshots with a lease fit the schema, whoever owns it", () => {
  const played = new NodeFixture({ lease: { ttlMs: 10_000, failsafe: true, heartbeats: true } });
  const is = (what: string) => {
    assertEquals(wrongWith(played.snapshot()), [], what);
    return played.snapshot().addresses[0]?.lease;
  };
  assertEquals(is("at the start")?.owned, false);
  played.until(10_000);
  assertEquals(is("as owner")?.owned, true);
  played.store.fails = true;
  played.until(30_000);
  assertEquals(is("without the store")?.reachable, false);
  played.store.fails = false;
  played.store.give({ ...OTHER_OWNER, releasedTo: "i-3" }, 30_000);
  played.until(60_000);
  assertEquals(is("under another owner")?.releasedTo, "i-3");
});

Deno.test("a shadow's snapshot fits the schema", () => {
  const played = eventful();
  played.comparison = sampleReport();
  assertEquals(played.comparison.differences.length, 1);
  assertEquals(wrongWith(played.snapshot()), []);
});

Deno.test("no figure pretends to know fractions of a millisecond", () => {
  const text = JSON.stringify(eventful().snapshot());
  assertEquals(text.match(/:\d+\.\d+/g), null);
});

Deno.test("the schema notices what is missing, unknown, or of another kind", () => {
  const snapshot = sent(eventful().snapshot()) as Record<string, unknown>;
  const of = (change: Record<string, unknown>) =>
    violations({ ...snapshot, ...change }, STATUS_SCHEMA);
  assertEquals(of({ version: 2 }), ["$.version: is 2, wanted 1"]);
  assertEquals(of({ upMs: 1.5 }), ["$.upMs: is number, wanted integer"]);
  assertEquals(of({ upMs: -1 }), ["$.upMs: -1 is below 0"]);
  assertEquals(of({ phase: "resting" }), ['$.phase: "resting" is no word of the list']);
  assertEquals(of({ news: 1 }), ["$.news: is not in the schema"]);
  const { zone: _, ...rest } = snapshot;
  assertEquals(violations(rest, STATUS_SCHEMA), ["$: lacks zone"]);
  const [view] = snapshot.addresses as Record<string, unknown>[];
  assertEquals(of({ addresses: [{ ...view, role: null }] }), [
    "$.addresses[0].role: null is no word of the list",
  ]);
});

Deno.test("the schema has the words of the registry, and a sentence for each field", () => {
  const defs = STATUS_SCHEMA.$defs as Record<
    string,
    Schema & { properties?: Record<string, Schema> }
  >;
  const words = (name: string, field: string) => defs[name]?.properties?.[field]?.enum;
  assertEquals(words("address", "reason"), Object.keys(ROLE_REASONS));
  assertEquals(words("change", "event"), Object.keys(EVENTS));
  assertEquals(words("change", "severity"), [...SEVERITIES]);
  assertEquals(words("refusal", "word"), Object.keys(REJECT_REASONS));
  assertEquals(words("failure", "word"), Object.keys(ERROR_KINDS));
  assertEquals(words("storeFailure", "word"), Object.keys(STORE_ERROR_KINDS));
  assertEquals(defs.level?.enum, [...LEVELS]);
  for (const schema of [STATUS_SCHEMA as typeof defs[string], ...Object.values(defs)]) {
    assert(typeof schema.description === "string", JSON.stringify(schema));
    const { properties = {}, required = [] } = schema;
    assertEquals(required, Object.keys(properties), "every field is always there");
    for (const [name, { description }] of Object.entries(properties)) {
      assert(/^.*[^.]\.$/.test(String(description)), `${name}: ${description}`);
    }
  }
});
