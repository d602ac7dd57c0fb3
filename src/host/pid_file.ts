// The file with the watchdog's process id. A lock on it, which the kernel releases however the process ends, shows
// whether the watchdog still runs: the number alone may belong to another program by then. Other users may not open the
// file, so they cannot lock it; and we only stop the process that wrote it.
import { lookAt } from "./look_at.ts";
import { identityOf, tellsIdentities } from "./process_identity.ts";

/** Attempts to get the lock: a process that only asks for the owner also has it for a moment. */
const ATTEMPTS = 5, BETWEEN_ATTEMPTS_MS = 20;

/** Largest process id of any system. */
const PID_MAX = 2 ** 31 - 1;
/** More than we write: a number, a start time and a path. */
const CONTENT_MAX_BYTES = 16_384;
const MODE = 0o600, OTHERS = 0o077;
const ROOT = 0;

/** The operations on PID files. */
export interface PidFiles {
  /**
   * Writes this process's id and keeps the file locked. Resolves to a function that removes and unlocks it. Rejects
   * when another process has locked it, the file is not ours, or it cannot be written.
   */
  claim(path: string): Promise<() => void>;
  /** Process id of the watchdog that has locked the file, null when none has. Throws when that is unknown. */
  owner(path: string): number | null;
  /** Tells the process to stop. Throws when that is not allowed. */
  tellToStop(pid: number): void;
}

/** The PID files of this machine. */
export const pidFiles: PidFiles = {
  async claim(path) {
    for (let attempt = 1;; attempt++) {
      const file = open(path, { claims: true }) ?? create(path);
      const claimed = file === null ? null : tryToKeep(file, path);
      if (typeof claimed === "function") return claimed;
      const owner = claimed === null
        ? "another process has it"
        : `another watchdog has it, process ${claimed}`;
      if (attempt === ATTEMPTS) throw new Error(owner);
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_ATTEMPTS_MS));
    }
  },

  owner(path) {
    const file = open(path, { claims: false });
    if (file === null) return null;
    try {
      if (file.tryLockSync(false)) return null;
      const text = textIn(file);
      // The file was just created, and will be written in a moment.
      if (text === "") return null;
      const content = contentOf(text);
      if (content === null) throw new Error("it is locked, but has no process id of a watchdog");
      return isWriter(content, file) ? content.pid : null;
    } finally {
      file.close();
    }
  },

  tellToStop(pid) {
    try {
      Deno.kill(pid, "SIGTERM");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  },
};

/** What a watchdog writes: its process id, and what identifies the process. */
interface Content {
  readonly pid: number;
  readonly start: string | null;
  readonly program: string | null;
}

