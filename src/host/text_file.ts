// Reads configured files whole, with a limit on size and time: the path may name an endless device, a pipe without a
// writer, or a file on a file system that has gone away. Nothing here blocks the loop. A call that hangs costs one
// thread of the runtime, and the same file does not cost another one soon.
import { openFile } from "./open_file.ts";

/** Largest certificate bundle: one with all public authorities has 230 kB. */
export const BUNDLE_MAX_BYTES = 1024 * 1024;
/** Largest file of any other kind: it is parsed at once, while heartbeats wait. */
export const FILE_MAX_BYTES = 128 * 1024;
/** Time limit for reading at the start, when a pipe may still have to be filled, and later. */
const START_MS = 10_000, LATER_MS = 5_000;

/** Limits for reading a file. */
export interface ReadLimits {
  /** Largest size; default `FILE_MAX_BYTES`. */
  readonly maxBytes?: number;
}

/** Reads the text of a file. */
export type ReadTextFile = (path: string, limits?: ReadLimits) => Promise<string>;

/** By file: when calls began that have not returned in time. */
const hanging = new Map<string, number[]>();
/** A hanging file is tried again after HANGING_AGAIN_MS, because it may have been replaced; each try costs a thread. */
const HANGING_AGAIN_MS = 30_000, HANGING_MAX = 4;

/** Reads a file, a pipe or a device. Rejects with the system's error, or with what is wrong and what was expected. */
export function readTextFile(
  path: string,
  { maxBytes = FILE_MAX_BYTES }: ReadLimits = {},
): Promise<string> {
  return within(START_MS, path, (tell) => read(path, { maxBytes, pipes: true, tell }));
}

/** Reads only regular files, because a pipe gives its content only once. */
export function rereadTextFile(
  path: string,
  { maxBytes = FILE_MAX_BYTES }: ReadLimits = {},
): Promise<string> {
  return within(LATER_MS, path, (tell) => read(path, { maxBytes, pipes: false, tell }));
}

/** Runs work on a file that may hang; `work` calls `tell` to say what it waits for. */
export async function within<Value>(
  limitMs: number,
  path: string,
  work: (tell: (awaited: string) => void) => Promise<Value>,
): Promise<Value> {
  const tries = hanging.get(path) ?? [];
  const beganAtMs = performance.now();
  const latestMs = tries.at(-1) ?? -Infinity;
  if (tries.length >= HANGING_MAX || beganAtMs < latestMs + HANGING_AGAIN_MS) {
    throw new Error("an earlier attempt to read it still hangs");
  }
  let awaited = "it does not answer: is its file system there?";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      hanging.set(path, [...hanging.get(path) ?? [], beganAtMs]);
      reject(new Error(`${awaited} (waited ${limitMs / 1_000} s)`));
    }, limitMs);
  });
  const working = work((text) => awaited = text).finally(() => {
    const others = (hanging.get(path) ?? []).filter((atMs) => atMs !== beganAtMs);
    if (others.length > 0) hanging.set(path, others);
    else hanging.delete(path);
  });
  working.catch(() => {});
  try {
    return await Promise.race([working, late]);
  } finally {
    clearTimeout(timer);
  }
}

interface ConfigReader {
  readonly maxBytes: number;
  /** Whether pipes and devices are allowed, too. */
  readonly pipes: boolean;
  readonly tell: (awaited: string) => void;
}

/** The beginning of a file or disk, each byte as one character. */
export function readStartOf(path: string, maxBytes: number): Promise<string> {
  return within(LATER_MS, path, async () => {
    const info = await Deno.stat(path);
    const kind = info.isBlockDevice ? "a disk" : kindOf(info);
    if (kind !== "a file" && kind !== "a disk") throw new Error(`it is ${kind}, wanted a disk`);
    const { bytes, size } = await readBytes(path, maxBytes);
    return new TextDecoder("latin1").decode(bytes.subarray(0, size));
  });
}

async function readBytes(path: string, most: number) {
  const file = await openFile(path);
  const bytes = new Uint8Array(most);
  let size = 0;
  try {
    while (size < most) {
      const count = await file.read(bytes.subarray(size));
      if (count === 0) break;
      size += count;
    }
  } finally {
    file.close();
  }
  return { bytes, size };
}

async function read(path: string, { maxBytes, pipes, tell }: ConfigReader): Promise<string> {
  const info = await Deno.stat(path);
  const kind = kindOf(info);
  if (kind === "a folder" || kind === "a socket") throw new Error(`it is ${kind}, wanted a file`);
  if (kind !== "a file" && !pipes) {
    throw new Error(`it is ${kind}, which can be read at the start only, wanted a file`);
  }
  if (kind === "a file" && info.size > maxBytes) throw tooLarge(maxBytes);
  if (kind !== "a file") tell(`it is ${kind}, and what is written there has no end yet`);
  const { bytes, size } = await readBytes(path, maxBytes + 1);
  if (size > maxBytes) throw tooLarge(maxBytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, size));
  } catch {
    throw new Error("it is not text in UTF-8");
  }
}

function tooLarge(maxBytes: number): Error {
  return new Error(`it has more than ${maxBytes} bytes`);
}

function kindOf(info: Deno.FileInfo): string {
  if (info.isFile) return "a file";
  if (info.isDirectory) return "a folder";
  if (info.isFifo) return "a pipe";
  return info.isSocket ? "a socket" : "a device";
}
