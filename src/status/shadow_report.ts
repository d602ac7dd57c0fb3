// How the decisions of a shadow differed from what the cloud showed: as data for JSON and the page, and as text.
import { agreementOf, type Comparison, type Difference } from "../core/shadow/comparison.ts";
import { durationText, spanText } from "../core/age.ts";

/** One difference. */
export interface DifferenceView {
  /** Unix time. */
  readonly fromMs: number;
  /** Null while it lasts. */
  readonly toMs: number | null;
  readonly held: Difference["held"];
  readonly began: Difference["began"];
  readonly ended: Difference["ended"];
  /** By how much earlier the cloud may have changed than it was seen. */
  readonly blurMs: number;
  readonly reason: string;
  /** Other holders that the cloud showed meanwhile. */
  readonly others: readonly string[];
  /** The sentence. */
  readonly text: string;
}

/** The whole comparison. */
export interface ShadowReport {
  /** Since when, in Unix time; null before the first look at the cloud. */
  readonly sinceMs: number | null;
  /** The time that was compared, with the parts of it that cannot be judged. */
  readonly spanMs: number;
  readonly agreedMs: number;
  readonly differedMs: number;
  /** The cloud changed within this time, between two looks. */
  readonly openMs: number;
  /** The cloud was not looked at. */
  readonly unknownMs: number;
  /** Time between two looks. */
  readonly resolutionMs: number;
  /** Share of the judged time in which both agreed, 0 to 1; null while nothing is judged. */
  readonly agreement: number | null;
  /** All differences since the start. */
  readonly count: number;
  /** Oldest first. */
  readonly differences: readonly DifferenceView[];
  /** Earlier ones that are only counted. */
  readonly older: {
    readonly count: number;
    readonly totalMs: number;
    readonly firstMs: number;
    readonly lastMs: number;
  } | null;
  readonly summary: string;
}

/** What a report needs besides the comparison. */
export interface ReportFacts {
  readonly nowMs: number;
  readonly wallMs: number;
  readonly resolutionMs: number;
  /** The name of an instance. */
  readonly titleOf: (instanceId: string) => string;
  /** Longest list of differences; the latest ones are kept. */
  readonly most?: number;
}

/** The report at that moment. */
export function shadowReport(comparison: Comparison, facts: ReportFacts): ShadowReport {
  const { nowMs, wallMs, resolutionMs, titleOf, most = Infinity } = facts;
  const unix = (atMs: number) => Math.round(wallMs - nowMs + atMs);
  const { sinceMs, untilMs, agreedMs, differedMs, openMs, unknownMs, count, older } = comparison;
  const all = comparison.differences;
  const shown = most === Infinity ? all : all.slice(Math.max(0, all.length - most));
  const agreement = agreementOf(comparison);
  const spanMs = sinceMs === null ? 0 : Math.round(untilMs - sinceMs);
  return {
    sinceMs: sinceMs === null ? null : unix(sinceMs),
    spanMs,
    agreedMs: Math.round(agreedMs),
    differedMs: Math.round(differedMs),
    openMs: Math.round(openMs),
    unknownMs: Math.round(unknownMs),
    resolutionMs,
    agreement,
    count,
    differences: shown.map((each) => viewOf(each, { unix, untilMs, titleOf })),
    older: older && {
      count: older.count,
      totalMs: Math.round(older.totalMs),
      firstMs: unix(older.firstMs),
      lastMs: unix(older.lastMs),
    },
    summary: summaryOf({ agreement, spanMs, count, shown: shown.length, unknownMs, resolutionMs }),
  };
}

function viewOf(
  difference: Difference,
  { unix, untilMs, titleOf }: {
    unix: (atMs: number) => number;
    untilMs: number;
    titleOf: (instanceId: string) => string;
  },
): DifferenceView {
  const { fromMs, toMs, held, began, ended, reason } = difference;
  const others = difference.others.map(titleOf);
  const blurMs = Math.round(difference.blurMs);
  const view = { fromMs: unix(fromMs), toMs: toMs === null ? null : unix(toMs) };
  const span = durationText((toMs ?? untilMs) - fromMs);
  const known = { held, began, ended, blurMs, reason, others };
  return { ...view, ...known, text: sentenceOf({ ...view, ...known }, span) };
}

