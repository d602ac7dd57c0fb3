// The record of who held: what it makes of stories, its bounds, and its cost at rest.
import { assert, assertEquals } from "@std/assert";
import type { Entry } from "../../../src/status/history/entry.ts";
import { ENTRIES_MAX, HistoryRecorder, KEPT_MS } from "../../../src/status/history/recorder.ts";
import { addressHistory, HAND_OVER_MS } from "../../../src/status/history/view.ts";
import { HistoryFixture } from "../../support/history_fixture.ts";
import { OTHER_OWNER } from "../../support/lease_store.ts";
import { EPOCH_MS, PEERS } from "../../support/node_fixture.ts";

const [ONE, TWO] = PEERS.map(({ address }) => address) as [string, string];

/** Marks in short, with times in ms since the start. */
function marks(fixture: HistoryFixture) {
  return fixture.view.marks.map(({ kind, fault, fromMs, toMs, causes, endedBy }) => ({
    kind,
    fault,
    from: fromMs - EPOCH_MS,
    to: toMs === null ? null : toMs - EPOCH_MS,
    causes: causes.map(({ word }) => word),
    endedBy,
  }));
}

/** Advances, and hears the peers every second. */
function play(
  fixture: HistoryFixture,
  untilMs: number,
  hear: (atMs: number) => void = () => {},
): void {
  for (
    let atMs = Math.floor(fixture.nowMs / 1_000) * 1_000 + 1_000;
    atMs <= untilMs;
    atMs += 1_000
  ) {
    fixture.until(atMs);
    hear(atMs);
  }
}

Deno.test("an outage lasts from the last heartbeat of the holder to the attach, with its cause", () => {
  const fixture = new HistoryFixture();
  fixture.names.set(ONE, "edge-1");
  play(fixture, 20_000, () => fixture.hear(0, { priority: 5, holds: true }));
  play(fixture, 30_000);
  assertEquals(marks(fixture), [{
    kind: "outage",
    fault: true,
    from: 20_000,
    to: 23_000,
    causes: ["peer-silent"],
    endedBy: "self",
  }]);
  const [mark] = fixture.view.marks;
  assertEquals(mark?.causes[0]?.text, `peer edge-1 (${ONE}) silent`);
  assertEquals(mark?.lastedMs, 3_000);
  assertEquals(fixture.recorder.totals(30_000), { unheldMs: 3_000, twoHoldersMs: 0 });
});

Deno.test("a node that fails to attach says so, while the outage lasts", () => {
  const fixture = new HistoryFixture();
  play(fixture, 20_000, () => fixture.hear(0, { priority: 5, holds: true }));
  fixture.fails = () => true;
  play(fixture, 60_000);
  const [mark] = marks(fixture);
  assertEquals(mark?.to, null);
  assertEquals(mark?.causes, ["peer-silent", "attach-failing", "cloud-unreachable"]);
  assertEquals(fixture.recorder.totals(60_000).unheldMs, 40_000);
});

Deno.test("before the first election is over, nothing is called an outage", () => {
  const fixture = new HistoryFixture();
  fixture.until(3_000);
  assertEquals(marks(fixture), []);
  fixture.until(20_000);
  assertEquals(fixture.view.nodes[0]?.spans.at(-1)?.state, "holds");
});

Deno.test("equal holders share, and that is no fault; with --exclusive it is one", () => {
  for (const exclusive of [false, true]) {
    const fixture = new HistoryFixture({ exclusive });
    const { priority } = fixture.node.election;
    play(fixture, 20_000);
    play(fixture, 40_000, () => fixture.hear(0, { priority, holds: true, ownPriority: priority }));
    const [mark] = marks(fixture).filter(({ kind }) => kind !== "outage");
    assertEquals(mark?.kind, exclusive ? "two-holders" : "sharing");
    assertEquals(mark?.causes[0], exclusive ? "hand-over" : "equal-rank");
    assertEquals(mark?.fault, exclusive);
  }
});

Deno.test("a hand-over with two holders is no fault while it is short, and a late detach is", () => {
  const fixture = new HistoryFixture({ priority: 50, preemptDelayMs: Infinity });
  play(fixture, 20_000);
  fixture.step({ kind: "stop" });
  fixture.hear(0, { priority: 50, ownPriority: 60, holds: true });
  const short = fixture.view.marks.find(({ kind }) => kind === "two-holders");
  if (short) assert(!short.fault);
  const late = new HistoryFixture({ priority: 5, preemptDelayMs: 0 });
  play(late, 20_000);
  play(late, 35_000, () => late.hear(0, { priority: 20, holds: true }));
  const [mark] = marks(late).filter(({ kind }) => kind === "two-holders");
  assertEquals(mark?.causes, ["hand-over", "late-detach"]);
  assert(mark?.fault && mark.to === null, `${HAND_OVER_MS} ms are over`);
});

Deno.test("a silent peer that the cloud still shows is marked, and named as the cause", () => {
  const fixture = new HistoryFixture();
  play(fixture, 20_000, () => fixture.hear(0, { priority: 5, holds: true }));
  fixture.others = [{ instanceId: PEERS[0]!.instanceId, off: false }];
  play(fixture, 60_000, () => fixture.hear(1, { priority: 20 }));
  const kinds = marks(fixture).map(({ kind }) => kind);
  assertEquals(kinds, ["outage", "two-holders"]);
  assertEquals(marks(fixture)[1]?.causes, ["unheard-holder"]);
  assert(fixture.recorder.totals(60_000).twoHoldersMs > 0);
});

