// The platforms of a release, and how to recognise a binary's platform.
import manifest from "../../deno.json" with { type: "json" };

/** One platform. */
export interface Target {
  /** The name for `deno compile --target`. */
  readonly triple: string;
  readonly os: "linux" | "macos" | "windows";
  readonly arch: "x64" | "arm64";
}

/** All platforms of a release. */
export const TARGETS: readonly Target[] = [
  { triple: "x86_64-unknown-linux-gnu", os: "linux", arch: "x64" },
  { triple: "aarch64-unknown-linux-gnu", os: "linux", arch: "arm64" },
  { triple: "x86_64-apple-darwin", os: "macos", arch: "x64" },
  { triple: "aarch64-apple-darwin", os: "macos", arch: "arm64" },
  { triple: "x86_64-pc-windows-msvc", os: "windows", arch: "x64" },
];

/** Version of the release, from deno.json. */
export const VERSION: string = manifest.version;

/** `linux-x64`. */
export function targetName({ os, arch }: Target): string {
  return `${os}-${arch}`;
}

/** Name of the binary in a release: `exoip-0.5.0-linux-x64`, with `.exe` on Windows. */
export function binaryName(target: Target): string {
  return `exoip-${VERSION}-${targetName(target)}${suffix(target)}`;
}

/** `.exe` on Windows. */
export function suffix({ os }: Target): string {
  return os === "windows" ? ".exe" : "";
}

/** The platform with that name or triple. Throws with the list of names. */
export function findTarget(name: string): Target {
  const found = TARGETS.find((target) => name === targetName(target) || name === target.triple);
  if (found) return found;
  const names = TARGETS.map((target) => `${targetName(target)} (${target.triple})`);
  throw new Error(`no target ${name}; there are: all, ${names.join(", ")}`);
}

/** The platform of this machine, undefined when no binary is built for it. */
export function hostTarget(): Target | undefined {
  return TARGETS.find(({ triple }) => triple === Deno.build.target);
}

/** ELF `e_machine`. */
const ELF_MACHINES: Readonly<Record<number, string>> = { 62: "linux-x64", 183: "linux-arm64" };
/** Mach-O `cputype`. */
const MACHO_CPUS: Readonly<Record<number, string>> = {
  0x01000007: "macos-x64",
  0x0100000c: "macos-arm64",
};
/** PE `Machine`. */
const PE_MACHINES: Readonly<Record<number, string>> = { 0x8664: "windows-x64" };

/** The platform of a program, from its first bytes (4 KiB are enough): `linux-x64`, else `unknown`. */
export function platformOf(head: Uint8Array<ArrayBuffer>): string {
  if (head.length < 64) return "unknown";
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const magic = view.getUint32(0, true);
  if (magic === 0x464c457f) return ELF_MACHINES[view.getUint16(18, true)] ?? "unknown";
  if (magic === 0xfeedfacf) return MACHO_CPUS[view.getUint32(4, true)] ?? "unknown";
  const headerAt = view.getUint32(0x3c, true);
  const isPe = (magic & 0xffff) === 0x5a4d && headerAt + 6 <= head.length &&
    view.getUint32(headerAt, true) === 0x4550;
  return isPe ? PE_MACHINES[view.getUint16(headerAt + 4, true)] ?? "unknown" : "unknown";
}
