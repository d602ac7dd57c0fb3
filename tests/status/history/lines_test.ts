// The history in a file, as text, within an answer over UDP, and its published words.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { playedHistory } from "../../../scripts/docs/played_history.ts";
import { CAUSE_WORDS } from "../../../src/status/history/causes.ts";
import { type Entry, NODE_STATES } from "../../../src/status/history/entry.ts";
import { fittedHistory } from "../../../src/status/history/fitted.ts";
import { changeLine, entriesOf, parseLines, runLine } from "../../../src/status/history/lines.ts";
import { HistoryRecorder } from "../../../src/status/history/recorder.ts";
import { historyLines } from "../../../src/status/history/text.ts";
import { addressHistory, clipped, MARK_KINDS } from "../../../src/status/history/view.ts";
import { FRAGMENTS_MAX, PART_BYTES } from "../../../src/status/fragments.ts";
import { HistoryFixture } from "../../support/history_fixture.ts";
import { type Schema, violations } from "../../support/json_schema.ts";
import { EPOCH_MS } from "../../support/node_fixture.ts";
import { HISTORY_SCHEMA } from "../../support/status_schema.ts";

const IP = "198.51.100.50";

/** What a run wrote whose wall clock was `wallMs` at its begin. */
function written(entries: readonly Entry[], wallMs: number, stopMs: number | null): string {
  const changes = entries.flatMap((entry) =>
    entry.kind === "node"
      ? [changeLine(IP, entry, { stamp: { wallMs: wallMs + entry.atMs, upMs: entry.atMs } })]
      : []
  );
  const end = stopMs === null ? [] : [runLine("stop", { wallMs: wallMs + stopMs, upMs: stopMs })];
  return [runLine("start", { wallMs, upMs: 0 }), ...changes, ...end].map((line) => `${line}\n`)
    .join("");
}

/** The entries of these files, in a process that begins at 0 by its own clock. */
function readBack(
  texts: readonly string[],
  { wallMs, seen = null }: {
    wallMs: number;
    seen?: { wallMs: number; upMs: number } | null;
  },
) {
  const parsed = parseLines(texts);
  assert("lines" in parsed, JSON.stringify(parsed));
  return entriesOf(parsed.lines, { seen, nowMs: 0, wallMs }).get(IP) ?? [];
}

function viewOf(entries: readonly Entry[], wallMs: number) {
  const base = { atMs: entries[0]?.atMs ?? 0, running: false, nodes: new Map() };
  return addressHistory(IP, { base, entries }, { nowMs: 0, wallMs, nameOf: () => null });
}

Deno.test("a history comes back from its lines as it was", () => {
  const played = playedHistory();
  const before = played.view;
  const text = written(played.recorder.entries, EPOCH_MS, played.nowMs);
  const entries = readBack([text], { wallMs: EPOCH_MS + 4_000_000 });
  const after = viewOf(entries, EPOCH_MS + 4_000_000);
  const plainMarks = (marks: typeof before.marks) =>
    marks.map((
      { kind, fromMs, toMs, causes },
    ) => [kind, fromMs, toMs, causes.map(({ word }) => word)]);
  assertEquals(plainMarks(after.marks).slice(0, -1), plainMarks(before.marks));
  assertEquals(after.marks.at(-1)?.kind, "not-running");
  assertEquals(
    after.nodes.map(({ spans }) => spans.length),
    before.nodes.map(({ spans }) => spans.length),
  );
});

Deno.test("a run that crashed ends at its last sign of life", () => {
  const played = playedHistory();
  const text = written(played.recorder.entries, EPOCH_MS, null);
  const seen = { wallMs: EPOCH_MS + 3_500_000, upMs: 3_500_000 };
  const view = viewOf(
    readBack([text], { wallMs: EPOCH_MS + 9_000_000, seen }),
    EPOCH_MS + 9_000_000,
  );
  const mark = view.marks.at(-1);
  assertEquals([mark?.kind, mark?.fromMs, mark?.toMs], ["not-running", EPOCH_MS + 3_500_000, null]);
});

