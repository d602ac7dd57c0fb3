// The history as operators get it: spans of each node's state, and the marks: outages, times with two holders, and
// times in which this watchdog did not run, with their causes. /history.json and `--history --json` give it;
// scripts/package/monitoring/exoip-history.schema.json is its schema. All times are Unix time in whole ms.
import {
  ABSENT,
  type Change,
  type Entry,
  type Holding,
  holdingOf,
  type NodeInfo,
  type NodeState,
  SELF,
  type Standing,
} from "./entry.ts";
import { type Cause, causesAtStart, causesDuring, causesFor } from "./causes.ts";
import type { HistoryRecorder, Moment } from "./recorder.ts";

/** Increases when a field is removed or changes its meaning. */
export const HISTORY_VERSION = 1;
/** A hand-over with two holders that lasts longer than this is a fault. */
export const HAND_OVER_MS = 10_000;
/** Most causes of one mark. */
const CAUSES_MAX = 6;

/** The history of one watchdog. */
export interface History {
  readonly version: typeof HISTORY_VERSION;
  readonly takenAtMs: number;
  readonly addresses: readonly AddressHistory[];
  /** Addresses that did not fit into an answer over UDP; else 0. */
  readonly addressesLeftOut: number;
}

/** One Elastic IP. */
export interface AddressHistory {
  readonly elasticIp: string;
  /** Since when something is known. */
  readonly fromMs: number;
  /** This node first, then its peers, and instances that are no peers. */
  readonly nodes: readonly NodeHistory[];
  /** Oldest first. */
  readonly marks: readonly Mark[];
  /** For how long, since `fromMs`, no node was known to hold. */
  readonly unheldMs: number;
  /** For how long several nodes held that should not, hand-overs included. */
  readonly twoHoldersMs: number;
}

/** One node. */
export interface NodeHistory {
  /** Unique in this list: `self`, an address, or an instance id. */
  readonly key: string;
  readonly self: boolean;
  readonly address: string | null;
  readonly instanceId: string | null;
  /** For people. */
  readonly name: string;
  /** Oldest first, without overlaps. Times without a span: not in the list of peers, or the watchdog did not run. */
  readonly spans: readonly Span[];
}

/** A node in one state. */
export interface Span {
  readonly fromMs: number;
  /** Null while it lasts. */
  readonly toMs: number | null;
  readonly state: Exclude<NodeState, "absent">;
  readonly why: string;
}

/** The kinds of marks. */
export const MARK_KINDS = ["outage", "two-holders", "sharing", "not-running"] as const;

/** A time that stands out. */
export interface Mark {
  readonly kind: typeof MARK_KINDS[number];
  /** Whether it is a fault: not for equal nodes that share, nor for a short hand-over. */
  readonly fault: boolean;
  readonly fromMs: number;
  /** Null while it lasts. */
  readonly toMs: number | null;
  /** How long it took, or takes so far. */
  readonly lastedMs: number;
  readonly causes: readonly Cause[];
  /** Key of the node that held after it; null while it lasts, and where none or several did. */
  readonly endedBy: string | null;
}

/** What making a view needs. */
export interface ViewOptions {
  /** Now, by the monotonic clock and by the wall clock. */
  readonly nowMs: number;
  readonly wallMs: number;
  /** The configured name of the peer with that address, null without one. */
  readonly nameOf: (address: string) => string | null;
}

/** The history of these records. */
export function historyOf(records: readonly HistoryRecorder[], options: ViewOptions): History {
  return {
    version: HISTORY_VERSION,
    takenAtMs: Math.round(options.wallMs),
    addresses: records.map(({ elasticIp, base, entries }) =>
      addressHistory(elasticIp, { base, entries }, options)
    ),
    addressesLeftOut: 0,
  };
}

