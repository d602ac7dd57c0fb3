// What a shadow decided against what the cloud showed: a table of timelines, and the same in words.
import { assert, assertEquals } from "@std/assert";
import {
  agreementOf,
  type Comparison,
  decided,
  looked,
  nothingCompared,
} from "../../../src/core/shadow/comparison.ts";
import { shadowLines, shadowReport } from "../../../src/status/shadow_report.ts";

/** Unix time of the second 0: 2026-11-28 14:02:00 UTC. */
const EPOCH_MS = Date.UTC(2026, 10, 28, 14, 2);

/** `[second, "decides" | "shows", holds, reason or other holders]`. A look takes no time unless a fifth value says so. */
type Event =
  | readonly [second: number, "decides", holds: boolean, reason: string]
  | readonly [second: number, "shows", holds: boolean, others?: readonly string[], tookS?: number];

function compared(
  events: readonly Event[],
  stance = "its stance",
  provedMs = 20_000,
): Comparison {
  let state = nothingCompared(provedMs);
  for (const [second, kind, holds, rest, tookS = 0] of events) {
    const atMs = second * 1_000;
    state = kind === "decides"
      ? decided(state, { atMs, holds, reason: rest as string })
      : looked(state, {
        askedMs: atMs,
        answeredMs: atMs + tookS * 1_000,
        holds,
        others: (rest ?? []) as readonly string[],
        reason: stance,
      });
  }
  return state;
}

/** Looks every 5 s in which the cloud shows the same. */
function looks(
  fromS: number,
  toS: number,
  holds: boolean,
  others: readonly string[] = [],
): Event[] {
  const count = (toS - fromS) / 5 + 1;
  return Array.from({ length: count }, (_, index) => [fromS + 5 * index, "shows", holds, others]);
}

function linesOf(state: Comparison): string[] {
  const nowMs = state.untilMs;
  const facts = { nowMs, wallMs: EPOCH_MS + nowMs, resolutionMs: 5_000 };
  const titleOf = (id: string) => id;
  return shadowLines(shadowReport(state, { ...facts, titleOf }), "198.51.100.50");
}

/** Seconds of agreement, difference, open time, unknown time; and the differences. */
type Sums = readonly [agreed: number, differed: number, open: number, unknown: number];

const ROWS: ReadonlyArray<
  readonly [title: string, events: readonly Event[], sums: Sums, sentences: readonly string[]]