Deno.test("a wall clock that jumps between runs, or within one, neither mixes nor stretches them", () => {
  const played = playedHistory();
  const { entries } = played.recorder;
  // The second run began two hours before the first one, by the clock; this one begins a day before both.
  const texts = [
    written(entries, EPOCH_MS, 3_500_000) + written(entries, EPOCH_MS - 7_200_000, 3_500_000),
  ];
  const wallMs = EPOCH_MS - 86_400_000;
  const view = viewOf(readBack(texts, { wallMs }), wallMs);
  const outages = view.marks.filter(({ kind }) => kind === "outage");
  const lasted = played.view.marks.filter(({ kind }) => kind === "outage").map((m) => m.lastedMs);
  assertEquals(outages.map(({ lastedMs }) => lastedMs), [...lasted, ...lasted]);
  for (const { spans } of view.nodes) {
    for (const [index, span] of spans.entries()) {
      const next = spans[index + 1];
      assert((span.toMs ?? wallMs) <= (next?.fromMs ?? wallMs), "no two spans overlap");
      assert(span.fromMs <= wallMs, "nothing is in the future");
    }
  }
  // Within a run the later lines have another wall clock; the time since the begin counts.
  const text = written(entries, EPOCH_MS, 3_500_000).replaceAll(
    /"at":(\d+),"up":(\d{7,})/g,
    (_, at, up) => `"at":${Number(at) + 1_800_000},"up":${up}`,
  );
  const jumped = viewOf(readBack([text], { wallMs: EPOCH_MS + 9_000_000 }), EPOCH_MS + 9_000_000);
  assertEquals(
    jumped.marks.filter(({ kind }) => kind === "outage").map(({ lastedMs }) => lastedMs),
    lasted,
  );
});

Deno.test("what a newer file repeats counts only without the older one", () => {
  const played = playedHistory();
  const repeated = played.recorder.current(played.nowMs).map((entry) =>
    entry.kind === "node"
      ? changeLine(IP, entry, {
        stamp: { wallMs: EPOCH_MS + played.nowMs, upMs: played.nowMs },
        base: true,
      })
      : runLine("start", { wallMs: EPOCH_MS + played.nowMs, upMs: played.nowMs }, true)
  ).map((line) => `${line}\n`).join("");
  const stop = runLine("stop", { wallMs: EPOCH_MS + 3_600_000, upMs: 3_600_000 }) + "\n";
  const wallMs = EPOCH_MS + 3_700_000;
  const both = viewOf(
    readBack([written(played.recorder.entries, EPOCH_MS, null), repeated + stop], { wallMs }),
    wallMs,
  );
  const whole = viewOf(
    readBack([written(played.recorder.entries, EPOCH_MS, 3_600_000)], { wallMs }),
    wallMs,
  );
  assertEquals(both, whole);
  const later = viewOf(readBack([repeated + stop], { wallMs }), wallMs);
  assertEquals(later.fromMs, EPOCH_MS + played.nowMs);
  assertEquals(later.nodes[0]?.spans.map(({ state }) => state), ["holds"]);
});

Deno.test("parseLines() names the line that is wrong", () => {
  const good = runLine("start", { wallMs: 1, upMs: 0 });
  for (
    const bad of [
      "{",
      "null",
      "{}",
      '{"at":1,"up":-1,"run":"start"}',
      '{"at":1,"up":1,"run":"walk"}',
      '{"at":1,"up":1,"ip":"x","node":"y","state":"flies"}',
      '{"at":1,"up":1,"ip":"x","node":5,"state":"holds"}',
      '{"at":1e999,"up":1,"run":"stop"}',
      `{"at":1,"up":1,"run":"stop","x":"${"y".repeat(3_000)}"}`,
    ]
  ) {
    const parsed = parseLines([`${good}\n${bad}\n`]);
    assert("problem" in parsed, bad);
    assertMatch(parsed.problem, /^line 3 is no line of a history: /);
  }
});

