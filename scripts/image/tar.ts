// Archives that depend only on their content: POSIX ustar with sorted names, owner 0, one time stamp; gzip without name
// and time.

/** An entry of an archive: a file, or a folder if it has no bytes. */
export interface Entry {
  /** Relative, without a leading or trailing slash, at most 100 bytes. */
  readonly path: string;
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly mode?: number;
}

const BLOCK = 512;

/** The archive, with the parent folders of all entries. `seconds` is the time stamp of all entries. */
export function tar(entries: readonly Entry[], seconds: number): Uint8Array<ArrayBuffer> {
  const all = new Map<string, Entry>();
  for (const entry of entries) {
    const parts = entry.path.split("/");
    for (let length = 1; length < parts.length; length++) {
      const path = parts.slice(0, length).join("/");
      if (!all.has(path)) all.set(path, { path });
    }
    if (all.get(entry.path)?.bytes) throw new Error(`${entry.path} is twice in the archive`);
    all.set(entry.path, entry);
  }
  const sorted = [...all.values()].sort((a, b) => a.path < b.path ? -1 : 1);
  const padded = (size: number) => Math.ceil(size / BLOCK) * BLOCK;
  const total = sorted.reduce((sum, { bytes }) => sum + BLOCK + padded(bytes?.length ?? 0), 0);
  // Two empty blocks mark the end.
  const archive = new Uint8Array(total + 2 * BLOCK);
  let at = 0;
  for (const entry of sorted) {
    archive.set(header(entry, seconds), at);
    at += BLOCK;
    archive.set(entry.bytes ?? new Uint8Array(), at);
    at += padded(entry.bytes?.length ?? 0);
  }
  return archive;
}

/** One header block. Source: POSIX.1-2017, pax, "ustar Interchange Format". */
function header({ path, bytes, mode }: Entry, seconds: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const text = (value: string, at: number) => block.set(new TextEncoder().encode(value), at);
  const octal = (value: number, at: number, digits: number) =>
    text(value.toString(8).padStart(digits, "0"), at);
  const name = bytes ? path : `${path}/`;
  if (new TextEncoder().encode(name).length > 100) throw new Error(`${name} is too long for tar`);
  text(name, 0);
  octal(mode ?? (bytes ? 0o644 : 0o755), 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(bytes?.length ?? 0, 124, 11);
  octal(seconds, 136, 11);
  text(bytes ? "0" : "5", 156);
  text("ustar\x0000", 257);
  octal(0, 329, 7);
  octal(0, 337, 7);
  // The checksum is computed with spaces in its own field.
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  text(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** Compresses; the same input gives the same output, for one version of Deno. */
export async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