> = [
  ["nobody moves", [[0, "decides", false, "start"], ...looks(0, 60, false, ["edge-1"])], [
    60,
    0,
    0,
    0,
  ], []],
  [
    "the shadow holds earlier than the cloud shows",
    [
      [0, "decides", false, "start"],
      ...looks(0, 10, false, ["edge-1"]),
      [11, "decides", true, "peer 203.0.113.11 is dead"],
      ...looks(15, 15, false, ["edge-1"]),
      ...looks(20, 40, true),
    ],
    [31, 4, 5, 0],
    [
      "2026-11-28 14:02:11Z  shadow would have held from here (peer 203.0.113.11 is dead); the " +
      "cloud showed it on edge-1 until 2026-11-28 14:02:20Z (9 s)",
    ],
  ],
  [
    "both move between two looks: no difference is certain",
    [
      [0, "decides", false, "start"],
      ...looks(0, 10, false, ["edge-1"]),
      [12, "decides", true, "peer 203.0.113.11 is dead"],
      ...looks(15, 40, true),
    ],
    [35, 0, 5, 0],
    [],
  ],
  [
    "the cloud moves away and the shadow would not have",
    [
      [0, "decides", true, "start"],
      ...looks(0, 10, true),
      ...looks(15, 30, false, ["edge-3"]),
      ...looks(35, 60, true),
    ],
    [35, 15, 10, 0],
    [
      "2026-11-28 14:02:15Z  the cloud moved it to edge-3, the shadow would not have (its stance), " +
      "until 2026-11-28 14:02:35Z (20 s)",
    ],
  ],
  [
    "the cloud moves it here and the shadow would not have held",
    [[0, "decides", false, "start"], ...looks(0, 10, false, ["edge-1"]), ...looks(15, 30, true)],
    [10, 15, 5, 0],
    [
      "2026-11-28 14:02:15Z  the cloud moved it to this node, the shadow would not have (its " +
      "stance), 15 s so far",
    ],
  ],
  [
    "the shadow gives it up first, and comes back to it before the cloud follows",
    [
      [0, "decides", true, "start"],
      ...looks(0, 10, true),
      [11, "decides", false, "edge-2 holds it"],
      ...looks(15, 20, true),
      [22, "decides", true, "peer edge-2 is dead"],
      ...looks(25, 40, true),
    ],
    [29, 11, 0, 0],
    [
      "2026-11-28 14:02:11Z  shadow would have given it up here (edge-2 holds it); the cloud showed " +
      "it on this node until 2026-11-28 14:02:22Z, when the shadow followed (11 s)",
    ],
  ],
  [
    "the shadow follows the cloud some seconds later",
    [
      [0, "decides", false, "start"],
      ...looks(0, 10, false, ["edge-1"]),
      ...looks(15, 15, true),
      [17, "decides", true, "peer edge-1 is dead"],
      ...looks(20, 30, true),
    ],
    [23, 2, 5, 0],
    [
      "2026-11-28 14:02:15Z  the cloud moved it to this node, the shadow would not have (its " +
      "stance), until 2026-11-28 14:02:17Z, when the shadow followed (2 s)",
    ],
  ],
  [
    "nobody holds in the cloud",
    [
      [0, "decides", true, "start"],
      ...looks(0, 5, true),
      ...looks(10, 20, false),
    ],
    [5, 10, 5, 0],
    [
      "2026-11-28 14:02:10Z  the cloud took it from this node, the shadow would not have (its " +
      "stance), 10 s so far",
    ],
  ],
  [
    "the cloud does not answer for a minute: that time counts for neither",
    [[0, "decides", false, "start"], ...looks(0, 10, false), ...looks(70, 80, false)],
    [20, 0, 0, 60],
    [],
  ],
  [
    "a difference that the cloud's silence cuts",
    [
      [0, "decides", false, "start"],
      ...looks(0, 5, false),
      [6, "decides", true, "peer edge-1 is dead"],
      ...looks(10, 15, false, ["edge-1"]),
      ...looks(75, 80, false, ["edge-1"]),
    ],
    [6, 14, 0, 60],
    [
      "2026-11-28 14:02:06Z  shadow would have held from here (peer edge-1 is dead); the cloud " +
      "showed it on edge-1 until 2026-11-28 14:02:15Z, when the cloud stopped answering (9 s)",
      "2026-11-28 14:03:15Z  the cloud showed it on edge-1, the shadow would have kept it here (its " +
      "stance), 5 s so far",
    ],
  ],
  [
    "a slow answer proves the time until it was asked, no more",
    [
      [0, "decides", false, "start"],
      ...looks(0, 10, false),
      [16, "decides", true, "peer edge-1 is dead"],
      [15, "shows", false, ["edge-1"], 3],
      [20, "shows", true, [], 3],
      ...looks(25, 30, true),
    ],
    [22, 0, 8, 0],
    [],
  ],
  [
    "two looks at the same time: the one asked earlier is not believed",
    [
      [0, "decides", false, "start"],
      ...looks(0, 10, false),
      [15, "shows", true],
      [14, "shows", false],
      [15.5, "decides", true, "late"],
      ...looks(20, 20, true),
    ],
    [14.5, 0.5, 5, 0],
    [
      "2026-11-28 14:02:15Z  the cloud moved it to this node, the shadow would not have (its " +
      "stance), until 2026-11-28 14:02:15Z, when the shadow followed (500 ms)",
    ],
  ],
];

for (const [title, events, sums, sentences] of ROWS) {
  Deno.test(`shadow and cloud: ${title}`, () => {
    const state = compared(events);
    const { agreedMs, differedMs, openMs, unknownMs } = state;
    assertEquals([agreedMs, differedMs, openMs, unknownMs].map((ms) => ms / 1_000), [...sums]);
    const total = sums.reduce((sum, each) => sum + each, 0) * 1_000;
    assertEquals(total, state.untilMs - (state.sinceMs ?? 0), "no time is lost or counted twice");
    assertEquals(linesOf(state).slice(1, -1).map((line) => line.trim()), sentences);
    assertEquals(state.count, sentences.length);
  });
}

