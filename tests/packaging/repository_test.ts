// The package repositories, with the real package managers on a copy of this machine, over HTTP on its loopback.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { packageAll } from "../../scripts/package/main.ts";
import { blocksOf, textOf } from "../docs/markdown.ts";
import { onCopy } from "./copy.ts";
import { inFolder, machineTest, mustRun, put, runTool } from "./requirements.ts";

const SCRIPT = new URL("../../scripts/repository/main.ts", import.meta.url).pathname;
const PAGE = textOf("docs/set-up/install.md");
const ARCHES = ["x86_64", "aarch64"];

const MAKERS = [
  "reprepro (reprepro)",
  "createrepo_c (createrepo-c)",
  "rpmsign (rpm)",
  "gpg (gnupg)",
  "dpkg-deb (dpkg)",
  "rpmbuild (rpm)",
];
const APART = [
  "unshare (util-linux)",
  "chroot (coreutils)",
  "ip (iproute2)",
  "python3 (python3)",
  "curl (curl)",
];
const APT = { root: true, tools: [...MAKERS, ...APART, "apt-get (apt)"] };
const DNF = { root: true, tools: [...MAKERS, ...APART, "dnf (dnf)"] };

/** Where the web server on the copy's loopback is; it shows /out/www. */
const URL_THERE = "http://127.0.0.1:8080/exoip";
/** Starts the server, and defines `fails`, which wants an error. Its directory is /out/www/exoip. */
const SERVED = `
ip link set lo up
cd /out
python3 -m http.server --bind 127.0.0.1 --directory /out/www 8080 >/out/server.log 2>&1 &
for _ in $(seq 600); do curl -fs http://127.0.0.1:8080/ >/dev/null && break; sleep 0.1; done
REPOSITORY=${URL_THERE}
fails() { if "$@" >/out/said 2>&1; then cat /out/said; echo "NOT REFUSED: $*"; exit 1; fi; cat /out/said; }
show() { ln -sfn "/out/$1" /out/www/exoip; }
`;

/** Makes a throw-away key; returns the path of its secret part. */
async function newKey(folder: string, name: string): Promise<string> {
  const home = `${folder}/gpg-${name}`, path = `${folder}/${name}.asc`;
  await Deno.mkdir(home, { mode: 0o700 });
  const gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--passphrase", ""];
  await mustRun([...gpg, "--quick-gen-key", `${name} <${name}@exoip.invalid>`, "rsa2048", "sign"]);
  await mustRun([...gpg, "--output", path, "--armor", "--export-secret-keys"]);
  await mustRun(["gpgconf", "--homedir", home, "--kill", "all"]);
  return path;
}

/** Builds packages of that version of a program that only prints its version and processor. */
async function build(folder: string, version: string, format: "deb" | "rpm"): Promise<string> {
  const output = `${folder}/packages-${version}`;
  for (const arch of ARCHES) {
    const stub = `${folder}/stub-${version}-${arch}`;
    await put(stub, `#!/bin/sh\necho "stub ${version} ${arch}"\n`, 0o755);
    const args = ["--binary", stub, "--version", version, "--arch", arch, "--output", output];
    await packageAll([...args, format]);
  }
  return output;
}

/** Runs `deno task repository`. */
function repository(args: readonly string[], env: Record<string, string> = {}) {
  return runTool([Deno.execPath(), "run", "--allow-all", SCRIPT, ...args], {
    env: { NO_COLOR: "1", ...env },
  });
}

/** Makes /out/NAME of the packages in a folder. */
async function make(folder: string, name: string, packages: string, key: string): Promise<void> {
  const place = ["--url", URL_THERE, "--packages", packages, "--output", `${folder}/${name}`];
  const { code, text } = await repository([...place, "--key-file", key]);
  assertEquals(code, 0, text);
}

/** The page's commands that contain that text, as they are. */
function documented(text: string): string {
  const found = blocksOf(PAGE, "sh").filter((block) => block.includes(text));
  assertEquals(found.length, 1, text);
  return found[0] ?? "";
}

/** Two versions, the first one also by another key, all of that format; the key's public part is in each. */
async function inRepositories(
  format: "deb" | "rpm",
  body: (folder: string) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const key = await newKey(folder, "key"), other = await newKey(folder, "other");
    const [old, young] = [
      await build(folder, "0.9.0", format),
      await build(folder, "0.9.1", format),
    ];
    await Deno.mkdir(`${folder}/www`);
    await make(folder, "old", old, key);
    await make(folder, "young", young, key);
    await make(folder, "foreign", young, other);
    await body(folder);
  });
}

