// A file of lines that stays within a size and survives a crash at any moment: two files, FILE and FILE.1. Lines go to
// one of them; when it is full, the other one is emptied and gets them. Both are opened at the start and locked, so the
// process can give up its right to write files. Writing happens in the background and never makes the loop wait.
import { lookAt } from "./look_at.ts";
import { messageOf } from "../core/message_of.ts";
import { BoundedQueue } from "./bounded_queue.ts";

/** A file that is longer is not ours. */
const READ_MAX_BYTES = 8 * 1_024 * 1_024;
/** Length of the first line, which is rewritten in place. */
const HEAD_BYTES = 192;
const MODE = 0o600;
/** Most files that were set aside beside this one. */
const ASIDE_MAX = 100;

/** Why a file cannot be used at all. */
export class UnusableFile extends Error {}

/** The first line. */
interface Head {
  readonly "exoip-history": 1;
  /** The file with the higher number is the newer one. */
  readonly segment: number;
  /** What the owner notes from time to time. */
  readonly note: unknown;
}

interface Segment {
  readonly path: string;
  readonly file: Deno.FsFile;
  segment: number;
  note: unknown;
  text: string;
  size: number;
}

/** The lines that say what is so now; `begins`: another file begins with them. */
type Repeat = (options: { begins: boolean }) => readonly string[];

/** What can go wrong and right while writing; each is told once. */
export interface WriteReport {
  readonly failed: (reason: string) => void;
  readonly recovered: (lost: number) => void;
}

/** The files, open. */
export interface SegmentedFile {
  /** The lines of both files, the older one first. */
  readonly texts: readonly string[];
  /** The last note, null without one. */
  readonly note: unknown;
  /** Queues lines. */
  write(lines: readonly string[]): void;
  /** Queues another note. */
  remember(note: unknown): void;
  /** Writes what is queued and closes, within that time. */
  close(withinMs: number): Promise<void>;
}

/** Opens or creates both files. Throws an `UnusableFile` when that cannot be done. */
export function openSegments(
  path: string,
  { maxBytes, accept, setAside, repeat, report }: {
    /** Beyond this, the other file gets the lines. */
    maxBytes: number;
    /** Why these texts and this note are not those of the owner, null when they are. */
    accept: (texts: readonly string[], note: unknown) => string | null;
    /** Told where a file that is not ours, or broken, was moved. */
    setAside: (moved: string, reason: string) => void;
    repeat: Repeat;
    report: WriteReport;
  },
): SegmentedFile {
  const paths = [path, `${path}.1`];
  const segments: Segment[] = [];
  try {
    for (const each of paths) segments.push(openOne(each, setAside));
    const old = segments.filter(({ segment }) => segment > 0)
      .sort((one, other) => one.segment - other.segment);
    const texts = old.map(({ text }) => text), note = old.at(-1)?.note ?? null;
    const problem = old.length > 0 ? accept(texts, note) : null;
    if (problem !== null) {
      for (const segment of old) replace(segments, segment, { problem, setAside });
      return new Segments(segments, { texts: [], note: null }, { maxBytes, repeat, report });
    }
    return new Segments(segments, { texts, note }, { maxBytes, repeat, report });
  } catch (error) {
    for (const { file } of segments) unlock(file);
    throw error instanceof UnusableFile ? error : new UnusableFile(messageOf(error));
  }
}

/** What both files have, for a reader; throws when there is none, or one is not ours. */
export function readSegments(path: string): { texts: readonly string[]; note: unknown } {
  const found = [path, `${path}.1`].flatMap((each) => {
    const info = lookAt(each);
    if (!info) return [];
    if (!info.isFile) throw new UnusableFile(`${each} is no plain file`);
    using file = Deno.openSync(each, { read: true });
    const { size } = file.statSync();
    if (size === 0) return [];
    const read = size > READ_MAX_BYTES ? `it has ${size} bytes` : contentOf(file, size);
    if (typeof read === "string") throw new UnusableFile(`${each}: ${read}`);
    return [read];
  }).sort((one, other) => one.segment - other.segment);
  if (found.length === 0) throw new UnusableFile("there is no history");
  return { texts: found.map(({ text }) => text), note: found.at(-1)?.note ?? null };
}

/** Moves a file away and creates an empty one in its place. */
function replace(
  segments: Segment[],
  old: Segment,
  { problem, setAside }: { problem: string; setAside: (moved: string, reason: string) => void },
): void {
  setAside(moveAway(old.path), problem);
  unlock(old.file);
  segments[segments.indexOf(old)] = openOne(old.path, setAside);
}

/**
 * Gives a locked file up. Closing alone is not enough: a child that is being started has the same open file until it
 * runs its program, and would keep the lock for that moment.
 */
function unlock(file: Deno.FsFile): void {
  file.unlockSync();
  file.close();
}