Deno.test("the summary never rounds a difference away", () => {
  const events: Event[] = [
    [0, "decides", false, "start"],
    ...looks(0, 273_600, false, ["edge-1"]),
    [273_601, "decides", true, "peer edge-1 is dead"],
    ...looks(273_605, 273_605, false, ["edge-1"]),
    ...looks(273_610, 273_620, true),
  ];
  const state = compared(events);
  assertEquals(
    linesOf(state).at(-1),
    "  in 3 d 4 h the two agreed for 99.99 % of the time; 1 difference, listed above (looked every " +
      "5 s: shorter differences may be missing)",
  );
  const same = compared(events.slice(0, 100));
  assert(linesOf(same).at(-1)?.includes("agreed for 100 % of the time; no differences"));
  const nothing = linesOf(nothingCompared(20_000)).at(-1)?.trim();
  assertEquals(nothing, "nothing to compare yet: the cloud was not looked at twice");
});

Deno.test("months of differences need no more memory than a hundred, and are counted", () => {
  let state = compared([[0, "decides", false, "start"], [0, "shows", false, ["edge-1"]]]);
  let second = 0;
  for (let round = 0; round < 2_000; round++) {
    for (const holds of [true, false]) {
      state = decided(state, { atMs: (second + 1) * 1_000, holds, reason: "flaps" });
      second += 10;
      const look = { askedMs: second * 1_000, answeredMs: second * 1_000, reason: "stance" };
      state = looked(state, { ...look, holds: false, others: ["edge-1"] });
    }
  }
  assertEquals(state.count, 2_000);
  assertEquals(state.differences.length, 100);
  assertEquals(state.older?.count, 1_900);
  assertEquals(state.older?.totalMs, 1_900 * 10_000);
  assertEquals([state.older?.firstMs, state.older?.lastMs], [1_000, 1_899 * 20_000 + 1_000]);
  assertEquals(state.differedMs, 2_000 * 10_000);
  assertEquals(agreementOf(state), 0.5);
  assert(state.decisions.length < 10);
  const [, older] = linesOf(state);
  assert(older?.includes("1900 older differences, 5 h 16 min in all"), older);
});

Deno.test("a node that flaps between two looks needs bounded memory, and its last decision counts", () => {
  let state = compared([[0, "decides", false, "start"], [0, "shows", false]]);
  for (let index = 1; index <= 40; index++) {
    state = decided(state, { atMs: index * 10, holds: index % 2 === 1, reason: "flaps" });
  }
  assertEquals(state.decisions.length, 41, "so many are kept apart");
  assertEquals(decided(state, { atMs: 450, holds: false, reason: "again" }), state);
  for (let index = 41; index < 10_000; index++) {
    state = decided(state, { atMs: index * 10, holds: index % 2 === 1, reason: `flap ${index}` });
  }
  assertEquals(state.decisions.length, 64);
  assertEquals(state.decisions[0]?.atMs, 0);
  assertEquals(state.decisions[62]?.atMs, 620);
  assertEquals(state.decisions.at(-1)?.reason, "flap 9999");
});

/** The differences, without their texts. */
function differencesIn(events: readonly Event[], provedMs = 20_000) {
  return compared(events, "its stance", provedMs).differences.map((each) => ({
    blurS: each.blurMs / 1_000,
    others: each.others.join(),
    began: each.began,
    ended: each.ended,
  }));
}

Deno.test("a difference says by how much earlier the cloud may have changed", () => {
  assertEquals(
    differencesIn([
      [0, "decides", false, "start"],
      ...looks(0, 10, false),
      [14, "shows", true, [], 2],
      ...looks(20, 25, true),
      [26, "decides", true, "follows"],
      ...looks(30, 35, true),
      [36, "decides", false, "leaves"],
      ...looks(40, 40, true),
      [47, "shows", false],
      ...looks(50, 60, false),
    ]),
    [
      { blurS: 6, others: "", began: "cloud", ended: "shadow" },
      { blurS: 7, others: "", began: "shadow", ended: "cloud" },
    ],
  );
});

Deno.test("what the shadow changes is exact, and so is the end of an answer", () => {
  const exact = (events: readonly Event[]) =>
    differencesIn(events).map(({ blurS, began, ended }) => [blurS, began, ended]);
  const start: Event[] = [[0, "decides", false, "start"], ...looks(0, 10, false)];
  const [there, back]: Event[] = [[11, "decides", true, "takes"], [22, "decides", false, "leaves"]];
  assertEquals(exact([...start, there!, ...looks(15, 20, false), back!, ...looks(25, 30, false)]), [
    [0, "shadow", "shadow"],
  ]);
  assertEquals(exact([...start, there!, ...looks(15, 20, false), ...looks(60, 65, false)]), [
    [0, "shadow", "unknown"],
    [0, "unknown", null],
  ]);
  // Both moved; then the shadow leaves at once.
  assertEquals(exact([...start, there!, ...looks(15, 20, true), back!, ...looks(25, 30, true)]), [
    [0, "shadow", null],
  ]);
  const soon: Event = [17, "decides", false, "leaves"];
  assertEquals(exact([...start, there!, ...looks(15, 15, true), soon, ...looks(20, 30, true)]), [
    [0, "shadow", null],
  ]);
  // It differs from the first look on.
  assertEquals(exact([[0, "decides", true, "start"], ...looks(0, 5, false)]), [
    [0, "unknown", null],
  ]);
});

