// The file that tells who the watchdog is. A lock on it, which the kernel takes back from a process that ends in
// whatever way, tells whether it still runs: the number alone may by then be another program's. Nobody else may open
// the file, so nobody else can have the lock; and whoever is told to stop must be the process that wrote it.
import { identityOf, tellsIdentities } from "./process_identity.ts";

/** Attempts to get the lock: who only asks for the owner has it for a moment, too. */
const ATTEMPTS = 5, BETWEEN_ATTEMPTS_MS = 20;

/** Largest process id of any system. */
const PID_MAX = 2 ** 31 - 1;
/** Longer than what we write: a number, an instant and a path. */
const CONTENT_MAX_BYTES = 16_384;
const MODE = 0o600, OTHERS = 0o077;
const ROOT = 0;

/** PID files, as far as the program uses them. */
export interface PidFiles {
  /**
   * Writes this process's id and keeps the file locked. Resolves to what removes and unlocks it. Rejects when
   * another process has it locked, the file is none of ours, or it cannot be written.
   */
  claim(path: string): Promise<() => void>;
  /** Process id of the watchdog that has the file locked, null when none has. Throws when that cannot be known. */
  owner(path: string): number | null;
  /** Tells the process to stop. Throws when that is not allowed. */
  tellToStop(pid: number): void;
}

/** Those of this machine. */
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
      // It has been made, and is written in a moment.
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

/** What a watchdog writes: its number, and which process that is. */
interface Content {
  readonly pid: number;
  readonly start: string | null;
  readonly program: string | null;
}

/** Opens what is there, if it is a file and no link to one; null when nothing is. Never waits, and changes nothing. */
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
    // A pipe that has just taken its place is opened for both, too: that does not wait for its other end.
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

/** Makes the file; null when somebody else has just done so. */
function create(path: string): Deno.FsFile | null {
  try {
    return Deno.openSync(path, { read: true, write: true, createNew: true, mode: MODE });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return null;
    throw error;
  }
}

/** What gives it up; the process id that is in it when somebody has the lock, null when the file has to be made. */
function tryToKeep(file: Deno.FsFile, path: string): (() => void) | number | null {
  const locked = file.tryLockSync(true);
  const text = textIn(file), content = contentOf(text);
  // The one who had it may have removed it between our opening and our lock: then we hold a file without a name.
  if (locked && isStill(file, path)) {
    if (!isOurs(text)) {
      file.close();
      throw new Error("it is there and no PID file of exoip: it is left alone");
    }
    if (!othersOpen(file)) return keep(file, path);
  }
  // Whom the mode lets in can have the lock, now or later. While we have it, the name is ours to remove; and when a
  // stranger has it, the writer is gone.
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
      // While it is locked, the name is still ours to remove.
      if (isStill(file, path)) Deno.removeSync(path);
    } catch {
      // A file that stays is without a lock, and so names nobody.
    }
    file.close();
  };
}

/** The number on a line of its own, for others who read it. */
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

/** Whether overwriting it destroys nothing: ours, empty, or the number of a process that is gone. */
function isOurs(text: string): boolean {
  if (text === "" || contentOf(text) !== null) return true;
  return /^[1-9]\d{0,9}\n?$/.test(text) && tellsIdentities() && identityOf(Number(text)) === null;
}

/** Whether the process with that number is the one that wrote the file, as far as the system tells. */
function isWriter({ pid, start, program }: Content, file: Deno.FsFile): boolean {
  if (!tellsIdentities()) return true;
  const found = identityOf(pid);
  if (found === null || start === null || found.start !== start) return false;
  // Whoever owns the file could have written any number and instant into it.
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

function lookAt(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function kindOf({ isSymlink, isDirectory, isFifo, isSocket }: Deno.FileInfo): string {
  if (isSymlink) return "a link";
  if (isDirectory) return "a folder";
  if (isFifo) return "a pipe";
  return isSocket ? "a socket" : "a device";
}

/** From the beginning; what is too long to be ours is as good as any other text that is not. */
function textIn(file: Deno.FsFile): string {
  const bytes = new Uint8Array(CONTENT_MAX_BYTES);
  file.seekSync(0, Deno.SeekMode.Start);
  const length = file.readSync(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, length));
}