/** One Elastic IP's history from its record. */
export function addressHistory(
  elasticIp: string,
  { base, entries }: { base: Moment; entries: readonly Entry[] },
  { nowMs, wallMs, nameOf }: ViewOptions,
): AddressHistory {
  const replay = new Replay(base, nameOf);
  for (const entry of ordered(entries)) replay.take(entry);
  const { nodes, marks } = replay.end();
  const wall = (ms: number) => Math.round(wallMs - (nowMs - ms));
  const until = (ms: number | null) => ms === null ? null : wall(ms);
  const lasted = ({ fromMs, toMs }: { fromMs: number; toMs: number | null }) =>
    (until(toMs) ?? Math.round(wallMs)) - wall(fromMs);
  const views = marks.map((mark): Mark => ({
    ...finished(mark, lasted(mark)),
    fromMs: wall(mark.fromMs),
    toMs: until(mark.toMs),
    lastedMs: lasted(mark),
  }));
  return {
    elasticIp,
    fromMs: wall(base.atMs),
    nodes: nodes.map((node) => ({
      ...node,
      spans: node.spans.map((span) => ({
        ...span,
        fromMs: wall(span.fromMs),
        toMs: until(span.toMs),
      })),
    })),
    marks: views,
    ...sumsOf(views, { fromMs: wall(base.atMs), takenAtMs: Math.round(wallMs) }),
  };
}

/** Times within the window. */
function sumsOf(
  marks: readonly Mark[],
  { fromMs, takenAtMs }: { fromMs: number; takenAtMs: number },
): Pick<AddressHistory, "unheldMs" | "twoHoldersMs"> {
  const sum = (kind: Mark["kind"]) =>
    marks.filter((mark) => mark.kind === kind)
      .reduce((ms, mark) => ms + (mark.toMs ?? takenAtMs) - Math.max(mark.fromMs, fromMs), 0);
  return { unheldMs: sum("outage"), twoHoldersMs: sum("two-holders") };
}

/** The part since an instant. Marks keep their whole length. */
export function clipped(history: History, sinceMs: number): History {
  const { takenAtMs } = history;
  const later = ({ toMs }: { readonly toMs: number | null }) => toMs === null || toMs > sinceMs;
  return {
    ...history,
    addresses: history.addresses.map((address) => {
      const fromMs = Math.max(address.fromMs, sinceMs);
      const marks = address.marks.filter(later);
      const nodes = address.nodes.map((node) => ({
        ...node,
        spans: node.spans.filter(later).map((span) => ({
          ...span,
          fromMs: Math.max(span.fromMs, fromMs),
        })),
      })).filter(({ self, spans }) => self || spans.length > 0);
      return { ...address, fromMs, nodes, marks, ...sumsOf(marks, { fromMs, takenAtMs }) };
    }),
  };
}

/** By the time since when each is true: a silence is noticed late. A run keeps its order with others. */
function ordered(entries: readonly Entry[]): readonly (Entry & { readonly trueMs: number })[] {
  let startMs = -Infinity;
  const timed = entries.map((entry) => {
    if (entry.kind !== "node") startMs = entry.atMs;
    return { ...entry, trueMs: entry.kind === "node" ? Math.max(entry.sinceMs, startMs) : startMs };
  });
  return timed.sort((one, other) => one.trueMs - other.trueMs);
}

type Draft = Omit<Mark, "lastedMs" | "fault" | "causes"> & {
  readonly causes: Map<string, Cause>;
};
type Row = { -readonly [Key in keyof NodeHistory]: NodeHistory[Key] } & { spans: Span[] };

/** Goes through the entries and collects spans and marks. */
class Replay {
  readonly #nameOf: ViewOptions["nameOf"];
  readonly #rows = new Map<string, Row>();
  readonly #nodes: Map<string, Standing & { readonly info: NodeInfo }>;
  readonly #marks: Draft[] = [];
  #lastHolder: string | null = null;
  #running: boolean;
  #holding: Holding;

  constructor(base: Moment, nameOf: ViewOptions["nameOf"]) {
    this.#nameOf = nameOf;
    this.#running = base.running;
    this.#nodes = new Map(base.nodes);
    this.#row(SELF, { address: null, instanceId: null });
    for (const [key, { state, why, info }] of base.nodes) {
      this.#open(this.#row(key, info), { state, why, atMs: base.atMs });
    }
    this.#holding = base.running ? holdingOf(this.#nodes.values(), "unknown") : "unknown";
    this.#begin(this.#holding, base.atMs);
  }

  take(entry: Entry & { readonly trueMs: number }): void {
    const { trueMs } = entry;
    if (entry.kind !== "node") return this.#bound(entry.kind, trueMs);
    const before = this.#nodes.get(entry.node) ?? ABSENT;
    const row = this.#row(entry.node, entry.info);
    if (before.state === entry.state && before.why === entry.why && before.rank === entry.rank) {
      return;
    }
    this.#close(row, trueMs);
    if (entry.state === "absent") this.#nodes.delete(entry.node);
    else {
      this.#nodes.set(entry.node, entry);
      this.#open(row, { state: entry.state, why: entry.why, atMs: trueMs });
    }
    if (entry.state === "holds") this.#lastHolder = entry.node;
    this.#turn(entry);
  }

