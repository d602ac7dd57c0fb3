// Small files that outlive the process: read, replaced whole, removed.

/** Files of the state folder. */
export interface StateFiles {
  /** Replaces the file whole, so that nobody ever reads half of it; makes its folder if only that is missing. */
  write(path: string, text: string): Promise<void>;
  /** Whether there was a file to remove. */
  remove(path: string): Promise<boolean>;
}

/** The watchdog may run as another user, and must be able to read what a command of root has written. */
const MODE = 0o644, FOLDER_MODE = 0o755;

/** Those of the real machine. */
export const stateFiles: StateFiles = {
  async write(path, text) {
    const folder = path.slice(0, path.lastIndexOf("/")) || "/";
    await Deno.mkdir(folder, { mode: FOLDER_MODE }).catch((error: unknown) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    });
    const draft = `${path}.${Deno.pid}.new`;
    try {
      const file = await Deno.open(draft, {
        write: true,
        create: true,
        truncate: true,
        mode: MODE,
      });
      try {
        for (let rest = new TextEncoder().encode(text); rest.length > 0;) {
          rest = rest.subarray(await file.write(rest));
        }
        // After a power failure the file must be there, and whole.
        await file.sync();
      } finally {
        file.close();
      }
      await Deno.chmod(draft, MODE);
      await Deno.rename(draft, path);
    } catch (error) {
      await Deno.remove(draft).catch(() => {});
      throw error;
    }
    await syncFolder(folder);
  },
  async remove(path) {
    try {
      await Deno.remove(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
    await syncFolder(path.slice(0, path.lastIndexOf("/")) || "/");
    return true;
  },
};

/** A change of names is on the disk only when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  try {
    using file = await Deno.open(folder);
    await file.sync();
  } catch {
    // Some file systems cannot; the change itself has succeeded.
  }
}