machineTest(
  "apt-get installs and upgrades from the repository, and refuses forgeries",
  APT,
  () =>
    inRepositories("deb", async (folder) => {
      const commands = documented("exoip.sources");
      const lists = "rm -rf /var/lib/apt/lists; mkdir -p /var/lib/apt/lists/partial";
      const said = await onCopy(
        folder,
        `${SERVED}
      export DEBIAN_FRONTEND=noninteractive
      rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
      echo 'APT::Get::Assume-Yes "true"; quiet "2"; Acquire::Retries "0";' >/etc/apt/apt.conf.d/99test
      echo 'APT::Update::Error-Mode "any";' >>/etc/apt/apt.conf.d/99test
      show old
      { ${commands} } >/out/log 2>&1 || { cat /out/log; exit 1; }
      exoip
      echo "-- the key"
      { ${documented("--show-keys")} } 2>/dev/null
      echo "-- a forged list"
      ${lists}
      cp -a /out/young /out/forged
      sed -i 's/^ \\([0-9a-f]\\)/ f/' /out/forged/apt/dists/stable/InRelease
      show forged
      fails apt-get update
      fails apt-get install exoip=0.9.1
      echo "-- another key"
      ${lists}
      show foreign
      fails apt-get update
      echo "-- no signature"
      ${lists}
      cp -a /out/young /out/unsigned
      rm /out/unsigned/apt/dists/stable/InRelease /out/unsigned/apt/dists/stable/Release.gpg
      show unsigned
      fails apt-get update
      echo "-- a forged package"
      ${lists}
      cp -a /out/young /out/replaced
      for each in /out/replaced/apt/pool/main/e/exoip/*.deb; do echo forged >>"$each"; done
      show replaced
      apt-get update >/out/log 2>&1
      fails apt-get install exoip
      exoip
      echo "-- an upgrade"
      show young
      apt-get update >/out/log 2>&1
      apt-get upgrade >/out/log 2>&1
      exoip
      apt-cache policy exoip | grep -A 1 '\\*\\*\\*'
      cd /tmp
      ${
          ["amd64", "arm64"].map((arch) =>
            `apt-get ${foreign(arch)} update >/out/log 2>&1
      apt-get ${foreign(arch)} download exoip >/out/log 2>&1
      dpkg-deb -f exoip_0.9.1_${arch}.deb Architecture`
          ).join("\n      ")
        }
      apt-get remove exoip >/out/log 2>&1
      ls /usr/bin/exoip 2>/dev/null || echo removed`,
      );
      const native = Deno.build.arch;
      const parts = said.trim().split(/\n?-- (.*)\n/);
      const part = (title: string) => parts[parts.indexOf(title) + 1] ?? "";
      assertEquals(parts[0], `stub 0.9.0 ${native}`);
      assertMatch(part("the key"), /^ +[0-9A-F]{40}$/m);
      assertStringIncludes(part("the key"), "key <key@exoip.invalid>");
      assertMatch(part("a forged list"), /BADSIG|BAD signature|not signed/i);
      assertMatch(part("another key"), /NO_PUBKEY|not signed/);
      assertMatch(part("no signature"), /not signed|does not have a Release file/);
      assertMatch(part("a forged package"), /unexpected size|Hash Sum mismatch|hashes/i);
      assert(part("a forged package").trim().endsWith(`stub 0.9.0 ${native}`), said);
      const [young, , source, ...arches] = part("an upgrade").split("\n");
      assertEquals(young, `stub 0.9.1 ${native}`);
      assertStringIncludes(source ?? "", URL_THERE);
      assertEquals(arches, ["amd64", "arm64", "removed"]);
    }),
);

/** Options for apt that make it see the repository as a machine of that architecture. */
function foreign(arch: string): string {
  return `-o APT::Architecture=${arch} -o APT::Architectures=${arch} -o Dir::State::status=/dev/null`;
}

/** What the package requires, which Debian's RPM database does not know. */
const BASE = `Name: base
Version: 1
Release: 1
Summary: what Fedora has
License: none
BuildArch: noarch
Provides: glibc = 2.36
Provides: libgcc = 12
Provides: /bin/sh
%description
What Fedora has.
%files
`;