function openOne(path: string, setAside: (moved: string, reason: string) => void): Segment {
  const info = lookAt(path);
  if (info && !info.isFile) throw new UnusableFile(`${path} is no plain file`);
  const options = { read: true, write: true, mode: MODE };
  // A plain file opens without waiting for anybody.
  const file = Deno.openSync(path, { ...options, ...(info ? {} : { createNew: true }) });
  try {
    if (!file.tryLockSync(true)) throw new UnusableFile(`another process uses ${path}`);
    const { size } = file.statSync();
    if (size === 0) return { path, file, segment: 0, note: null, text: "", size };
    const read = size > READ_MAX_BYTES ? `it has ${size} bytes` : contentOf(file, size);
    if (typeof read !== "string") return { path, file, ...read };
    setAside(moveAway(path), read);
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  return openOne(path, setAside);
}

const FOREIGN = "its first line is not that of a history of exoip";

/** Head and lines, or the problem. A last line without an end was being written when the machine stopped. */
function contentOf(
  file: Deno.FsFile,
  size: number,
): { segment: number; note: unknown; text: string; size: number } | string {
  const bytes = new Uint8Array(size);
  let done = 0;
  while (done < size) {
    const count = file.readSync(bytes.subarray(done));
    if (count === null) break;
    done += count;
  }
  const end = bytes.lastIndexOf(10) + 1;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    const head: Head = JSON.parse(decoder.decode(bytes.subarray(0, HEAD_BYTES)));
    const { segment } = head;
    if (head["exoip-history"] !== 1 || !Number.isSafeInteger(segment) || segment < 1) {
      return FOREIGN;
    }
    const text = end > HEAD_BYTES ? decoder.decode(bytes.subarray(HEAD_BYTES, end)) : "";
    return { segment, note: head.note, text, size: Math.max(end, HEAD_BYTES) };
  } catch {
    return FOREIGN;
  }
}

function moveAway(path: string): string {
  for (let number = 1; number <= ASIDE_MAX; number++) {
    const moved = `${path}.set-aside-${number}`;
    if (lookAt(moved)) continue;
    Deno.renameSync(path, moved);
    return moved;
  }
  throw new UnusableFile(`${ASIDE_MAX} files beside ${path} were set aside already`);
}

type Item = { readonly lines: readonly string[] } | { readonly note: unknown };

class Segments implements SegmentedFile {
  readonly texts: readonly string[];
  readonly note: unknown;
  readonly #segments: readonly Segment[];
  readonly #options: { maxBytes: number; repeat: Repeat; report: WriteReport };
  readonly #queue: BoundedQueue<Item>;
  #active: Segment;
  #lost = 0;
  #failing = false;

  constructor(
    segments: readonly Segment[],
    { texts, note }: { texts: readonly string[]; note: unknown },
    options: { maxBytes: number; repeat: Repeat; report: WriteReport },
  ) {
    this.#segments = segments;
    this.texts = texts;
    this.note = note;
    this.#options = options;
    this.#active = segments.reduce((one, other) => other.segment > one.segment ? other : one);
    this.#queue = new BoundedQueue((batch, dropped) => this.#deliver(batch, dropped));
  }

  write(lines: readonly string[]): void {
    this.#queue.push({ lines });
  }

  remember(note: unknown): void {
    this.#queue.push({ note });
  }

  async close(withinMs: number): Promise<void> {
    await this.#queue.flush(withinMs);
    for (const { file } of this.#segments) unlock(file);
  }

  async #deliver(batch: readonly Item[], dropped: number): Promise<void> {
    const lines = batch.flatMap((item) => "lines" in item ? item.lines : []);
    const notes = batch.flatMap((item) => "note" in item ? [item.note] : []);
    this.#lost += dropped;
    try {
      if (notes.length > 0) this.#active.note = notes.at(-1);
      if (this.#active.segment === 0) await this.#begin(this.#active, 1);
      else if (notes.length > 0) await this.#writeHead(this.#active);
      if (lines.length > 0) await this.#append(lines);
      if (this.#failing) this.#options.report.recovered(this.#lost);
      this.#failing = false;
      this.#lost = 0;
    } catch (error) {
      this.#lost += lines.length;
      if (!this.#failing) this.#options.report.failed(messageOf(error));
      this.#failing = true;
    }
  }

  /** After a loss, the lines begin with the current state, so that what follows is right. */
  async #append(lines: readonly string[]): Promise<void> {
    const text = [...(this.#lost > 0 ? this.#options.repeat({ begins: false }) : []), ...lines];
    const bytes = new TextEncoder().encode(text.map((line) => `${line}\n`).join(""));
    const { size } = this.#active;
    if (size > HEAD_BYTES && size + bytes.length > this.#options.maxBytes) {
      const [other] = this.#segments.filter((segment) => segment !== this.#active);
      if (other) await this.#begin(other, this.#active.segment + 1);
    }
    await this.#put(this.#active, bytes, this.#active.size);
    this.#active.size += bytes.length;
  }

  /** Empties a file and makes it the one that gets the lines. */
  async #begin(segment: Segment, number: number): Promise<void> {
    const { note } = this.#active;
    const another = number > 1;
    await segment.file.truncate(0);
    Object.assign(segment, { segment: number, note, size: 0 });
    await this.#writeHead(segment);
    segment.size = HEAD_BYTES;
    if (another) {
      const text = this.#options.repeat({ begins: true }).map((line) => `${line}\n`).join("");
      const bytes = new TextEncoder().encode(text);
      await this.#put(segment, bytes, HEAD_BYTES);
      segment.size += bytes.length;
    }
    this.#active = segment;
  }

  async #writeHead(segment: Segment): Promise<void> {
    const head: Head = { "exoip-history": 1, segment: segment.segment, note: segment.note };
    const text = JSON.stringify(head).padEnd(HEAD_BYTES - 1) + "\n";
    await this.#put(segment, new TextEncoder().encode(text), 0);
  }

  /** Writes all bytes there. What got in before a failure is cut off again. */
  async #put({ file, size }: Segment, bytes: Uint8Array, atByte: number): Promise<void> {
    try {
      await file.seek(atByte, Deno.SeekMode.Start);
      for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
    } catch (error) {
      if (atByte >= size && size > 0) await file.truncate(size).catch(() => {});
      throw error;
    }
  }
}
