// What an ELF program or library requests from its loader. Reads only program headers, so data that `deno compile`
// appends does not matter.

/** What the loader must find. */
export interface Elf {
  /** `e_machine`: 62 x86-64, 183 AArch64. */
  readonly machine: number;
  /** Path of the loader (PT_INTERP), null in a library. */
  readonly interpreter: string | null;
  /** Names of libraries (DT_NEEDED). */
  readonly needed: readonly string[];
  /** Own name of a library (DT_SONAME), null when it has none. */
  readonly soname: string | null;
}

const PT_LOAD = 1, PT_DYNAMIC = 2, PT_INTERP = 3;
const DT_NEEDED = 1n, DT_STRTAB = 5n, DT_SONAME = 14n, DT_RPATH = 15n, DT_RUNPATH = 29n;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** Reads a 64-bit little-endian ELF file. Throws when it is not one, or has its own search path. */
export function readElf(bytes: Uint8Array<ArrayBuffer>): Elf {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 64 || view.getUint32(0) !== 0x7f454c46) throw new Error("not an ELF file");
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new Error("not a 64-bit little-endian ELF file");
  const segments = readSegments(view);
  const interp = segments.find(({ type }) => type === PT_INTERP);
  const dynamic = readDynamic(view, segments);
  const one = (tag: bigint) => dynamic.find((entry) => entry.tag === tag)?.value;
  const strings = one(DT_STRTAB);
  const text = (at: number) => textAt(bytes, fileOffset(segments, strings ?? 0) + at);
  for (const tag of [DT_RPATH, DT_RUNPATH]) {
    const path = one(tag);
    if (path !== undefined) throw new Error(`has a search path of its own: ${text(path)}`);
  }
  const soname = one(DT_SONAME);
  return {
    machine: view.getUint16(18, true),
    interpreter: interp ? textAt(bytes, interp.offset) : null,
    needed: dynamic.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => text(value)),
    soname: soname === undefined ? null : text(soname),
  };
}

function readSegments(view: DataView): Segment[] {
  const start = Number(view.getBigUint64(0x20, true));
  const size = view.getUint16(0x36, true), count = view.getUint16(0x38, true);
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * size;
    return {
      type: view.getUint32(at, true),
      offset: Number(view.getBigUint64(at + 8, true)),
      address: Number(view.getBigUint64(at + 16, true)),
      size: Number(view.getBigUint64(at + 32, true)),
    };
  });
}

function readDynamic(
  view: DataView,
  segments: readonly Segment[],
): { tag: bigint; value: number }[] {
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (!dynamic) return [];
  return Array.from({ length: dynamic.size / 16 }, (_, index) => {
    const at = dynamic.offset + index * 16;
    return {
      tag: view.getBigUint64(at, true),
      value: Number(view.getBigUint64(at + 8, true)),
    };
  });
}

/** The file offset of what is loaded at that address. */
function fileOffset(segments: readonly Segment[], address: number): number {
  const segment = segments.find((each) =>
    each.type === PT_LOAD && address >= each.address && address < each.address + each.size
  );
  if (!segment) throw new Error(`nothing is loaded at address ${address}`);
  return address - segment.address + segment.offset;
}

function textAt(bytes: Uint8Array, at: number): string {
  return new TextDecoder().decode(bytes.subarray(at, bytes.indexOf(0, at)));
}
