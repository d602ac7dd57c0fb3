// Small files that an operator names: read whole, but never more than such a file can have.

/** Largest file: a bundle of all public authorities has 230 kB. */
const FILE_MAX_BYTES = 1024 * 1024;

/** The text of a file. Throws what opening and reading throw, and when it is too large or no UTF-8. */
export function readTextFile(path: string): string {
  using file = Deno.openSync(path, { read: true });
  const bytes = new Uint8Array(FILE_MAX_BYTES + 1);
  let size = 0;
  // What is named may be a device or a pipe, which have no size to ask for.
  for (let count; (count = file.readSync(bytes.subarray(size)) ?? 0) > 0;) size += count;
  if (size > FILE_MAX_BYTES) throw new Error(`it has more than ${FILE_MAX_BYTES} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, size));
  } catch {
    throw new Error("it is not text in UTF-8");
  }
}
