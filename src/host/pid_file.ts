// The file that tells who the watchdog is. A lock on it, which the kernel takes back from a process that ends in
// whatever way, tells whether it still runs: the number alone may by then be another program's.

/** Attempts to get the lock: who only asks for the owner has it for a moment, too. */
const ATTEMPTS = 5, BETWEEN_ATTEMPTS_MS = 20;

/** Largest process id of any system. */
const PID_MAX = 2 ** 31 - 1;

/** PID files, as far as the program uses them. */
export interface PidFiles {
  /**
   * Writes this process's id and keeps the file locked. Resolves to what removes and unlocks it. Rejects when
   * another process has it locked, or the file cannot be written.
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
      const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o644 });
      // The one who had it may have removed it between our opening and our lock: then we hold a file without a name.
      if (file.tryLockSync(true) && isStill(file, path)) return keep(file, path);
      const owner = numberIn(file);
      file.close();
      if (attempt === ATTEMPTS) throw new Error(`another watchdog has it, process ${owner}`);
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_ATTEMPTS_MS));
    }
  },

  owner(path) {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(path, { read: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
    try {
      if (file.tryLockSync(false)) return null;
      const pid = numberIn(file);
      if (pid === null) throw new Error("it is locked, but has no process id");
      return pid;
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

function keep(file: Deno.FsFile, path: string): () => void {
  file.truncateSync();
  file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
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

function isStill(file: Deno.FsFile, path: string): boolean {
  try {
    const [opened, named] = [file.statSync(), Deno.statSync(path)];
    return opened.ino === named.ino && opened.dev === named.dev;
  } catch {
    return false;
  }
}

function numberIn(file: Deno.FsFile): number | null {
  const bytes = new Uint8Array(16);
  const length = file.readSync(bytes) ?? 0;
  const text = new TextDecoder().decode(bytes.subarray(0, length)).trim();
  const pid = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0;
  return pid > 1 && pid <= PID_MAX ? pid : null;
}
