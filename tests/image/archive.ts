// The image under test: built by `scripts/image/main.ts` from the compiled binary, in a folder of its own.
import {
  binaryName,
  hostTarget,
  type Target,
  targetName,
  VERSION,
} from "../../scripts/release/targets.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const SCRIPT = `${ROOT}scripts/image/main.ts`;

/** The compiled binary: from EXOIP_BIN, else from `deno task compile`; null without one. */
export async function compiledBinary(): Promise<string | null> {
  const target = hostTarget();
  if (target?.os !== "linux") return null;
  const path = Deno.env.get("EXOIP_BIN") ?? `${ROOT}dist/${binaryName(target)}`;
  return await Deno.stat(path).then(() => path, () => null);
}

/** The output of `deno task image`. */
export class Archives implements AsyncDisposable {
  private constructor(readonly folder: string, readonly target: Target) {}

  /** Makes them; `env` is added to the script's environment. By default, for and from this machine. */
  static async make(
    binary: string,
    env: Record<string, string> = {},
    { target = hostTarget(), sysroot = "/" }: { target?: Target; sysroot?: string } = {},
  ): Promise<Archives> {
    if (!target) throw new Error(`nothing is built for ${Deno.build.target}`);
    const archives = new Archives(await Deno.makeTempDir({ prefix: "exoip-image-" }), target);
    await Deno.mkdir(`${archives.folder}/dist`);
    await Deno.copyFile(binary, `${archives.folder}/dist/${binaryName(target)}`);
    const args = ["--target", targetName(target), "--sysroot", sysroot];
    const deno = ["run", "--allow-all", SCRIPT, ...args];
    await run(Deno.execPath(), deno, { cwd: archives.folder, env });
    return archives;
  }

  /** The root file system, as tar.gz. */
  get rootfs(): string {
    return this.#path("rootfs.tar.gz");
  }

  /** The loadable image. */
  get image(): string {
    return this.#path("image.tar");
  }

  /** Unpacks an archive to a new folder and returns that. */
  async unpack(archive: string, name: string): Promise<string> {
    const folder = `${this.folder}/${name}`;
    await Deno.mkdir(folder);
    await run("tar", ["-xf", archive, "-C", folder]);
    return folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }

  #path(end: string): string {
    return `${this.folder}/dist/exoip-${VERSION}-${targetName(this.target)}-${end}`;
  }
}

/** Standard output of a program that must succeed. */
export async function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    ...options,
    args: [...args],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${text(stderr)}`);
  return text(stdout);
}
