// `deno task package` on a machine that lacks a packaging tool.
import { assert, assertEquals } from "@std/assert";
import { skippableTest } from "../support/skippable.ts";

const MAIN = new URL("../../scripts/package/main.ts", import.meta.url).pathname;
/** Programs that dpkg-deb, and the time of the commit, need. */
const PROGRAMS = ["dpkg-deb", "tar", "rm", "git"];
const NO_RPM = "no rpm package: there is no rpmbuild here: " +
  "install rpm (Debian, Ubuntu) or rpm-build (Fedora, RHEL)\n";
const NO_DEB = "no deb package: there is no dpkg-deb here: install dpkg\n";

/** Runs it with only these programs in the search path. */
async function packageWith(
  programs: readonly string[],
): Promise<{ code: number; files: string[]; out: string; err: string }> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/bin`);
    for (const program of programs) {
      const path = await whereIs(program);
      if (path !== null) await Deno.symlink(path, `${folder}/bin/${program}`);
    }
    await Deno.writeTextFile(`${folder}/stub`, "#!/bin/sh\n", { mode: 0o755 });
    const args = ["--binary", `${folder}/stub`, "--arch", "x86_64", "--output", `${folder}/out`];
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", MAIN, ...args],
      env: { NO_COLOR: "1", PATH: `${folder}/bin` },
    });
    const { code, stdout, stderr } = await command.output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replaceAll(folder, "");
    const files = [...Deno.readDirSync(`${folder}/out`)].map(({ name }) => name);
    return { code, files, out: text(stdout), err: text(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function whereIs(program: string): Promise<string | null> {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = `${folder}/${program}`;
    if (await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return path;
  }
  return null;
}

skippableTest(
  "deno task package names each tool that is missing",
  Deno.build.os === "linux" ? null : "needs Linux",
  async () => {
    const { code, files, out, err } = await packageWith([]);
    assertEquals([code, files, out, err], [1, [], "", NO_DEB + NO_RPM]);
  },
);

skippableTest(
  "deno task package makes the Debian package where rpmbuild is missing",
  await whereIs("dpkg-deb") === null ? "needs dpkg-deb" : null,
  async () => {
    const { code, files, out, err } = await packageWith(PROGRAMS);
    assertEquals([code, err], [1, NO_RPM]);
    assert(files.length === 1 && files[0]?.endsWith(".deb"), files.join());
    assertEquals(out, `/out/${files[0]}\n`);
  },
);
