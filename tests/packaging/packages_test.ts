// The packages: built, installed, upgraded, removed and purged with the real tools, on a copy of this machine.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { packageAll } from "../../scripts/package/main.ts";
import { VERSION } from "../../src/version.ts";
import { onCopy } from "./copy.ts";
import { BINARY, inFolder, machineTest, mustRun, put } from "./requirements.ts";

const APART = ["unshare (util-linux)", "chroot (coreutils)"];
const DEB = { root: true, tools: ["dpkg-deb (dpkg)", "dpkg (dpkg)", ...APART] };
const RPM = { root: true, tools: ["rpmbuild (rpm)", "rpm (rpm)", ...APART] };

/** Builds packages of two versions of a program that only prints its version. */
async function build(folder: string, format: "deb" | "rpm"): Promise<[string, string]> {
  const paths: string[] = [];
  for (const version of ["0.9.0", "0.9.1"]) {
    await put(`${folder}/stub-${version}`, `#!/bin/sh\necho "stub ${version}"\n`, 0o755);
    const args = ["--binary", `${folder}/stub-${version}`, "--version", version];
    paths.push(...await packageAll([...args, "--output", folder, format]));
  }
  const [old = "", young = ""] = paths.map((path) => path.replace(folder, "/out"));
  return [old, young];
}

/** Defines `there`: all files in the places where a package may leave some. */
const THERE = `there() {
  find /etc /run /usr/bin /usr/lib/systemd /usr/share /var/lib -path /var/lib/dpkg -prune -o \\
    -path /var/lib/rpm -prune -o -print | sort
}
`;

const INSTALLED = [
  "/etc/exoip/exoip.env",
  "/usr/bin/exoip",
  "/usr/lib/systemd/system/exoip.service",
  "/usr/share/bash-completion/completions/exoip",
  "/usr/share/fish/vendor_completions.d/exoip.fish",
  "/usr/share/man/man5/exoip.toml.5.gz",
  "/usr/share/man/man7/exoip.7.gz",
  "/usr/share/man/man8/exoip.8.gz",
];

machineTest(
  "the Debian package installs, keeps what was edited, and leaves nothing",
  DEB,
  () =>
    inFolder(async (folder) => {
      const [old, young] = await build(folder, "deb");
      const hooks = ["/etc/network/if-up.d/exoip", "/etc/network/if-down.d/exoip"];
      const zsh = "/usr/share/zsh/vendor-completions/_exoip";
      // Container images tell dpkg to leave out manuals.
      const said = await onCopy(
        folder,
        `${THERE}
      there >/out/before
      dpkg -i --path-include='/*' ${old} >/dev/null
      ls ${[...INSTALLED, ...hooks, zsh].join(" ")} >/out/installed
      exoip
      systemctl -q enable exoip.service
      echo IF_HOST_PRIORITY=7 >>/etc/exoip/exoip.env
      echo secret >/etc/exoip/secret
      echo '# edited' >>${hooks[0]}
      dpkg -i --path-include='/*' ${young} >/dev/null
      exoip
      tail -n 1 /etc/exoip/exoip.env ${hooks[0]} /etc/exoip/secret | grep .
      dpkg --remove exoip >/dev/null
      ls /usr/bin/exoip 2>/dev/null || echo removed
      tail -n 1 /etc/exoip/exoip.env
      dpkg --purge exoip >/dev/null
      there >/out/after`,
      );
      assertEquals(said.trim().split("\n"), [
        "stub 0.9.0",
        "stub 0.9.1",
        "==> /etc/exoip/exoip.env <==",
        "IF_HOST_PRIORITY=7",
        `==> ${hooks[0]} <==`,
        "# edited",
        "==> /etc/exoip/secret <==",
        "secret",
        "removed",
        "IF_HOST_PRIORITY=7",
      ]);
      assertEquals(await left(folder), []);
    }),
);

machineTest(
  "the RPM package installs, keeps what was edited, and leaves that",
  RPM,
  () =>
    inFolder(async (folder) => {
      const [old, young] = await build(folder, "rpm");
      const zsh = "/usr/share/zsh/site-functions/_exoip";
      const said = await onCopy(
        folder,
        `${THERE}
      there >/out/before
      # Debian's own rpm has a word to say first.
      rpm -i --nodeps ${old} 2>/dev/null
      ls ${[...INSTALLED, zsh].join(" ")} >/out/installed
      exoip
      systemctl -q enable exoip.service
      echo IF_HOST_PRIORITY=7 >>/etc/exoip/exoip.env
      echo secret >/etc/exoip/secret
      rpm -U --nodeps ${young} 2>/dev/null
      exoip
      tail -n 1 /etc/exoip/exoip.env
      cat /etc/exoip/secret
      rpm -e exoip 2>/dev/null
      there >/out/after`,
      );
      const lines = ["stub 0.9.0", "stub 0.9.1", "IF_HOST_PRIORITY=7", "secret"];
      assertEquals(said.trim().split("\n"), lines);
      // RPM has no purge: as usual, an edited file is renamed.
      assertEquals(await left(folder), ["/etc/exoip", "/etc/exoip/exoip.env.rpmsave"]);
    }),
);

for (const [format, needs] of [["deb", DEB], ["rpm", RPM]] as const) {
  machineTest(`the binary is whole after it came out of the ${format} package`, {
    ...needs,
    binary: true,
  }, () =>
    inFolder(async (folder) => {
      const [path = ""] = await packageAll(["--binary", BINARY, "--output", folder, format]);
      const inside = path.replace(folder, "/out");
      const install = format === "deb"
        ? `dpkg -i ${inside} >/dev/null`
        : `rpm -i --nodeps ${inside}`;
      const said = await onCopy(folder, `${install}\nexoip -version`);
      assertMatch(said, new RegExp(`^exoip ${VERSION} \\(commit `));
    }));
}

machineTest("the same input makes the same Debian package", DEB, () =>
  inFolder(async (folder) => {
    await put(`${folder}/stub`, "#!/bin/sh\n", 0o755);
    const hashes: string[] = [];
    for (const output of ["one", "two"]) {
      const args = ["--binary", `${folder}/stub`, "--output", `${folder}/${output}`, "deb"];
      const [path = ""] = await packageAll(args);
      hashes.push((await mustRun(["sha256sum", path])).split(" ")[0] ?? "");
      await new Promise((resolve) => setTimeout(resolve, 1_100));
    }
    assertEquals(hashes[0], hashes[1]);
  }));

Deno.test("packageAll() says what is wrong instead of building something else", async () => {
  await assertRejects(() => packageAll(["--arch", "mips"]), Error, "no packages for mips");
  await assertRejects(() => packageAll(["--output"].concat("x", "zip")), Error, "argument zip");
  for (const version of ["", "../1", "1\nx", "1 2", "--x", "1%{x}"]) {
    await assertRejects(() => packageAll(["--version", version]), Error, "--version: found");
  }
  const missing = ["--version", "9.9.9", "--arch", otherArch()];
  await assertRejects(() => packageAll(missing), Error, "run deno task compile first");
});

function otherArch(): string {
  return Deno.build.arch === "x86_64" ? "aarch64" : "x86_64";
}

/** New paths, without the caches of tools that saw the package. */
async function left(folder: string): Promise<string[]> {
  const list = async (name: string) => (await Deno.readTextFile(`${folder}/${name}`)).split("\n");
  const old = new Set(await list("before"));
  assert(old.size > 1_000, "the list is one");
  const caches = /^\/var\/lib\/(systemd|man-db|apt)\//;
  return (await list("after")).filter((path) => !old.has(path) && !caches.test(path));
}
