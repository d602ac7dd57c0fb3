// --history-file: keeps the record of who held over restarts. The file only observes: without it, or on a full disk,
// the watchdog does its work all the same.
import { nameOf } from "../config/config.ts";
import { messageOf } from "../core/message_of.ts";
import { openSegments, type SegmentedFile } from "../host/segmented_file.ts";
import type { Entry } from "../status/history/entry.ts";
import { changeLine, entriesOf, parseLines, runLine, type Stamp } from "../status/history/lines.ts";
import type { HistoryRecorder } from "../status/history/recorder.ts";
import { addressHistory, type History, HISTORY_VERSION } from "../status/history/view.ts";
import type { Clock, Log } from "../world.ts";

/** Size of each of the two files. */
export const SEGMENT_BYTES = 512 * 1_024;
/** How often to note in the file that the watchdog runs: after a crash, its end is known to within this time. */
const SEEN_MS = 30_000;
/** Longest wait for the disk at the end. */
const CLOSE_MS = 1_000;

/** What the first line of the file notes. */
interface Note extends Stamp {
  readonly instance: string;
}

/** The opened file; null when it cannot be used, which is logged. */
export function openHistoryFile(
  path: string | null,
  { clock, log, instanceId, maxBytes = SEGMENT_BYTES }: {
    clock: Clock;
    log: Log;
    instanceId: string;
    maxBytes?: number;
  },
): HistoryFile | null {
  if (path === null) return null;
  try {
    return new HistoryFile(path, { clock, log, instanceId, maxBytes });
  } catch (error) {
    const rest = "the history is kept in memory only";
    const text = `${nameOf("history-file")}: cannot use ${path}: ${messageOf(error)}; ${rest}`;
    log.write("warning", "history-file", text);
    return null;
  }
}

/** The history of earlier runs, and a place for this one's. */
export class HistoryFile {
  readonly startedAtMs: number;
  readonly #clock: Clock;
  readonly #instance: string;
  readonly #file: SegmentedFile;
  readonly #earlier: ReadonlyMap<string, readonly Entry[]>;
  #records: readonly HistoryRecorder[] = [];
  #seenAtMs = -Infinity;

  constructor(
    path: string,
    { clock, log, instanceId, maxBytes }: {
      clock: Clock;
      log: Log;
      instanceId: string;
      maxBytes: number;
    },
  ) {
    this.#clock = clock;
    this.#instance = instanceId;
    this.startedAtMs = clock.nowMs();
    const say = (severity: "info" | "warning", text: string) =>
      log.write(severity, "history-file", `${nameOf("history-file")}: ${text}`);
    this.#file = openSegments(path, {
      maxBytes,
      accept: (texts, note) => problemOf(texts, { note, instanceId }),
      setAside: (moved, reason) =>
        say("warning", `${reason}: it is kept as ${moved}, and another file is begun`),
      repeat: ({ begins }) => this.#repeated(begins),
      report: {
        failed: (reason) =>
          say("warning", `cannot write ${path}: ${reason}; the history goes on in memory`),
        recovered: (lost) => say("info", `${path} is written again; ${lost} lines were lost`),
      },
    });
    const { texts, note } = this.#file;
    const parsed = parseLines(texts);
    const seen = noteOf(note);
    const [nowMs, wallMs] = [clock.nowMs(), clock.wallMs()];
    const lines = "lines" in parsed ? parsed.lines : [];
    this.#earlier = entriesOf(lines, { seen, nowMs, wallMs });
    // A run that crashed has no end yet, and the note of its last sign of life is about to be replaced.
    const crashed = lines.at(-1) !== undefined && lines.at(-1)?.run !== "stop" && seen !== null;
    if (crashed) this.#file.write([runLine("stop", seen)]);
    this.#file.write([runLine("start", this.#stamp(this.startedAtMs))]);
    this.#remember(this.startedAtMs);
  }

  /** What earlier runs have recorded of that address. */
  earlier(elasticIp: string): readonly Entry[] {
    return this.#earlier.get(elasticIp) ?? [];
  }

  /** The records of this run. */
  begin(records: readonly HistoryRecorder[]): void {
    this.#records = records;
  }

  /** Queues an entry of this run. */
  write(elasticIp: string, entry: Entry): void {
    if (entry.kind !== "node") return;
    this.#file.write([changeLine(elasticIp, entry, { stamp: this.#stamp(entry.atMs) })]);
  }

  /** Notes now and then that the watchdog runs. */
  stepped(atMs: number): void {
    if (atMs >= this.#seenAtMs + SEEN_MS) this.#remember(atMs);
  }

  /** Queues the end of this run. */
  stop(): void {
    this.#file.write([runLine("stop", this.#stamp(this.#clock.nowMs()))]);
  }

  /** Writes what is queued, and closes. */
  async close(): Promise<void> {
    await this.#file.close(CLOSE_MS);
  }

  #remember(atMs: number): void {
    this.#seenAtMs = atMs;
    const note: Note = { ...this.#stamp(atMs), instance: this.#instance };
    this.#file.remember(note);
  }

  #stamp(atMs: number): Stamp {
    const agoMs = this.#clock.nowMs() - atMs;
    const upMs = Math.round(atMs - this.startedAtMs);
    return { wallMs: Math.round(this.#clock.wallMs() - agoMs), upMs };
  }

  /** The current state, to begin another file with it, or to go on after lost lines. */
  #repeated(base: boolean): string[] {
    const nowMs = this.#clock.nowMs(), stamp = this.#stamp(nowMs);
    return [
      ...(base ? [runLine("start", stamp, base)] : []),
      ...this.#records.flatMap((record) =>
        record.current(nowMs).flatMap((entry) =>
          entry.kind === "node" ? [changeLine(record.elasticIp, entry, { stamp, base })] : []
        )
      ),
    ];
  }
}

/** The history that files have, when no watchdog runs. Throws an `Error` when they have none. */
export function recordedHistory(
  texts: readonly string[],
  { note, nowMs, wallMs }: { note: unknown; nowMs: number; wallMs: number },
): History {
  const parsed = parseLines(texts);
  if ("problem" in parsed) throw new Error(parsed.problem);
  const found = entriesOf(parsed.lines, { seen: noteOf(note), nowMs, wallMs });
  const addresses = [...found].map(([elasticIp, entries]) => {
    const base = { atMs: entries[0]?.atMs ?? nowMs, running: false, nodes: new Map() };
    return addressHistory(elasticIp, { base, entries }, { nowMs, wallMs, nameOf: () => null });
  });
  return {
    version: HISTORY_VERSION,
    takenAtMs: Math.round(wallMs),
    addresses,
    addressesLeftOut: 0,
  };
}

function problemOf(
  texts: readonly string[],
  { note, instanceId }: { note: unknown; instanceId: string },
): string | null {
  const parsed = parseLines(texts);
  if ("problem" in parsed) return parsed.problem;
  const found = noteOf(note);
  if (found === null) return "its first line does not say whose history it is";
  if (found.instance === instanceId) return null;
  return `it is the history of instance ${found.instance}, and this one is ${instanceId}`;
}

function noteOf(note: unknown): Note | null {
  if (typeof note !== "object" || note === null) return null;
  const { wallMs, upMs, instance } = note as Record<string, unknown>;
  const fine = Number.isFinite(wallMs) && Number.isFinite(upMs) && typeof instance === "string";
  return fine ? note as Note : null;
}
