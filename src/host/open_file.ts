// Opens a file without blocking the loop. Deno 2.7 opens every file on the loop's thread, even in its async calls, and
// a pipe without a writer, or a file system that has gone away, blocks that thread for good. So on Linux the C library
// opens it on another thread. Deno checks the right to read when we first ask it about the file.

/** An open file. */
export interface OpenFile {
  /** Reads the next bytes; 0 at the end. */
  read(into: Uint8Array<ArrayBuffer>): Promise<number>;
  close(): void;
}

/** Flags on Linux for x86-64 and arm64: read only, O_CLOEXEC, O_NOCTTY. */
const FLAGS = 0o2000000 | 0o400;

let library: ReturnType<typeof openLibrary>;

/** Opens for reading; rejects with the system's error. */
export async function openFile(path: string): Promise<OpenFile> {
  if (library === undefined) library = openLibrary();
  const symbols = library;
  if (symbols === null) return await openWithDeno(path);
  const file = await symbols.open(new TextEncoder().encode(`${path}\0`), FLAGS, 0);
  // A failure is immediate, so ask Deno again to get its reason.
  if (file < 0) return await openWithDeno(path);
  return {
    async read(into) {
      const count = Number(await symbols.read(file, into, BigInt(into.length)));
      if (count < 0) throw new Error("the system cannot read it");
      return count;
    },
    close: () => void symbols.close(file),
  };
}

function openLibrary() {
  if (Deno.build.os !== "linux") return null;
  try {
    return Deno.dlopen("libc.so.6", {
      open: { parameters: ["buffer", "i32", "i32"], result: "i32", nonblocking: true },
      read: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
      close: { parameters: ["i32"], result: "i32" },
    }).symbols;
  } catch {
    return null;
  }
}

async function openWithDeno(path: string): Promise<OpenFile> {
  const file = await Deno.open(path, { read: true });
  return {
    read: async (into) => await file.read(into) ?? 0,
    close: () => file.close(),
  };
}