Deno.test("the text has bands, faults and what happened; without changes it says so", () => {
  const history = playedHistory().history();
  const sinceMs = history.takenAtMs - 3_600_000;
  const lines = historyLines(clipped(history, sinceMs), { sinceMs, utc: true });
  const text = lines.join("\n");
  assertMatch(text, /\n {2}this node +\| {2}\.+#+\.+\?*#+\|\n/);
  assertMatch(text, /\n {2}faults +\| +x +x+ +\|\n/);
  assertMatch(
    text,
    /\n {2}12:14:03 {2}this node took over after 3\.0 s without holder: peer edge-1/,
  );
  const quiet = new HistoryFixture().history();
  assert(historyLines(quiet, { sinceMs: quiet.takenAtMs - 60_000 }).includes("  nothing changed"));
});

Deno.test("an answer over UDP keeps its size, and has the newest part", () => {
  const recorder = new HistoryRecorder(IP, { atMs: 0 });
  const played = new HistoryFixture();
  let before = played.node;
  for (let index = 1; index <= 3_000; index++) {
    played.nowMs = index * 1_000;
    played.hear(0, { priority: 5, holds: index % 2 === 0 });
    recorder.observe(before, played.node, played.nowMs);
    before = played.node;
  }
  const address = addressHistory(IP, recorder, {
    nowMs: 3_000_000,
    wallMs: 3_000_000,
    nameOf: () => null,
  });
  const whole = {
    version: 1 as const,
    takenAtMs: 3_000_000,
    addresses: [address, address],
    addressesLeftOut: 0,
  };
  const bytes = fittedHistory(whole);
  assert(bytes.length <= FRAGMENTS_MAX * PART_BYTES, `${bytes.length} bytes`);
  assert(bytes.length > FRAGMENTS_MAX * PART_BYTES / 4, "it is not thrown away needlessly");
  const history = JSON.parse(new TextDecoder().decode(bytes));
  assertEquals(violations(history, HISTORY_SCHEMA), []);
  const [part] = history.addresses;
  assertEquals(part.nodes[1].spans.at(-1), address.nodes[1]?.spans.at(-1));
  assert(part.fromMs > address.fromMs);
  const many = { ...whole, addresses: new Array(400).fill(playedHistory().view) };
  const fewer = JSON.parse(new TextDecoder().decode(fittedHistory(many)));
  assertEquals(fewer.addresses.length + fewer.addressesLeftOut, 400);
});

Deno.test("the published schema has every word, and a sentence for each field", () => {
  const defs = HISTORY_SCHEMA.$defs as Record<
    string,
    Schema & { properties: Record<string, Schema> }
  >;
  const words = (name: string, field: string) => defs[name]?.properties[field]?.enum;
  assertEquals(words("mark", "kind"), [...MARK_KINDS]);
  assertEquals(words("cause", "word"), [...CAUSE_WORDS]);
  assertEquals(words("span", "state"), NODE_STATES.filter((state) => state !== "absent"));
  assertEquals(
    violations(JSON.parse(JSON.stringify(playedHistory().history())), HISTORY_SCHEMA),
    [],
  );
  for (const { description, properties, required } of Object.values(defs)) {
    assertMatch(String(description), /\.$/);
    assertEquals(required, Object.keys(properties));
    for (const field of Object.values(properties)) assertMatch(String(field.description), /\.$/);
  }
});

Deno.test("the page about the history names every kind and every cause", () => {
  const page = Deno.readTextFileSync(
    new URL("../../../docs/operation/history.md", import.meta.url),
  );
  assertEquals([...MARK_KINDS, ...CAUSE_WORDS].filter((word) => !page.includes(`\`${word}\``)), []);
});