Deno.test("an instance that is no peer and holds has a band of its own", () => {
  const fixture = new HistoryFixture();
  fixture.others = [{ instanceId: "11111111-2222-4333-8444-555555555555", off: false }];
  play(fixture, 20_000);
  const strange = fixture.view.nodes.at(-1);
  assertEquals(strange?.address, null);
  assertEquals(strange?.spans.at(-1)?.state, "holds-unheard");
  assertEquals(strange?.name, "instance 11111111-2222-4333-8444-555555555555");
  assertEquals(marks(fixture).at(-1)?.causes, ["stranger"]);
});

Deno.test("a peer of the original's format never makes an outage out of what it cannot say", () => {
  const fixture = new HistoryFixture();
  play(fixture, 30_000, () => fixture.hear(0, "original"));
  assertEquals(marks(fixture), []);
});

Deno.test("the wall clock may jump: what was recorded keeps its order and its durations", () => {
  const fixture = new HistoryFixture();
  play(fixture, 20_000, () => fixture.hear(0, { priority: 5, holds: true }));
  play(fixture, 30_000);
  const before = fixture.view;
  fixture.wallAheadMs -= 3_600_000;
  const after = fixture.view;
  assertEquals(after.marks.map(({ lastedMs }) => lastedMs), [3_000]);
  for (const [index, node] of before.nodes.entries()) {
    const moved = node.spans.map(({ fromMs, toMs, ...rest }) => ({
      ...rest,
      fromMs: fromMs - 3_600_000,
      toMs: toMs === null ? null : toMs - 3_600_000,
    }));
    assertEquals(
      after.nodes[index]?.spans.map((span) => ({ ...span })),
      moved.map((s) => ({
        ...s,
      })),
    );
  }
});

Deno.test("heartbeats that change nothing add nothing", () => {
  const fixture = new HistoryFixture();
  play(fixture, 20_000, () => fixture.hear(0, { priority: 5, holds: true }));
  const { length } = fixture.recorder.entries;
  play(fixture, 2_000_000, () => fixture.hear(0, { priority: 5, holds: true }));
  assertEquals(fixture.recorder.entries.length, length);
});

Deno.test("20,000 changes and a week are within the bounds, and the view of the rest is right", () => {
  const fixture = new HistoryFixture();
  const { recorder } = fixture;
  let most = 0;
  for (let index = 1; index <= 10_000; index++) {
    fixture.nowMs = index * 10;
    fixture.hear(0, { priority: 5, holds: true });
    fixture.nowMs += 5;
    fixture.hear(0, { priority: 5, holds: false, unhealthy: true });
    most = Math.max(most, recorder.entries.length);
  }
  assert(most <= ENTRIES_MAX + 200, `${most} entries`);
  assert(JSON.stringify(recorder.entries).length < 1_000_000, "in bytes of JSON");
  const spans = fixture.view.nodes.find(({ key }) => key === ONE)?.spans ?? [];
  assert(spans.length <= ENTRIES_MAX + 200);
  assertEquals(spans.at(-1)?.state, "alive");
  const { atMs } = recorder.base;
  assertEquals(fixture.view.fromMs, EPOCH_MS + atMs);
  assert(spans.every(({ fromMs }) => fromMs >= EPOCH_MS + atMs));
});

Deno.test("what is older than a week is dropped, and what it led to stays", () => {
  const written: Entry[] = [];
  const fixture = new HistoryFixture({}, { written: (entry) => written.push(entry) });
  play(fixture, 20_000);
  const info = { address: TWO, instanceId: null };
  const old = new HistoryRecorder("198.51.100.50", {
    atMs: KEPT_MS + 10_000,
    earlier: [
      { kind: "start", atMs: 0 },
      ...[1, 2].map((n) => ({
        kind: "node" as const,
        atMs: n,
        sinceMs: n,
        node: TWO,
        info,
        state: n === 1 ? "alive" as const : "holds" as const,
        why: "",
        rank: null,
      })),
      { kind: "stop", atMs: 20_000 },
    ],
  });
  const view = addressHistory("198.51.100.50", old, {
    nowMs: KEPT_MS + 10_000,
    wallMs: KEPT_MS + 10_000,
    nameOf: () => null,
  });
  assertEquals(view.fromMs, 2);
  const spans = view.nodes.find(({ key }) => key === TWO)?.spans;
  assertEquals(spans, [{ fromMs: 2, toMs: 20_000, state: "holds", why: "" }]);
  assertEquals(view.marks.map(({ kind }) => kind), ["not-running"]);
  assertEquals(written[0]?.kind, "start");
});

Deno.test("an outage says that it lasts because another node has the lease, or the store is lost", () => {
  const lease = { ttlMs: 10_000, failsafe: true, heartbeats: true };
  const held = new HistoryFixture({ lease });
  held.store.give(OTHER_OWNER, 0);
  play(held, 20_000, () => held.hear(0, { priority: 5, holds: true }));
  play(held, 26_000);
  assertEquals(marks(held).at(-1)?.causes, ["peer-silent", "lease-held"]);
  const lost = new HistoryFixture({ lease });
  play(lost, 10_000, () => lost.hear(0));
  lost.store.fails = true;
  play(lost, 12_000, () => lost.hear(0));
  play(lost, 40_000);
  const [mark] = marks(lost).slice(-1);
  assertEquals([mark?.causes[0], mark?.causes.at(-1)], ["lost-here", "lease-store-lost"]);
  const asking = new HistoryFixture({ lease });
  play(asking, 20_000, () => asking.hear(0, { priority: 5, holds: true }));
  asking.store.fails = true;
  play(asking, 26_000);
  assertEquals(marks(asking).at(-1)?.causes, ["peer-silent", "lease-wanted"]);
});