Deno.test("a difference names all other holders, at most four", () => {
  const start: Event = [0, "decides", true, "start"];
  const shown = (second: number, ...others: string[]): Event => [second, "shows", false, others];
  const others = (...events: Event[]) =>
    differencesIn([start, [0, "shows", true], ...events]).map((each) => each.others);
  assertEquals(others(shown(5, "a"), shown(10, "b"), shown(15, "a", "c")), ["b,a,c"]);
  assertEquals(others(shown(5, "a"), shown(10)), ["a"], "what the look before showed");
  assertEquals(others(shown(5), shown(10, "a", "b", "c", "d", "e")), ["a,b,c,d"]);
  assertEquals(others(shown(5), shown(10, "a", "b", "c"), shown(15, "d", "e")), ["a,b,c,d"]);
  // A look without others keeps those that are known.
  let state = compared([start, [0, "shows", true], shown(5, "a")]);
  const look = { askedMs: 10_000, answeredMs: 10_000, holds: false, reason: "" };
  state = looked(state, { ...look, others: null });
  assertEquals(state.look?.others, ["a"]);
  assertEquals(looked(nothingCompared(1), { ...look, others: null }).look?.others, []);
});

Deno.test("two looks prove the time between them up to the given limit", () => {
  const events = (second: number): Event[] => [
    [0, "decides", false, "start"],
    [0, "shows", false],
    [second, "shows", false],
  ];
  assertEquals(compared(events(20)).agreedMs, 20_000);
  assertEquals(compared(events(21)).unknownMs, 21_000);
  assertEquals(compared(events(21), "", 80_000).agreedMs, 21_000);
});

Deno.test("overlapping looks neither lose nor repeat time", () => {
  const state = compared([
    [0, "decides", true, "start"],
    [0, "shows", true],
    [5, "shows", false, ["a"], 4],
    [6, "shows", false, ["a"], 1],
    [8, "shows", true, [], 5],
    [10, "shows", true],
    [40, "shows", true],
    [40, "shows", true],
  ]);
  const { agreedMs, differedMs, openMs, unknownMs, untilMs } = state;
  assertEquals(agreedMs + differedMs + openMs + unknownMs, untilMs);
  assertEquals([agreedMs, differedMs, openMs, unknownMs], [0, 0, 13_000, 27_000]);
  // The cloud is asked late, but before it has answered the look that showed a change.
  const late = compared([
    [0, "decides", false, "start"],
    [0, "shows", true],
    [1, "shows", false, [], 49],
    [40, "shows", false],
  ]);
  assertEquals([late.unknownMs, late.openMs, late.untilMs], [0, 50_000, 50_000]);
});

Deno.test("decisions that came while the first look was under way are all compared later", () => {
  let state = nothingCompared(60_000);
  state = decided(state, { atMs: 5_000, holds: true, reason: "best" });
  state = decided(state, { atMs: 6_000, holds: false, reason: "unhealthy" });
  const look = { holds: false, others: [], reason: "unhealthy" };
  state = looked(state, { ...look, askedMs: 4_000, answeredMs: 6_500 });
  assertEquals(state.decisions.map(({ atMs }) => atMs), [5_000, 6_000]);
});

Deno.test("a second look at the same instant does not forget what the first one showed", () => {
  let state = decided(nothingCompared(60_000), { atMs: 0, holds: true, reason: "best" });
  const show = (askedMs: number, holds: boolean) =>
    state = looked(state, { askedMs, answeredMs: askedMs, holds, others: [], reason: "best" });
  show(0, true);
  show(10_000, false);
  show(10_000, false);
  show(20_000, false);
  assertEquals(state.differences.map(({ began, fromMs }) => [began, fromMs]), [["cloud", 10_000]]);
});