/** Opens an existing file that is not a link; null when there is none. Never waits, and changes nothing. */
function open(path: string, { claims }: { claims: boolean }): Deno.FsFile | null {
  const before = lookAt(path);
  if (before === null) return null;
  if (!before.isFile) throw new Error(`it is ${kindOf(before)}, wanted a file`);
  const self = Deno.build.os === "windows" ? null : Deno.uid();
  const foreign = self !== null && before.uid !== self && before.uid !== ROOT;
  if (claims && foreign) throw new Error(`it belongs to another user (${before.uid})`);
  if (claims && (before.nlink ?? 1) > 1) throw new Error("it has a second name (a hard link)");
  let file: Deno.FsFile;
  try {
    // Opening for both reading and writing does not block, even if a pipe has just replaced the file.
    file = Deno.openSync(path, { read: true, write: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const opened = file.statSync();
  if (opened.ino === before.ino && opened.dev === before.dev && opened.isFile) return file;
  file.close();
  throw new Error("it is replaced while it is opened");
}

/** Creates the file; null when another process has just done so. */
function create(path: string): Deno.FsFile | null {
  try {
    return Deno.openSync(path, { read: true, write: true, createNew: true, mode: MODE });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return null;
    throw error;
  }
}

/**
 * A function that gives the file up; the process id in it when another process has the lock; null when the file must be
 * created.
 */
function tryToKeep(file: Deno.FsFile, path: string): (() => void) | number | null {
  const locked = file.tryLockSync(true);
  const text = textIn(file), content = contentOf(text);
  // The previous owner may have removed it between our opening and our lock: then we have locked a deleted file.
  if (locked && isStill(file, path)) {
    if (!isOurs(text)) {
      file.close();
      throw new Error("it is there and no PID file of exoip: it is left alone");
    }
    if (!othersOpen(file)) return keep(file, path);
  }
  // Any user whom the mode lets in can lock the file, now or later. While we have the lock, we may remove the file; and
  // if a stranger has it, the writer is gone.
  const stale = locked || (content === null ? isOurs(text) : !isWriter(content, file));
  if (othersOpen(file) && stale && isStill(file, path)) Deno.removeSync(path);
  file.close();
  return content?.pid ?? null;
}

function keep(file: Deno.FsFile, path: string): () => void {
  const bytes = new TextEncoder().encode(ownText());
  file.seekSync(0, Deno.SeekMode.Start);
  file.writeSync(bytes);
  file.truncateSync(bytes.length);
  return () => {
    try {
      // While it is locked, we may remove it.
      if (isStill(file, path)) Deno.removeSync(path);
    } catch {
      // A file that stays has no lock, so it names no running watchdog.
    }
    file.close();
  };
}

/** The content: the process id on its own line, for other programs, then what identifies the process. */
function ownText(): string {
  const { start = null, program = null } = identityOf(Deno.pid) ?? {};
  const words = [
    "exoip",
    ...(start === null ? [] : [`start=${start}`]),
    ...(program === null ? [] : [`program=${encodeURIComponent(program)}`]),
  ];
  return `${Deno.pid}\n${words.join(" ")}\n`;
}

function contentOf(text: string): Content | null {
  const match = /^([1-9]\d{0,9})\nexoip(?: start=(\d{1,20}))?(?: program=([\w%.!~*'()-]+))?\n$/
    .exec(text);
  const pid = Number(match?.[1] ?? 0);
  if (match === null || pid > PID_MAX) return null;
  try {
    const program = match[3] === undefined ? null : decodeURIComponent(match[3]);
    return { pid, start: match[2] ?? null, program };
  } catch {
    return null;
  }
}

/** Whether it may be overwritten: it is ours, empty, or only the id of a process that is gone. */
function isOurs(text: string): boolean {
  if (text === "" || contentOf(text) !== null) return true;
  return /^[1-9]\d{0,9}\n?$/.test(text) && tellsIdentities() && identityOf(Number(text)) === null;
}

/** Whether the process with that id wrote the file, as far as the system tells. */
function isWriter({ pid, start, program }: Content, file: Deno.FsFile): boolean {
  if (!tellsIdentities()) return true;
  const found = identityOf(pid);
  if (found === null || start === null || found.start !== start) return false;
  // The file's owner could have written any id and start time into it.
  if (found.uid !== null && found.uid !== file.statSync().uid) return false;
  return found.program === null || program === null || found.program === program;
}

function othersOpen(file: Deno.FsFile): boolean {
  const { mode } = file.statSync();
  return Deno.build.os !== "windows" && mode !== null && (mode & OTHERS) !== 0;
}

function isStill(file: Deno.FsFile, path: string): boolean {
  const opened = file.statSync(), named = lookAt(path);
  return named !== null && opened.ino === named.ino && opened.dev === named.dev;
}

function kindOf({ isSymlink, isDirectory, isFifo, isSocket }: Deno.FileInfo): string {
  if (isSymlink) return "a link";
  if (isDirectory) return "a folder";
  if (isFifo) return "a pipe";
  return isSocket ? "a socket" : "a device";
}

/** Reads from the beginning; longer text is cut, because it cannot be ours. */
function textIn(file: Deno.FsFile): string {
  const bytes = new Uint8Array(CONTENT_MAX_BYTES);
  file.seekSync(0, Deno.SeekMode.Start);
  const length = file.readSync(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, length));
}
