// A release on a local server, and runs of the installer.
import { sha256 } from "../../scripts/release/files.ts";
import { hostTarget, targetName } from "../../scripts/release/targets.ts";

/** The installer in the repository. */
export const INSTALLER: string = await Deno.readTextFile(
  new URL("../../scripts/install.sh", import.meta.url),
);

/** How the server sends a file. */
export type Sending = "whole" | "half" | "cut-off" | "tampered" | "missing";

/** This machine's platform, as releases name it. */
export const PLATFORM: string = ((target) => target ? targetName(target) : "none")(hostTarget());

/** Replaces a binary: prints its version. */
export function program(version: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(
    `#!/bin/sh\necho "exoip ${version} (commit ${"0".repeat(12)})"\n`,
  );
}

/** The server. */
export class ReleaseServer implements AsyncDisposable {
  /** How it sends binaries. */
  sending: Sending = "whole";
  /** The content of SHA256SUMS. */
  sums: "right" | "wrong" | "empty" = "right";
  /** The requested paths. */
  readonly asked: string[] = [];
  readonly #files = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#send(new URL(request.url).pathname),
    );
  }

  /** For `--url`. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Adds a version's binary for this machine. */
  async add(version: string, binary: Uint8Array<ArrayBuffer> = program(version)): Promise<void> {
    const name = `exoip-${version}-${PLATFORM}`;
    this.#files.set(`/v${version}/${name}`, binary);
    const line = `${await sha256(binary)}  ${name}\n`;
    this.#files.set(`/v${version}/SHA256SUMS`, new TextEncoder().encode(line));
  }

  /** Adds another file of a version. */
  addFile(version: string, name: string, text: string): void {
    this.#files.set(`/v${version}/${name}`, new TextEncoder().encode(text));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #send(path: string): Response {
    this.asked.push(path);
    const bytes = this.#files.get(path);
    if (!bytes) return new Response("not found", { status: 404 });
    if (path.endsWith("SHA256SUMS")) return this.#sendSums(bytes);
    if (this.sending === "missing") return new Response("not found", { status: 404 });
    if (this.sending === "whole") return new Response(bytes);
    const half = bytes.slice(0, bytes.length / 2);
    if (this.sending === "half") return new Response(half);
    if (this.sending === "cut-off") {
      const stream = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(half),
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          controller.error(new Error("cut off"));
        },
      });
      return new Response(stream, { headers: { "content-length": `${bytes.length}` } });
    }
    const tampered = bytes.slice();
    tampered[tampered.length - 2] = (tampered.at(-2) ?? 0) ^ 1;
    return new Response(tampered);
  }

  #sendSums(right: Uint8Array<ArrayBuffer>): Response {
    if (this.sums === "empty") return new Response("");
    if (this.sums === "right") return new Response(right);
    return new Response(
      new TextDecoder().decode(right).replace(/^./, (d) => d === "0" ? "1" : "0"),
    );
  }
}

/** An install location, and runs of the installer. */
export class Place implements AsyncDisposable {
  private constructor(readonly folder: string, readonly shell: readonly string[]) {}

  static async make(shell: readonly string[]): Promise<Place> {
    const folder = await Deno.makeTempDir({ prefix: "exoip-install-" });
    await Deno.chmod(folder, 0o755);
    return new Place(folder, shell);
  }

  /** Some busyboxes prefer their built-in programs to those in PATH. */
  get ownPrograms(): boolean {
    return this.shell[0] === "busybox";
  }

  get prefix(): string {
    return `${this.folder}/prefix`;
  }

  /** Path of the installed program. */
  get target(): string {
    return `${this.prefix}/bin/exoip`;
  }

  /** Runs the installer with standard input as `curl ... | sh` does. */
  async install(
    args: readonly string[],
    { env = {}, script, uid }: {
      env?: Record<string, string>;
      script?: string;
      /** User to run as. */
      uid?: number;
    } = {},
  ): Promise<{ code: number; output: string }> {
    const [name = "sh", ...first] = this.shell;
    const path = Deno.env.get("PATH") ?? "";
    const shell = find(name) ?? name;
    const child = new Deno.Command(shell, {
      args: [...first, "-s", "--", ...args],
      clearEnv: true,
      env: { PATH: path, HOME: `${this.folder}/home`, EXOIP_PREFIX: this.prefix, ...env },
      cwd: "/",
      ...(uid === undefined ? {} : { uid, gid: uid }),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(script ?? INSTALLER))
      .then(() => writer.close()).catch(() => {});
    const { code, stdout, stderr } = await child.output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, output: text(stdout) + text(stderr) };
  }

  /** A PATH with just these programs, as far as this machine has them. */
  async path(names: readonly string[]): Promise<string> {
    const folder = await Deno.makeTempDir({ dir: this.folder });
    await Deno.chmod(folder, 0o755);
    for (const name of names) {
      const found = find(name);
      if (found) await Deno.symlink(found, `${folder}/${name}`);
    }
    return folder;
  }

  /** Everything in the program's folder: the installer must leave no other file there. */
  files(): string[] {
    try {
      return [...Deno.readDirSync(`${this.prefix}/bin`)].map(({ name }) => name).sort();
    } catch {
      return [];
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Path of a program. */
function find(name: string): string | undefined {
  return (Deno.env.get("PATH") ?? "").split(":").map((each) => `${each}/${name}`).find(isFile);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