/** The difference as a sentence that begins with its time. */
function sentenceOf(difference: Omit<DifferenceView, "text">, span: string): string {
  const { fromMs, toMs, held, began, ended, reason, others } = difference;
  const elsewhere = others.length > 0 ? `on ${others.join(" and ")}` : "nowhere";
  const shown = held === "shadow" ? elsewhere : "on this node";
  const end = toMs === null
    ? `${span} so far`
    : `until ${timeText(toMs)}${ending(ended)} (${span})`;
  const at = timeText(fromMs);
  if (began === "shadow") {
    const would = held === "shadow"
      ? "shadow would have held from here"
      : "shadow would have given it up here";
    return `${at}  ${would} (${reason}); the cloud showed it ${shown} ${end}`;
  }
  const would = held === "shadow" ? "would have kept it here" : "would not have held";
  if (began === "unknown") {
    return `${at}  the cloud showed it ${shown}, the shadow ${would} (${reason}), ${end}`;
  }
  const moved = held === "cloud"
    ? "moved it to this node"
    : others.length > 0
    ? `moved it to ${others.join(" and ")}`
    : "took it from this node";
  return `${at}  the cloud ${moved}, the shadow would not have (${reason}), ${end}`;
}

function ending(ended: Difference["ended"]): string {
  switch (ended) {
    case "shadow":
      return ", when the shadow followed";
    case "unknown":
      return ", when the cloud stopped answering";
    default:
      return "";
  }
}

/** `2026-11-28 14:02:11Z`. */
function timeText(unixMs: number): string {
  return `${new Date(unixMs).toISOString().slice(0, 19).replace("T", " ")}Z`;
}

/** Never rounded up to agreement. */
function percentText(share: number): string {
  const hundredths = Math.floor(share * 10_000) / 100;
  return `${hundredths} %`;
}

function summaryOf(
  { agreement, spanMs, count, shown, unknownMs, resolutionMs }: {
    agreement: number | null;
    spanMs: number;
    count: number;
    shown: number;
    unknownMs: number;
    resolutionMs: number;
  },
): string {
  if (agreement === null) return "nothing to compare yet: the cloud was not looked at twice";
  const listed = count === 0
    ? "no differences"
    : count === 1
    ? "1 difference, listed above"
    : shown < count
    ? `${count} differences, the latest ${shown} listed above`
    : `${count} differences, listed above`;
  const unknown = unknownMs >= 1_000
    ? `; the cloud did not answer for ${durationText(unknownMs)} of it`
    : "";
  return `in ${spanText(spanMs)} the two agreed for ${
    percentText(agreement)
  } of the time; ${listed} (looked every ${
    durationText(resolutionMs)
  }: shorter differences may be missing)${unknown}`;
}

/** The report as lines of text. */
export function shadowLines(report: ShadowReport, elasticIp: string): string[] {
  const { older, differences, count, sinceMs } = report;
  const since = sinceMs === null ? "" : ` since ${timeText(sinceMs)}`;
  const left = count - differences.length - (older?.count ?? 0);
  return [
    `shadow of ${elasticIp}${since}`,
    ...(older
      ? [
        `  ${older.count} older ${older.count === 1 ? "difference" : "differences"}, ${
          durationText(older.totalMs)
        } in all, from ${timeText(older.firstMs)} to ${timeText(older.lastMs)}`,
      ]
      : []),
    ...(left > 0
      ? [`  ${left} earlier ${left === 1 ? "difference" : "differences"} not shown`]
      : []),
    ...differences.map(({ text }) => `  ${text}`),
    `  ${report.summary}`,
  ];
}
