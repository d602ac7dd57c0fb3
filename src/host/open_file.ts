// Opening a file beside the loop. Deno 2.7 opens every file on the loop's own thread, whatever its call is named, and a
// pipe that nobody fills, or a file system that has gone away, holds that up for good; so on Linux the C library does
// it on a thread of its own. Deno looks at the right to read when it is asked about the file, which comes first.

/** An open file. */
export interface OpenFile {
  /** Reads the next bytes; 0 at the end. */
  read(into: Uint8Array<ArrayBuffer>): Promise<number>;
  close(): void;
}

/** Flags on Linux for x86-64 and arm64: read only, not for children, no terminal to be ours. */
const FLAGS = 0o2000000 | 0o400;

let library: ReturnType<typeof openLibrary>;

/** Opens for reading; rejects with what the system says. */
export async function openFile(path: string): Promise<OpenFile> {
  if (library === undefined) library = openLibrary();
  const symbols = library;
  if (symbols === null) return await openWithDeno(path);
  const file = await symbols.open(new TextEncoder().encode(`${path}\0`), FLAGS, 0);
  // What fails at once may be asked again, for the reason.
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
