// The content of a package, as a tree that is laid out in a folder. Debian and RPM differ only in paths.
import { completion } from "../docs/completions.ts";
import { manPages } from "../docs/man.ts";

/** What to build a package from. */
export interface Build {
  readonly version: string;
  /** Processor, as Deno calls it. */
  readonly arch: "x86_64" | "aarch64";
  /** Path of the compiled binary. */
  readonly binary: string;
  /** Unix time of every file in the package, in seconds, so that the same input gives the same package. */
  readonly epoch: number;
  /** Folder for the package. */
  readonly output: string;
}

/** One file of the package. */
export interface Entry {
  /** Absolute, as installed. */
  readonly path: string;
  readonly mode: number;
  /** Configuration: an edited file survives an upgrade. */
  readonly configuration: boolean;
  readonly content: Uint8Array | { readonly copyOf: string };
}

const HERE = new URL("./", import.meta.url);
const ROOT = new URL("../../", import.meta.url);

/** Files of every package. */
export async function entries(build: Build, format: "deb" | "rpm"): Promise<Entry[]> {
  const date = new Date(build.epoch * 1_000).toISOString().slice(0, 10);
  const zsh = format === "deb" ? "vendor-completions" : "site-functions";
  const doc = "/usr/share/doc/exoip";
  const text = (path: string, content: string) => file(path, new TextEncoder().encode(content));
  const ours = (path: string, source: string) =>
    file(path, { copyOf: new URL(source, HERE).pathname });
  const pages = await Promise.all(
    manPages({ version: build.version, date }).map(async ({ name, chapter, text }) =>
      file(
        `/usr/share/man/man${chapter}/${name}.${chapter}.gz`,
        await gzip(new TextEncoder().encode(text)),
      )
    ),
  );
  const common = [
    { ...file("/usr/bin/exoip", { copyOf: build.binary }), mode: 0o755 },
    ...pages,
    ours("/usr/lib/systemd/system/exoip.service", "systemd/exoip.service"),
    // The service reads it again, at a reload, as a user that exists only while it runs. The API key in it opens
    // nothing by itself.
    { ...ours("/etc/exoip/exoip.env", "systemd/exoip.env"), configuration: true },
    text("/usr/share/bash-completion/completions/exoip", completion("bash")),
    text(`/usr/share/zsh/${zsh}/_exoip`, completion("zsh")),
    text("/usr/share/fish/vendor_completions.d/exoip.fish", completion("fish")),
    file(`${doc}/copyright`, { copyOf: new URL("LICENSE", ROOT).pathname }),
    file(`${doc}/changelog.gz`, await gzip(await Deno.readFile(new URL("CHANGELOG.md", ROOT)))),
    ...EXAMPLES.map((source) => ours(`${doc}/examples/${source.replace(/^.*\//, "")}`, source)),
  ];
  const hooks = format === "rpm" ? [] : ["if-up.d", "if-down.d"].map((folder) => ({
    ...ours(`/etc/network/${folder}/exoip`, "ifupdown/exoip"),
    mode: 0o755,
    configuration: true,
  }));
  return [...common, ...hooks];
}

/** Example set-ups to copy from. */
const EXAMPLES = [
  "ifupdown/51-exoip.cfg",
  "network/51-exoip.yaml",
  "network/51-exoip.network",
  "kubernetes/exoip.yaml",
  "monitoring/exoip-rules.yml",
  "monitoring/exoip-dashboard.json",
  "monitoring/exoip-status.schema.json",
  "monitoring/exoip-history.schema.json",
];

function file(path: string, content: Entry["content"]): Entry {
  return { path, mode: 0o644, configuration: false, content };
}

/** Compressed without name and time, so the result is reproducible. */
async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Writes the tree into the folder. */
export async function layOut(tree: readonly Entry[], folder: string): Promise<void> {
  for (const { path, mode, content } of tree) {
    const target = folder + path;
    await Deno.mkdir(target.replace(/\/[^/]*$/, ""), { recursive: true, mode: 0o755 });
    if ("copyOf" in content) await Deno.copyFile(content.copyOf, target);
    else await Deno.writeFile(target, content);
    // Restores permissions that the umask removed.
    await Deno.chmod(target, mode);
  }
}

/** Runs a program that must succeed. */
export async function run(
  [program = "", ...args]: readonly string[],
  env: Record<string, string> = {},
): Promise<void> {
  const { code, stderr } = await new Deno.Command(program, { args, env, stdout: "null" }).output();
  if (code === 0) return;
  throw new Error(`${program} ended with ${code}: ${new TextDecoder().decode(stderr).trim()}`);
}
