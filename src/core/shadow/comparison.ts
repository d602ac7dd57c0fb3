// Compares what a shadow decides with what the cloud shows: when did this node hold, and when would it have held? Pure,
// and its size stays bounded however long the shadow runs.
//
// The shadow's decisions are exact. The cloud is looked at only now and then: two looks that show the same prove the
// time between them, two that differ leave it open when the change happened. Such time is neither agreement nor
// difference.

/** Differences that are kept; of older ones, only number and length. */
const DIFFERENCES_MAX = 100;
/** Most decisions between two looks that are compared one by one; a node that decides more often is flapping. */
const DECISIONS_MAX = 64;
/** Other holders that one difference names. */
const HOLDERS_MAX = 4;

/** What ends or begins a difference. `unknown`: the cloud was not looked at. */
export type Mover = "shadow" | "cloud" | "unknown";

/** A time in which the shadow and the cloud certainly differed. All times are those of one monotonic clock. */
export interface Difference {
  /** `shadow`: only the shadow holds on this node; `cloud`: only the cloud shows a hold here. */
  readonly held: "shadow" | "cloud";
  readonly fromMs: number;
  /** Null while it lasts. */
  readonly toMs: number | null;
  /** Who changed, so that it began. */
  readonly began: Mover;
  /** Who changed, so that it ended; null while it lasts. */
  readonly ended: Mover | null;
  /** If the cloud changed, by how much earlier it may have done so than the look showed it. */
  readonly blurMs: number;
  /** Why the shadow holds, or does not, when it began. */
  readonly reason: string;
  /** Other instances that the cloud showed as holders meanwhile. */
  readonly others: readonly string[];
}

