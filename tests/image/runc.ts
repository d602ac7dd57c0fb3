// A container with the settings that the image needs: its user, a read-only root, no capabilities, no new privileges.
import { TextLineStream } from "../support/lines.ts";
import { run } from "./archive.ts";

/** The user of the image. */
const USER = 65534;

/** Differences between containers. */
export interface ContainerOptions {
  /** Folder with the root file system. */
  readonly rootfs: string;
  /** The program and its first arguments; by default the entry point of the image. */
  readonly program?: readonly string[];
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Name of a network namespace; by default a new, empty one. */
  readonly network?: string;
  /** Files in the container, by their path there: their text. */
  readonly files?: Readonly<Record<string, string>>;
  /** The content of /run: the text of each file, readable by the container's user only. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/** A container that is running or has ended. */
export class Container {
  readonly lines: string[] = [];
  /** Exit code of the program, null while it runs. */
  code: number | null = null;
  readonly #ended: Promise<void>;

  private constructor(readonly id: string, readonly bundle: string) {
    const child = new Deno.Command("runc", {
      args: ["run", "--bundle", bundle, id],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const read = async (stream: ReadableStream<Uint8Array>) => {
      for await (const line of stream.pipeThrough(new TextLineStream())) this.lines.push(line);
    };
    const status = child.status.then(({ code }) => void (this.code = code));
    this.#ended = Promise.all([status, read(child.stdout), read(child.stderr)]).then(() => {});
  }

  /** Starts one. */
  static async start(options: ContainerOptions): Promise<Container> {
    const bundle = await Deno.makeTempDir({ prefix: "exoip-bundle-" });
    const mounts: unknown[] = [];
    for (const [path, text] of Object.entries(options.files ?? {})) {
      const source = `${bundle}/${path.replaceAll("/", "_")}`;
      await Deno.writeTextFile(source, text);
      mounts.push({ destination: path, type: "bind", source, options: ["bind", "ro"] });
    }
    if (options.secrets) {
      const source = `${bundle}/run`;
      await Deno.mkdir(source);
      await Deno.chmod(source, 0o755);
      for (const [name, text] of Object.entries(options.secrets)) {
        await Deno.writeTextFile(`${source}/${name}`, text, { mode: 0o400 });
        await Deno.chown(`${source}/${name}`, USER, USER);
      }
      mounts.push({ destination: "/run", type: "bind", source, options: ["rbind", "ro"] });
    }
    const config = specification(options, mounts);
    await Deno.writeTextFile(`${bundle}/config.json`, JSON.stringify(config, null, 2));
    const tag = crypto.getRandomValues(new Uint8Array(4)).toHex();
    return new Container(`exoip-test-${Deno.pid}-${tag}`, bundle);
  }

  /** All output so far. */
  get output(): string {
    return this.lines.join("\n");
  }

  /** The program's process as this machine sees it. */
  async pid(): Promise<number> {
    return JSON.parse(await run("runc", ["state", this.id])).pid;
  }

  /** Sends a signal, as a container manager does. */
  async signal(name: string): Promise<void> {
    await run("runc", ["kill", this.id, name]);
  }

  /** Resolves to the exit code once the program has ended and its output is read. */
  async ended(): Promise<number> {
    await this.#ended;
    return this.code ?? -1;
  }

  /** Stops it if it runs, and removes everything. */
  async remove(): Promise<void> {
    if (this.code === null) await this.signal("KILL").catch(() => {});
    await this.#ended;
    await run("runc", ["delete", "--force", this.id]);
    await Deno.remove(this.bundle, { recursive: true });
  }
}

/** Source: OCI runtime specification 1.0, config.md. Control groups stay unchanged. */
function specification(options: ContainerOptions, mounts: readonly unknown[]): unknown {
  const none: string[] = [];
  const network = options.network ? { path: `/run/netns/${options.network}` } : {};
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: USER, gid: USER },
      args: [...(options.program ?? ["/exoip"]), ...options.args],
      env: Object.entries({ NO_COLOR: "1", ...options.env }).map((pair) => pair.join("=")),
      cwd: "/",
      noNewPrivileges: true,
      capabilities: {
        bounding: none,
        effective: none,
        inheritable: none,
        permitted: none,
        ambient: none,
      },
    },
    root: { path: options.rootfs, readonly: true },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k", "ro"],
      },
      ...mounts,
    ],
    linux: {
      namespaces: [
        { type: "pid" },
        { type: "mount" },
        { type: "ipc" },
        { type: "uts" },
        { type: "network", ...network },
      ],
    },
  };
}
