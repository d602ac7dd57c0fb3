// The tools of a release: names, sums, ELF files and their libraries, archives.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { readElf } from "../../scripts/image/elf.ts";
import { systemFiles } from "../../scripts/image/libraries.ts";
import { gzip, tar } from "../../scripts/image/tar.ts";
import { fragmentsOf, type Info, spdx } from "../../scripts/release/sbom.ts";
import { stampedInstaller } from "../../scripts/release/installer.ts";
import { isReleased, writeSums } from "../../scripts/release/sums.ts";
import {
  binaryName,
  findTarget,
  hostTarget,
  platformOf,
  targetName,
  TARGETS,
  VERSION,
} from "../../scripts/release/targets.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const noLinux = Deno.build.os !== "linux";

/** Standard output of a program; rejects when it fails. */
async function run(program: string, args: readonly string[], input?: Uint8Array): Promise<string> {
  const stdin = input ? "piped" : "null";
  const child = new Deno.Command(program, { args: [...args], stdin, stdout: "piped", cwd: "/" })
    .spawn();
  if (input) {
    const writer = child.stdin.getWriter();
    await writer.write(input);
    await writer.close();
  }
  const { success, stdout } = await child.output();
  if (!success) throw new Error(`${program} failed`);
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("findTarget() knows each platform by both names, and lists them for any other", () => {
  for (const target of TARGETS) {
    assertEquals(findTarget(targetName(target)), target);
    assertEquals(findTarget(target.triple), target);
  }
  assertEquals(binaryName(findTarget("windows-x64")), `exoip-${VERSION}-windows-x64.exe`);
  assertEquals(binaryName(findTarget("linux-arm64")), `exoip-${VERSION}-linux-arm64`);
  assertThrows(() => findTarget("plan9-x64"), Error, "macos-arm64 (aarch64-apple-darwin)");
});

Deno.test("platformOf() recognises the program that runs this, and heads of all formats", async () => {
  const host = hostTarget();
  if (host) assertEquals(platformOf(await Deno.readFile(Deno.execPath())), targetName(host));
  const head = (...parts: ReadonlyArray<readonly [number, string]>) => {
    const block = new Uint8Array(512);
    for (const [at, hex] of parts) block.set(Uint8Array.fromHex(hex), at);
    return platformOf(block);
  };
  assertEquals(head([0, "7f454c46"], [18, "3e00"]), "linux-x64");
  assertEquals(head([0, "7f454c46"], [18, "b700"]), "linux-arm64");
  assertEquals(head([0, "7f454c46"], [18, "f300"]), "unknown");
  assertEquals(head([0, "cffaedfe07000001"]), "macos-x64");
  assertEquals(head([0, "cffaedfe0c000001"]), "macos-arm64");
  assertEquals(head([0, "4d5a"], [0x3c, "80"], [0x80, "504500006486"]), "windows-x64");
  assertEquals(head([0, "4d5a"], [0x3c, "ffffffff"]), "unknown");
  assertEquals(platformOf(bytes("#!/bin/sh\n")), "unknown");
});

Deno.test({
  name: "systemFiles() finds for this Deno what its loader finds",
  ignore: noLinux,
  async fn() {
    const program = await Deno.readFile(Deno.execPath());
    const found = (await systemFiles(program, "")).map(({ path }) => path);
    const said = await run("ldd", [Deno.execPath()]);
    const loaded = [...said.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
    assertEquals(found, loaded.sort());
    assert(found.length >= 3, "the loader, libc and more");
  },
});

Deno.test({
  name:
    "systemFiles() takes from a system root what is there, through its links, and names what is not",
  ignore: noLinux,
  async fn() {
    const program = await Deno.readFile(Deno.execPath());
    const files = await systemFiles(program, "");
    const root = await Deno.makeTempDir();
    try {
      // Everything is in one folder, with links from the others, as on systems with a merged /usr.
      await Deno.mkdir(`${root}/usr/all`, { recursive: true });
      for (const { path, bytes } of files) {
        const name = path.split("/").at(-1) ?? "", folder = path.slice(0, -name.length);
        await Deno.writeFile(`${root}/usr/all/${name}`, bytes);
        await Deno.mkdir(root + folder, { recursive: true });
        await Deno.symlink(`/usr/all/${name}`, root + path);
      }
      assertEquals(await systemFiles(program, root), files);
      await Deno.remove(`${root}/usr/all/libm.so.6`);
      await assertRejects(() => systemFiles(program, root), Error, "no library libm.so.6");
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});

Deno.test("readElf() refuses what is no ELF file of its kind", () => {
  assertThrows(() => readElf(bytes("#!/bin/sh\n")), Error, "not an ELF file");
  const short = new Uint8Array(64);
  short.set(Uint8Array.fromHex("7f454c460101"));
  assertThrows(() => readElf(short), Error, "not a 64-bit");
});

Deno.test("tar() writes what tar(1) reads, in the order of the names whatever comes first", async () => {
  const entries = [
    { path: "z/deep/file", bytes: bytes("z".repeat(513)) },
    { path: "empty" },
    { path: "a", bytes: bytes("a\n"), mode: 0o755 },
    { path: "z/none", bytes: bytes("") },
  ];
  const archive = tar(entries, 86_400);
  assertEquals(tar(entries.toReversed(), 86_400), archive);
  assertEquals(archive.length % 512, 0);
  assertThrows(() => tar([{ path: "x".repeat(101), bytes: bytes("") }], 0), Error, "too long");
  assertThrows(() => tar([...entries, ...entries], 0), Error, "twice");
  if (noLinux) return;
  const list = (await run("tar", ["--utc", "--numeric-owner", "-tvf", "-"], archive)).split("\n");
  assertEquals(list.map((line) => line.replace(/ +/g, " ")), [
    "-rwxr-xr-x 0/0 2 1970-01-02 00:00 a",
    "drwxr-xr-x 0/0 0 1970-01-02 00:00 empty/",
    "drwxr-xr-x 0/0 0 1970-01-02 00:00 z/",
    "drwxr-xr-x 0/0 0 1970-01-02 00:00 z/deep/",
    "-rw-r--r-- 0/0 513 1970-01-02 00:00 z/deep/file",
    "-rw-r--r-- 0/0 0 1970-01-02 00:00 z/none",
  ]);
  assertEquals(await run("tar", ["-xOf", "-", "a"], archive), "a");
});

Deno.test("gzip() writes no name and no time", async () => {
  const compressed = await gzip(bytes("x".repeat(10_000)));
  // Source: RFC 1952, section 2.3: flags, and four bytes of time.
  assertEquals(compressed.subarray(0, 8).toHex(), "1f8b080000000000");
  const plain = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("gzip"));
  assertEquals(await new Response(plain).text(), "x".repeat(10_000));
});

Deno.test("SHA256SUMS has this version's files and no others, as sha256sum(1) wants them", async () => {
  const names = [`exoip-${VERSION}-linux-x64`, `exoip_${VERSION}-1_amd64.deb`, "install.sh"];
  names.push(`exoip-${VERSION}.tgz`);
  const others = ["exoip", "COMMIT", "SHA256SUMS", "exoip-0.4.1-linux-x64", `exoip-${VERSION}9-a`];
  others.push(`exoip-${VERSION}-linux-x64.12.part`);
  assertEquals([...names, ...others].filter(isReleased), names);
  const folder = await Deno.makeTempDir();
  try {
    for (const name of [...names, ...others]) await Deno.writeTextFile(`${folder}/${name}`, name);
    const lines = await writeSums(folder);
    assertEquals(lines.map((line) => line.slice(66)), names.toSorted());
    assertEquals(await Deno.readTextFile(`${folder}/SHA256SUMS`), lines.join("\n") + "\n");
    if (noLinux) return;
    const script = `cd ${folder} && sha256sum --strict -c SHA256SUMS`;
    assertEquals((await run("sh", ["-c", script])).match(/: OK/g)?.length, names.length);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the installer of a release differs from the source in two lines only", async () => {
  const source = await Deno.readTextFile(new URL("../../scripts/install.sh", import.meta.url));
  const stamped = await stampedInstaller("https://example.com/releases/download", "1.2.3");
  const lines = stamped.split("\n").filter((line, index) => line !== source.split("\n")[index]);
  assertEquals(lines, [
    "default_version=1.2.3",
    "default_url=https://example.com/releases/download",
  ]);
  await assertRejects(
    () => stampedInstaller("https://example.com/$(id)"),
    Error,
    "cannot be written",
  );
});

Deno.test("the SBOM names what the program imports, published or not, and what it runs on", async () => {
  const npm = { name: "smol-toml", version: "1.9.1" };
  const info: Info = {
    modules: [
      "file:///exoip/main.ts",
      "npm:/smol-toml@1.9.1",
      "https://jsr.io/@std/cli/1.0.32/parse_args.ts",
      "https://jsr.io/@std/cli/1.0.32/_data.ts",
    ].map((specifier) => ({ specifier })),
    npmPackages: { a: npm, b: { name: "fast-check", version: "4.10.2" } },
  };
  const parts = fragmentsOf(info);
  const names = ["smol-toml", "@std/cli", "deno", "v8", "glibc and libgcc"];
  assertEquals(parts.map(({ name }) => name), names);
  assert(parts.every(({ license }) => license && license !== "NOASSERTION"));
  const document = await spdx(parts, 0);
  assertEquals(document, await spdx(fragmentsOf(info), 0));
  assertEquals(document.packages instanceof Array && document.packages.length, 1 + names.length);
});

const WORKFLOWS = new URL("../../.github/workflows/", import.meta.url);

Deno.test("workflows name actions by commit, and a release takes nothing that the lock file does not know", async () => {
  let count = 0;
  for (const { name } of Deno.readDirSync(WORKFLOWS)) {
    const text = await Deno.readTextFile(new URL(name, WORKFLOWS));
    for (const [, action = ""] of text.matchAll(/uses: (.*)/g)) {
      count += 1;
      const pinned = /^[\w.-]+\/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action);
      assert(pinned || action.startsWith("./"), `${name}: ${action}`);
    }
    if (name === "ci.yml") continue;
    assert(!/deno unlink|rm .*(deno\.lock|src\/std)/.test(text), name);
  }
  assert(count > 15, `${count} actions`);
  const build = await Deno.readTextFile(new URL("build.yml", WORKFLOWS));
  assert(build.includes("deno cache --frozen main.ts scripts/release/compile.ts"));
});

Deno.test("the manifest runs no shell, which could take an address for a command", async () => {
  const manifest = new URL("../../scripts/package/kubernetes/exoip.yaml", import.meta.url);
  const text = await Deno.readTextFile(manifest);
  const commands = [...text.matchAll(/^ +(?:command|args): .*/gm)].map(([line]) => line);
  assert(commands.length > 0);
  for (const line of commands) assert(!/\bsh\b|\$[A-Z]/.test(line), line);
});