/** Differences that are not kept one by one any more. */
export interface OlderDifferences {
  readonly count: number;
  readonly totalMs: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The state of the comparison. */
export interface Comparison {
  /** Two looks that are further apart than this prove nothing about the time between them. */
  readonly provedMs: number;
  /** When it began, null before the first look. */
  readonly sinceMs: number | null;
  /** Until when it has compared. */
  readonly untilMs: number;
  readonly agreedMs: number;
  readonly differedMs: number;
  /** A change of the cloud is somewhere in this time. */
  readonly openMs: number;
  /** The cloud did not answer. */
  readonly unknownMs: number;
  /** All differences since the start. */
  readonly count: number;
  /** The latest ones, oldest first. */
  readonly differences: readonly Difference[];
  readonly older: OlderDifferences | null;
  /** The last look. */
  readonly look: {
    readonly askedMs: number;
    readonly holds: boolean;
    readonly others: readonly string[];
  } | null;
  /** Decisions that the next look compares, oldest first; the first one is in force at `untilMs`. */
  readonly decisions: readonly Decision[];
  /** What changed at `untilMs`, and by how much earlier it may have changed; null if nothing did. */
  readonly turn: { readonly by: Mover; readonly blurMs: number } | null;
}

/** What the shadow decided, in force from then on. */
export interface Decision {
  readonly atMs: number;
  readonly holds: boolean;
  readonly reason: string;
}

/** What the cloud showed. */
export interface Look {
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly holds: boolean;
  /** Other holders, null when they were not asked for. */
  readonly others: readonly string[] | null;
  /** Why the shadow holds, or does not, right now. */
  readonly reason: string;
}

const NOTHING_COMPARED = {
  sinceMs: null,
  untilMs: 0,
  agreedMs: 0,
  differedMs: 0,
  openMs: 0,
  unknownMs: 0,
  count: 0,
  differences: [],
  older: null,
  look: null,
  decisions: [],
  turn: null,
} as const;

/** A comparison that has seen nothing; two looks prove the time between them if it is at most that long. */
export function nothingCompared(provedMs: number): Comparison {
  return { ...NOTHING_COMPARED, provedMs };
}

/** Notes a decision. */
export function decided(before: Comparison, decision: Decision): Comparison {
  const last = before.decisions.at(-1);
  const known = last?.holds === decision.holds;
  // Beyond the limit the last one stands for the rest: the totals stay right to within one look.
  const kept = before.decisions.length < DECISIONS_MAX
    ? before.decisions
    : before.decisions.slice(0, -1);
  return known ? before : { ...before, decisions: [...kept, decision] };
}

/** Compares the time since the last look. */
export function looked(before: Comparison, look: Look): Comparison {
  const { askedMs, answeredMs, holds } = look;
  const last = before.look;
  // Two calls may look at the same time; the one that was asked earlier knows less.
  if (last && askedMs < last.askedMs) return before;
  const seen = { askedMs, holds, others: look.others ?? last?.others ?? [] };
  if (!last) {
    const turn = { by: "unknown", blurMs: 0 } as const;
    const begun = { ...before, sinceMs: askedMs, untilMs: askedMs, look: seen, turn };
    return { ...begun, decisions: inForce(before.decisions, askedMs) };
  }
  if (askedMs - last.askedMs > before.provedMs) {
    const lost = advance(close(before, before.untilMs, { ended: "unknown", blurMs: 0 }), askedMs);
    const unknownMs = before.unknownMs + Math.max(0, askedMs - before.untilMs);
    return { ...lost, unknownMs, look: seen, turn: { by: "unknown", blurMs: 0 } };
  }
  if (last.holds === holds) {
    const certain = proved(before, { untilMs: askedMs, look: seen, last, reason: look.reason });
    return askedMs > before.untilMs
      ? { ...certain, look: seen, turn: null }
      : { ...before, look: seen };
  }
  const blurMs = Math.max(0, answeredMs - before.untilMs);
  const closed = close(before, answeredMs, { ended: "cloud", blurMs });
  const openMs = before.openMs + blurMs;
  return { ...advance(closed, answeredMs), openMs, look: seen, turn: { by: "cloud", blurMs } };
}

/** The decision in force at that instant, and those after it. */
function inForce(decisions: readonly Decision[], atMs: number): readonly Decision[] {
  const index = decisions.findLastIndex((each) => each.atMs <= atMs);
  return decisions.slice(Math.max(0, index));
}

function advance(before: Comparison, untilMs: number): Comparison {
  const later = Math.max(before.untilMs, untilMs);
  return { ...before, untilMs: later, decisions: inForce(before.decisions, later) };
}

/** Compares time in which the cloud showed one thing. */
function proved(
  before: Comparison,
  { untilMs, look, last, reason }: {
    untilMs: number;
    look: NonNullable<Comparison["look"]>;
    last: NonNullable<Comparison["look"]>;
    reason: string;
  },
): Comparison {
  let state = before;
  const { decisions, untilMs: fromMs } = before;
  const others = look.others.length > 0 ? look.others : last.others;
  for (const [index, decision] of decisions.entries()) {
    const beginMs = Math.max(fromMs, decision.atMs);
    const endMs = Math.min(untilMs, decisions[index + 1]?.atMs ?? Infinity);
    if (endMs <= beginMs) continue;
    const spanMs = endMs - beginMs;
    const turn = decision.atMs > fromMs ? null : before.turn;
    if (decision.holds === look.holds) {
      state = close(state, beginMs, { ended: "shadow", blurMs: 0 });
      state = { ...state, agreedMs: state.agreedMs + spanMs };
      continue;
    }
    state = { ...state, differedMs: state.differedMs + spanMs };
    state = open(state, {
      held: decision.holds ? "shadow" : "cloud",
      fromMs: beginMs,
      began: turn?.by ?? "shadow",
      blurMs: turn?.blurMs ?? 0,
      reason: turn ? reason : decision.reason,
      others,
    });
  }
  return advance(state, untilMs);
}

/** Begins a difference, or adds to the one that lasts. */
function open(
  before: Comparison,
  found: Pick<Difference, "held" | "fromMs" | "began" | "blurMs" | "reason" | "others">,
): Comparison {
  const last = before.differences.at(-1);
  if (last?.toMs === null && last.held === found.held) {
    const others = [...new Set([...last.others, ...found.others])].slice(0, HOLDERS_MAX);
    return { ...before, differences: [...before.differences.slice(0, -1), { ...last, others }] };
  }
  const closed = close(before, found.fromMs, { ended: found.began, blurMs: 0 });
  const begun: Difference = {
    ...found,
    others: found.others.slice(0, HOLDERS_MAX),
    toMs: null,
    ended: null,
  };
  return kept({
    ...closed,
    count: closed.count + 1,
    differences: [...closed.differences, begun],
  });
}

/** Ends the difference that lasts, if one does. */
function close(
  before: Comparison,
  toMs: number,
  { ended, blurMs }: { ended: Mover; blurMs: number },
): Comparison {
  const last = before.differences.at(-1);
  if (last?.toMs !== null || last === undefined) return before;
  const closed = { ...last, toMs, ended, blurMs: Math.max(last.blurMs, blurMs) };
  return { ...before, differences: [...before.differences.slice(0, -1), closed] };
}

/** Sums up the oldest differences once there are too many. */
function kept(before: Comparison): Comparison {
  const [first, ...rest] = before.differences;
  if (!first || before.differences.length <= DIFFERENCES_MAX) return before;
  const lengthMs = (first.toMs ?? first.fromMs) - first.fromMs;
  const { older } = before;
  return {
    ...before,
    differences: rest,
    older: {
      count: (older?.count ?? 0) + 1,
      totalMs: (older?.totalMs ?? 0) + lengthMs,
      firstMs: older?.firstMs ?? first.fromMs,
      lastMs: first.fromMs,
    },
  };
}

/** The share of the compared time in which both agreed, 0 to 1; null while nothing is compared. */
export function agreementOf({ agreedMs, differedMs }: Comparison): number | null {
  const comparedMs = agreedMs + differedMs;
  return comparedMs > 0 ? agreedMs / comparedMs : null;
}
