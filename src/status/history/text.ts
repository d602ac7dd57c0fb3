// The history for a terminal: a band of characters for each node, and below it what happened, newest last.
import { durationText, spanText } from "../../core/age.ts";
import { aligned } from "../table.ts";
import type { AddressHistory, History, Mark, NodeHistory, Span } from "./view.ts";

/** Characters of a band. */
const BAND = 60;
/** Most lines of what happened; older ones are left out. */
const EVENTS_MAX = 200;
const DAY_MS = 86_400_000;

const LOOKS: Readonly<Record<Span["state"], string>> = {
  "holds": "#",
  "holds-unheard": "!",
  "alive": ".",
  "silent": "-",
  "unknown": "?",
};
const MARKS: Readonly<Record<Mark["kind"], string>> = {
  "outage": "x",
  "two-holders": "2",
  "sharing": " ",
  "not-running": " ",
};
const LEGEND = "# holds  . alive  - silent  ! held in the cloud, but not heard  ? unknown  " +
  "x no holder  2 two holders";

/** A time of the window: with the date if it is long. */
type Clock = (ms: number) => string;

/** The lines for a window that ends now, with local times. */
export function historyLines(
  history: History,
  { sinceMs, utc = false }: { sinceMs: number; utc?: boolean },
): string[] {
  const { addresses, takenAtMs, addressesLeftOut } = history;
  const dated = takenAtMs - sinceMs >= DAY_MS;
  const clock: Clock = (ms) => {
    const offsetMs = utc ? 0 : new Date(ms).getTimezoneOffset() * 60_000;
    return new Date(ms - offsetMs).toISOString().slice(dated ? 5 : 11, 19).replace("T", " ");
  };
  const window = { sinceMs, untilMs: takenAtMs };
  const parts = addresses.map((address) => addressLines(address, { window, clock }));
  const lines = parts.flatMap((part, index) => index === 0 ? part : ["", ...part]);
  return addressesLeftOut > 0 ? [...lines, "", `${addressesLeftOut} addresses left out`] : lines;
}

interface Window {
  readonly sinceMs: number;
  readonly untilMs: number;
}

function addressLines(
  view: AddressHistory,
  { window, clock }: { window: Window; clock: Clock },
): string[] {
  const { sinceMs, untilMs } = window;
  const cellMs = (untilMs - sinceMs) / BAND;
  const rows = view.nodes.map((node) => [`  ${node.name}`, `|${bandOf(node, window)}|`]);
  const faults = ["  faults", `|${faultBand(view.marks, window)}|`];
  const events = eventsOf(view, window).slice(-EVENTS_MAX);
  const known = view.fromMs > sinceMs ? `, known from ${clock(view.fromMs)} on` : "";
  const until = `${clock(sinceMs)} to ${clock(untilMs)}`;
  return [
    `${view.elasticIp}  ${until}, each character ${durationText(cellMs)}${known}`,
    ...aligned([...rows, faults]),
    `  ${LEGEND}`,
    "",
    ...(events.length === 0
      ? ["  nothing changed"]
      : events.map(({ atMs, text }) => `  ${clock(atMs)}  ${text}`)),
    "",
    `  without a holder ${durationText(view.unheldMs)}, with two ${
      durationText(view.twoHoldersMs)
    }`,
  ];
}

/** In each cell the state that fills most of it. */
function bandOf({ spans }: NodeHistory, { sinceMs, untilMs }: Window): string {
  const cellMs = (untilMs - sinceMs) / BAND;
  const filled = Array.from({ length: BAND }, () => new Map<Span["state"], number>());
  for (const { fromMs, toMs, state } of spans) {
    const endMs = Math.min(toMs ?? untilMs, untilMs);
    const first = Math.max(0, Math.floor((fromMs - sinceMs) / cellMs));
    for (let cell = first; cell < BAND && sinceMs + cell * cellMs < endMs; cell++) {
      const beginMs = sinceMs + cell * cellMs;
      const ms = Math.min(endMs, beginMs + cellMs) - Math.max(fromMs, beginMs);
      const cells = filled[cell];
      if (ms > 0) cells?.set(state, (cells.get(state) ?? 0) + ms);
    }
  }
  return filled.map((cells) => {
    const [most] = [...cells].sort(([, one], [, other]) => other - one);
    return most ? LOOKS[most[0]] : " ";
  }).join("");
}

/** In each cell a fault, however short. */
function faultBand(marks: readonly Mark[], { sinceMs, untilMs }: Window): string {
  const cellMs = (untilMs - sinceMs) / BAND;
  const cells = new Array<string>(BAND).fill(" ");
  for (const { kind, fault, fromMs, toMs } of marks) {
    const last = Math.min(BAND - 1, Math.floor(((toMs ?? untilMs) - sinceMs) / cellMs));
    const first = Math.max(0, Math.floor((fromMs - sinceMs) / cellMs));
    for (let cell = Math.min(first, last); fault && cell <= last; cell++) cells[cell] = MARKS[kind];
  }
  return cells.join("");
}

/** Something that happened. */
export interface HistoryEvent {
  readonly atMs: number;
  readonly text: string;
}

/** What happened within the window, oldest first. */
export function eventsOf(view: AddressHistory, { sinceMs, untilMs }: Window): HistoryEvent[] {
  const events = [
    ...view.marks.map((mark) => markEvent(mark, view)),
    ...view.nodes.flatMap((node) => [...holdEvents(node, view.marks)]),
  ];
  return events.filter(({ atMs }) => atMs >= sinceMs && atMs <= untilMs)
    .sort((one, other) => one.atMs - other.atMs);
}

function markEvent(mark: Mark, { nodes }: AddressHistory): HistoryEvent {
  const { kind, fault, fromMs, toMs, lastedMs, endedBy } = mark;
  const why = mark.causes.length > 0 ? `: ${mark.causes.map(({ text }) => text).join("; ")}` : "";
  const span = spanText(lastedMs);
  if (kind === "not-running") {
    return { atMs: toMs ?? fromMs, text: `this watchdog did not run for ${span}` };
  }
  if (kind === "sharing") return { atMs: fromMs, text: `several share it, for ${span}${why}` };
  if (kind === "two-holders") {
    const word = fault ? "TWO HOLDERS" : "two holders";
    return { atMs: fromMs, text: `${word} for ${span}${toMs === null ? " so far" : ""}${why}` };
  }
  if (toMs === null) return { atMs: fromMs, text: `NO HOLDER since, for ${span} so far${why}` };
  const name = nodes.find(({ key }) => key === endedBy)?.name;
  return name === undefined
    ? { atMs: toMs, text: `NO HOLDER for ${span} until now${why}` }
    : { atMs: toMs, text: `${name} took over after ${span} without holder${why}` };
}

/** When the node began to hold and when it ended, where no mark says so. */
function* holdEvents(
  { name, key, spans }: NodeHistory,
  marks: readonly Mark[],
): Generator<HistoryEvent> {
  for (const [index, span] of spans.entries()) {
    if (span.state !== "holds") continue;
    const before = spans[index - 1];
    const goesOn = before?.state === "holds" && before.toMs === span.fromMs;
    const took = marks.some(({ kind, toMs, endedBy }) =>
      kind === "outage" && endedBy === key && toMs === span.fromMs
    );
    if (!goesOn && !took) yield { atMs: span.fromMs, text: `${name} holds` };
    const after = spans[index + 1];
    if (span.toMs === null || after?.state === "holds" || after?.fromMs !== span.toMs) continue;
    const text = after.state === "alive" ? "holds no longer" : `is ${after.state}`;
    yield { atMs: span.toMs, text: `${name} ${text}` };
  }
}