  end(): { nodes: Row[]; marks: readonly Draft[] } {
    return {
      nodes: [...this.#rows.values()].filter(({ spans, self }) => self || spans.length > 0),
      marks: this.#marks,
    };
  }

  /** Everything that was known ends with a run. */
  #bound(kind: "start" | "stop", atMs: number): void {
    for (const row of this.#rows.values()) this.#close(row, atMs);
    this.#nodes.clear();
    this.#lastHolder = null;
    this.#finish(atMs, null);
    const known = this.#running || this.#rows.size > 1 || this.#marks.length > 0;
    this.#running = kind === "start";
    this.#holding = kind === "start" ? "unknown" : "not-running";
    if (kind === "stop" && known) this.#begin("not-running", atMs);
  }

  #turn(entry: Change & { readonly trueMs: number }): void {
    const holding = holdingOf(this.#nodes.values(), this.#holding);
    const name = (key: string) => nameIn(this.#rows.get(key));
    const facts = { entry, nodes: this.#nodes, lastHolder: this.#lastHolder, name };
    if (holding !== this.#holding) {
      const holders = [...this.#nodes].filter(([, { state }]) => state === "holds");
      this.#finish(entry.trueMs, holders.length === 1 ? holders[0]?.[0] ?? null : null);
      this.#begin(holding, entry.trueMs);
      if (holding === "outage") this.#because(causesAtStart(facts, this.#holding));
      this.#holding = holding;
    }
    this.#because(holding === "outage" ? causesDuring(facts) : causesFor(holding, facts));
  }

  #because(causes: readonly Cause[]): void {
    const mark = this.#marks.at(-1);
    if (mark === undefined || mark.toMs !== null) return;
    for (const cause of causes) {
      if (mark.causes.size < CAUSES_MAX) mark.causes.set(cause.text, cause);
    }
  }

  #begin(holding: Holding, fromMs: number): void {
    if (holding === "held" || holding === "unknown") return;
    this.#marks.push({ kind: holding, fromMs, toMs: null, causes: new Map(), endedBy: null });
  }

  #finish(toMs: number, endedBy: string | null): void {
    const mark = this.#marks.at(-1);
    if (mark?.toMs === null) this.#marks[this.#marks.length - 1] = { ...mark, toMs, endedBy };
  }

  #row(key: string, { address, instanceId }: NodeInfo): Row {
    const self = key === SELF;
    const row = this.#rows.get(key) ??
      { key, self, address, instanceId, name: "", spans: [] };
    row.instanceId = instanceId ?? row.instanceId;
    const given = row.address === null ? null : this.#nameOf(row.address);
    row.name = self
      ? "this node"
      : row.address === null
      ? `instance ${key}`
      : given === null || given === row.address
      ? row.address
      : `${given} (${row.address})`;
    this.#rows.set(key, row);
    return row;
  }

  #open(row: Row, { state, why, atMs }: { state: NodeState; why: string; atMs: number }): void {
    if (state !== "absent") row.spans.push({ fromMs: atMs, toMs: null, state, why });
  }

  #close(row: Row, toMs: number): void {
    const span = row.spans.at(-1);
    if (span?.toMs !== null || span === undefined) return;
    if (span.fromMs >= toMs) row.spans.pop();
    else row.spans[row.spans.length - 1] = { ...span, toMs };
  }
}

/** A node's name within a sentence. */
function nameIn(row: Row | undefined): string {
  if (row === undefined) return "a node";
  return row.self || row.address === null ? row.name : `peer ${row.name}`;
}

/** With its verdict, which depends on how long it took. */
function finished({ causes, ...mark }: Draft, lastedMs: number): Omit<Mark, "lastedMs"> {
  const list = [...causes.values()];
  const planned = list.every(({ word }) => word === "hand-over");
  const late = mark.kind === "two-holders" && planned && lastedMs > HAND_OVER_MS;
  const fault = mark.kind === "outage" || (mark.kind === "two-holders" && (!planned || late));
  const text = `two nodes hold for more than ${HAND_OVER_MS / 1_000} s`;
  return {
    ...mark,
    fault,
    causes: late ? [...list, { word: "late-detach", node: null, text }] : list,
  };
}