machineTest(
  "dnf installs and upgrades from the repository, and refuses forgeries",
  DNF,
  () =>
    inRepositories("rpm", async (folder) => {
      await put(`${folder}/base.spec`, BASE);
      const define = ["--define", `_topdir ${folder}/base`];
      await mustRun(["rpmbuild", "-bb", "--quiet", ...define, `${folder}/base.spec`]);
      const said = await onCopy(
        folder,
        `${SERVED}
      mkdir -p /etc/yum.repos.d /etc/dnf
      rm -f /etc/yum.repos.d/*
      printf '[main]\\nassumeyes=True\\ngpgcheck=True\\nmetadata_expire=0\\n' >/etc/dnf/dnf.conf
      rpm -i --nodeps /out/base/RPMS/noarch/base-1-1.noarch.rpm >/out/log 2>&1
      show old
      { ${documented("exoip.repo")} } >/out/log 2>&1 || { cat /out/log; exit 1; }
      exoip
      echo "-- signed"
      rpm -K /out/old/rpm/*.rpm
      echo "-- a forged list"
      cp -a /out/young /out/forged
      sed -i 's/<revision>/<revision>9/' /out/forged/rpm/repodata/repomd.xml
      show forged
      fails dnf --refresh upgrade exoip
      echo "-- another key"
      # dnf asks for the key at gpgkey: somebody who has the server's files has not the user's key.
      cp -a /out/foreign /out/stranger
      cp /out/young/exoip.asc /out/stranger/exoip.asc
      show stranger
      fails dnf --refresh upgrade exoip
      echo "-- a forged package"
      cp -a /out/young /out/replaced
      for each in /out/replaced/rpm/*.rpm; do echo forged >>"$each"; done
      show replaced
      fails dnf --refresh upgrade exoip
      exoip
      echo "-- an upgrade"
      show young
      dnf --refresh upgrade >/out/log 2>&1
      exoip
      for arch in ${ARCHES.join(" ")}; do
        dnf -q --forcearch "$arch" repoquery --available --arch "$arch" --qf '%{name} %{version} %{arch}' exoip 2>/dev/null
      done`,
      );
      const native = Deno.build.arch;
      const parts = said.trim().split(/\n?-- (.*)\n/);
      const part = (title: string) => parts[parts.indexOf(title) + 1] ?? "";
      assertEquals(parts[0], `stub 0.9.0 ${native}`);
      assertEquals(part("signed").match(/: digests signatures OK$/gm)?.length, 2, said);
      assertMatch(part("a forged list"), /bad pgp signature|repomd\.xml.*(signature|GPG)/i);
      assertMatch(part("another key"), /signature|GPG/i);
      assertMatch(part("a forged package"), /checksum|size/i);
      assert(part("a forged package").trim().endsWith(`stub 0.9.0 ${native}`), said);
      const versions = ARCHES.map((arch) => `exoip 0.9.1 ${arch}`);
      assertEquals(part("an upgrade").split("\n"), [`stub 0.9.1 ${native}`, ...versions]);
    }),
);

machineTest(
  "a repository has only what there is, and leaves no key behind",
  { tools: MAKERS },
  () =>
    inFolder(async (folder) => {
      const key = await newKey(folder, "key");
      const packages = await build(folder, "0.9.0", "deb");
      await Deno.remove(`${packages}/exoip_0.9.0_arm64.deb`);
      const place = ["--url", URL_THERE, "--packages", packages, "--output", `${folder}/made`];
      const temporary = { TMPDIR: `${folder}/tmp` };
      await Deno.mkdir(temporary.TMPDIR);
      const text = await Deno.readTextFile(key);
      const made = await repository(place, { ...temporary, REPOSITORY_SIGNING_KEY: text });
      assertEquals(made, { code: 0, text: `${folder}/made: exoip_0.9.0_amd64.deb\n` });
      const names = [...Deno.readDirSync(`${folder}/made`)].map(({ name }) => name).sort();
      assertEquals(names, ["apt", "exoip.asc", "exoip.sources"]);
      assertMatch(
        await Deno.readTextFile(`${folder}/made/exoip.sources`),
        /^Architectures: amd64$/m,
      );
      assertEquals([...Deno.readDirSync(temporary.TMPDIR)], []);
      const found = await runTool(["grep", "-rl", "PRIVATE KEY", `${folder}/made`]);
      assertEquals(found.text, "");
    }),
);

machineTest(
  "what is wrong with the order is said, and nothing is made",
  { tools: MAKERS },
  () =>
    inFolder(async (folder) => {
      const key = await newKey(folder, "key");
      const packages = await build(folder, "0.9.0", "deb");
      await Deno.mkdir(`${folder}/empty`);
      await put(`${folder}/public.asc`, "no key at all\n");
      const at = ["--output", `${folder}/made`, "--packages", packages];
      const url = ["--url", URL_THERE], by = ["--key-file", key];
      for (
        const [args, wanted] of [
          [["--key", "x"], "unknown argument --key: wanted --url, "],
          [[...at, ...by], '--url: found "", wanted one such as '],
          [[...at, ...by, "--url", "ftp://x"], '--url: found "ftp://x"'],
          [[...at, ...url], "no key to sign with: give --key-file FILE, or REPOSITORY_SIGNING_KEY"],
          [
            [...at, ...url, "--key-file", `${folder}/public.asc`],
            "the key to sign with: gpg ended",
          ],
          [[...at, ...url, ...by, "--packages", `${folder}/empty`], "run deno task package first"],
        ] as const
      ) {
        const { code, text } = await repository(args, { REPOSITORY_SIGNING_KEY: "" });
        assertEquals(code, 1, text);
        assertStringIncludes(text, `repository: `);
        assertStringIncludes(text, wanted);
        assertEquals(await Deno.stat(`${folder}/made`).catch(() => null), null);
      }
    }),
);

machineTest(
  "a missing tool is named, with its package",
  { tools: MAKERS },
  () =>
    inFolder(async (folder) => {
      const key = await newKey(folder, "key");
      const packages = await build(folder, "0.9.0", "deb");
      const place = ["--url", URL_THERE, "--packages", packages, "--output", `${folder}/made`];
      await Deno.mkdir(`${folder}/bin`);
      for (const name of ["gpg", "gpgconf"]) {
        await Deno.symlink((await mustRun(["which", name])).trim(), `${folder}/bin/${name}`);
      }
      const said = await repository([...place, "--key-file", key], { PATH: `${folder}/bin` });
      assertEquals(said, {
        code: 1,
        text: "repository: there is no reprepro here: install reprepro\n",
      });
    }),
);
