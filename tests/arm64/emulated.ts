// The binary for linux-arm64 and how this machine runs it: itself, or through qemu's user emulation with the libraries
// of an arm64 system. Tests without these are skipped.
import {
  findTarget,
  hostTarget,
  platformOf,
  type Target,
  targetName,
} from "../../scripts/release/targets.ts";
import { ExoipProcess } from "../support/process.ts";
import { skippableTest } from "../support/skippable.ts";

/** The platform under test. */
export const ARM64: Target = findTarget("linux-arm64");
/** The compiled binary, empty without one. */
export const BINARY: string = Deno.env.get("EXOIP_BIN") ?? "";
/** A folder with the loader and the libraries of an arm64 system; this machine when it is one. */
export const SYSROOT: string = native() ? "/" : Deno.env.get("EXOIP_ARM64_SYSROOT") ?? "";
/** Debian's package qemu-user-static has it. It needs no entry in binfmt_misc. */
export const QEMU = "qemu-aarch64-static";
/** The longest that a program may take, which emulation slows down ten to twenty times, and a busy machine more. */
export const PATIENT = { withinMs: 180_000, everyMs: 50 };

function native(): boolean {
  return hostTarget() === ARM64;
}

/** Path of the emulator, null where it is not installed. */
export function qemuPath(): string | null {
  const folders = (Deno.env.get("PATH") ?? "").split(":").filter(Boolean);
  return folders.map((folder) => `${folder}/${QEMU}`).find(isFile) ?? null;
}

/** Command prefix that runs an arm64 program with the loader and the libraries in that folder. */
export function emulator(root: string): string[] {
  return native() ? [] : [QEMU, "-L", root];
}

/** A test of the arm64 binary. It is skipped, and its name says why, where it cannot run. */
export function arm64Test(
  name: string,
  body: () => Promise<void>,
  missing: string | null = null,
): void {
  skippableTest(name, whatIsMissing() ?? missing, body);
}

function whatIsMissing(): string | null {
  if (Deno.build.os !== "linux") return `needs Linux, this is ${Deno.build.os}`;
  if (!isFile(BINARY)) return "needs EXOIP_BIN, the compiled binary for linux-arm64";
  const found = platformOf(head(BINARY));
  if (found !== targetName(ARM64)) return `needs a binary for linux-arm64, EXOIP_BIN is ${found}`;
  if (native()) return null;
  if (qemuPath() === null) return `needs ${QEMU} (qemu-user-static)`;
  return isFile(`${SYSROOT}/lib/ld-linux-aarch64.so.1`)
    ? null
    : "needs EXOIP_ARM64_SYSROOT, a folder that scripts/image/sysroot.sh fills";
}

/** The first bytes of a file. */
export function head(path: string): Uint8Array<ArrayBuffer> {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(4_096);
  return bytes.subarray(0, file.readSync(bytes) ?? 0);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Runs the binary to its end, with the loader and the libraries in that folder. */
export async function run(
  args: readonly string[],
  { env = {}, root = SYSROOT }: { env?: Record<string, string>; root?: string } = {},
): Promise<{ code: number; output: string }> {
  const process = new ExoipProcess(args, {
    env: { HOME: "/nonexistent", ...env },
    wrap: emulator(root),
  });
  return { code: await process.ended(), output: process.output };
}
