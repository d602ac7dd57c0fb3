// The history in a file: one JSON object in each line. Each line has the wall clock and the time since its run began,
// so that a jump of the wall clock within a run changes no duration.
import { type Change, type Entry, NODE_STATES, type NodeState } from "./entry.ts";

/** Longest line that is believed. */
const LINE_MAX_CHARS = 2_000;

/** When a line was written. */
export interface Stamp {
  /** Unix time. */
  readonly wallMs: number;
  /** Since the run began. */
  readonly upMs: number;
}

/** A change as a line; `base`: it repeats what an older file says. */
export function changeLine(
  elasticIp: string,
  { node, state, why, rank, info, atMs, sinceMs }: Change,
  { stamp, base = false }: { stamp: Stamp; base?: boolean },
): string {
  return JSON.stringify({
    ...timed(stamp),
    ip: elasticIp,
    node,
    state,
    ...(why !== "" && { why }),
    ...(rank !== null && { rank }),
    ...(sinceMs < atMs && { ago: Math.round(atMs - sinceMs) }),
    ...(info.address !== null && info.address !== node && { address: info.address }),
    ...(info.instanceId !== null && { instance: info.instanceId }),
    ...(base && { base }),
  });
}

/** The begin or end of a run as a line. */
export function runLine(run: "start" | "stop", stamp: Stamp, base = false): string {
  return JSON.stringify({ ...timed(stamp), run, ...(base && { base }) });
}

function timed({ wallMs, upMs }: Stamp) {
  return { at: Math.round(wallMs), up: Math.round(upMs) };
}

/** A line that was read. */
type Line =
  & Stamp
  & { readonly base: boolean }
  & (
    | { readonly run: "start" | "stop" }
    | { readonly run: null; readonly elasticIp: string; readonly change: Change }
  );

/** One run with its lines. */
interface Run {
  /** Wall clock at its begin, as its end saw it. */
  wallMs: number;
  endUpMs: number;
  readonly lines: Line[];
}

/** The lines of files, oldest first, or which line is wrong. */
export function parseLines(texts: readonly string[]): { lines: Line[] } | { problem: string } {
  const lines: Line[] = [];
  const first = texts.findIndex((text) => text !== "");
  for (const [file, text] of texts.entries()) {
    for (const [index, each] of text.split("\n").entries()) {
      if (each === "") continue;
      const line = each.length <= LINE_MAX_CHARS ? lineOf(each) : null;
      if (line === null) {
        return { problem: `line ${index + 2} is no line of a history: ${each.slice(0, 60)}` };
      }
      // What a newer file repeats counts only where the older one is not there.
      if (!line.base || file === first) lines.push(line);
    }
  }
  return { lines };
}

function lineOf(text: string): Line | null {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { at, up, run, ip, node, state, why = "", rank = null, ago = 0, base = false } = value;
  if (!finite(at) || !finite(up) || up < 0 || typeof base !== "boolean") return null;
  const stamp = { wallMs: at, upMs: up, base };
  if (run === "start" || run === "stop") return { ...stamp, run };
  if (!isText(ip) || !isText(node) || !isText(why) || !finite(ago) || ago < 0) return null;
  if (rank !== null && !isText(rank)) return null;
  if (!NODE_STATES.includes(state as NodeState)) return null;
  const { address = /[.:]/.test(node) ? node : null, instance = null } = value;
  if ((address !== null && !isText(address)) || (instance !== null && !isText(instance))) {
    return null;
  }
  const change: Change = {
    kind: "node",
    atMs: up,
    sinceMs: up - ago,
    node,
    state: state as NodeState,
    why,
    rank,
    info: { address, instanceId: instance },
  };
  return { ...stamp, run: null, elasticIp: ip, change };
}

const finite = (value: unknown): value is number => Number.isFinite(value);
const isText = (value: unknown): value is string => typeof value === "string";

/** The entries of earlier runs by Elastic IP, on the monotonic clock of this run. */
export function entriesOf(
  lines: readonly Line[],
  { seen, nowMs, wallMs }: {
    /** When the last run was last alive; null where that is not known. */
    seen: Stamp | null;
    nowMs: number;
    wallMs: number;
  },
): ReadonlyMap<string, Entry[]> {
  const runs = runsOf(lines);
  const last = runs.at(-1);
  if (last && seen && seen.upMs >= last.endUpMs) {
    last.endUpMs = seen.upMs;
    last.wallMs = seen.wallMs - seen.upMs;
  }
  const found = new Map<string, Entry[]>();
  const all = new Set(lines.flatMap((line) => line.run === null ? [line.elasticIp] : []));
  for (const ip of all) found.set(ip, []);
  // A clock that was set back must not make a run end after the next one began.
  let limitMs = nowMs;
  for (const { wallMs: begunMs, endUpMs, lines } of runs.toReversed()) {
    const originMs = Math.min(nowMs - (wallMs - begunMs), limitMs - endUpMs);
    limitMs = originMs + (lines[0]?.upMs ?? 0);
    for (const [ip, entries] of found) {
      const changes = lines.flatMap((line) =>
        line.run === null && line.elasticIp === ip
          ? [{
            ...line.change,
            atMs: originMs + line.change.atMs,
            sinceMs: originMs + line.change.sinceMs,
          }]
          : []
      );
      const bounds = [
        { kind: "start", atMs: originMs + (lines[0]?.upMs ?? 0) },
        { kind: "stop", atMs: originMs + endUpMs },
      ] as const;
      entries.unshift(bounds[0], ...changes, bounds[1]);
    }
  }
  return found;
}

/** The runs, oldest first. */
function runsOf(lines: readonly Line[]): Run[] {
  const runs: Run[] = [];
  for (const line of lines) {
    const begun = { wallMs: line.wallMs - line.upMs, endUpMs: line.upMs, lines: [] };
    if (line.run === "start" || runs.length === 0) runs.push(begun);
    const run = runs.at(-1) ?? begun;
    run.lines.push(line);
    run.endUpMs = Math.max(run.endUpMs, line.upMs);
    run.wallMs = line.wallMs - line.upMs;
  }
  return runs;
}
