// scripts/install.sh with each shell on this machine, and a release on a local server.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { stampedInstaller } from "../../scripts/release/installer.ts";
import { CLOUD_AUTHORITY, identityFor } from "../support/tls/cloud_identity.ts";
import { INSTALLER, Place, PLATFORM, program, ReleaseServer, type Sending } from "./release.ts";

/** What the installer needs, without curl and wget. */
const TOOLS = "sh uname id mkdir mktemp chmod mv rm cut ls sha256sum".split(" ");

const SHELLS = [["sh"], ["dash"], ["bash", "--posix"], ["busybox", "sh"]];

function works(program: string, args: readonly string[]): boolean {
  try {
    return new Deno.Command(program, { args: [...args], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** A test per shell; missing shells are skipped by name. */
function installerTest(
  name: string,
  body: (server: ReleaseServer, place: Place) => Promise<void>,
): void {
  for (const shell of SHELLS) {
    const [program = "", ...args] = shell;
    const missing = PLATFORM === "none" || Deno.build.os === "windows"
      ? "no installer for this system"
      : works(program, [...args, "-c", "true"])
      ? null
      : `needs the shell ${program}`;
    const title = `${shell.join(" ")}: ${name}`;
    Deno.test({
      name: missing ? `${title} (skipped: ${missing})` : title,
      ignore: missing !== null,
      async fn() {
        await using server = new ReleaseServer();
        await using place = await Place.make(shell);
        await server.add("1.0.0");
        await server.add("1.1.0");
        await body(server, place);
      },
    });
  }
}

/** Arguments for a version of the release. */
function from(server: ReleaseServer, version = "1.1.0"): string[] {
  return ["--url", server.url, "--version", version];
}

installerTest("it installs, says so, and leaves nothing else", async (server, place) => {
  const { code, output } = await place.install(from(server));
  assertEquals(code, 0, output);
  assertMatch(output, /^exoip: installed exoip 1\.1\.0 \(commit 0+\) as .*\/prefix\/bin\/exoip$/m);
  assertMatch(output, /is not in PATH/);
  assertEquals(place.files(), ["exoip"]);
  assertEquals(Deno.readFileSync(place.target), program("1.1.0"));
  assertEquals((Deno.statSync(place.target).mode ?? 0) & 0o777, 0o755);
});

installerTest("it upgrades, goes back, and repeats", async (server, place) => {
  const said = async (version: string) => (await place.install(from(server, version))).output;
  assertMatch(await said("1.0.0"), /: installed exoip 1\.0\.0 /);
  const before = Deno.statSync(place.target).ino;
  assertMatch(
    await said("1.1.0"),
    /: replaced exoip 1\.0\.0 .* by exoip 1\.1\.0 .*; restart what runs it/,
  );
  assert(Deno.statSync(place.target).ino !== before, "a new file: what runs keeps the old one");
  assertMatch(await said("1.1.0"), /: installed exoip 1\.1\.0 .* again$/m);
  assertMatch(await said("v1.0.0"), /: replaced exoip 1\.1\.0 .* by exoip 1\.0\.0 /);
  assertEquals(place.files(), ["exoip"]);
});

for (
  const [sending, complaint] of [
    ["half", /damaged or was tampered with/],
    ["cut-off", /cannot be downloaded|damaged/],
    ["tampered", /damaged or was tampered with/],
    ["missing", /cannot be downloaded/],
  ] as ReadonlyArray<[Sending, RegExp]>
) {
  installerTest(`a binary that arrives ${sending} changes nothing`, async (server, place) => {
    await place.install(from(server, "1.0.0"));
    server.sending = sending;
    const { code, output } = await place.install(from(server));
    assertEquals(code, 1, output);
    assertMatch(output, complaint);
    assertEquals(Deno.readFileSync(place.target), program("1.0.0"));
    assertEquals(place.files(), ["exoip"]);
  });
}

installerTest("without the right sum nothing is installed", async (server, place) => {
  for (const [sums, complaint] of [["wrong", /tampered/], ["empty", /has no sum/]] as const) {
    server.sums = sums;
    const { code, output } = await place.install(from(server));
    assertEquals(code, 1, output);
    assertMatch(output, complaint);
    assertEquals(place.files(), []);
  }
  server.sums = "right";
  if (place.ownPrograms) return;
  const path = await place.path([...TOOLS.filter((name) => name !== "sha256sum"), "curl", "wget"]);
  const { code, output } = await place.install(from(server), { env: { PATH: path } });
  assertEquals(code, 1, output);
  assertMatch(output, /no sha256sum, shasum or openssl/);
  assertEquals(place.files(), []);
});

installerTest("a release or a platform that there is not is named", async (server, place) => {
  const missing = await place.install(from(server, "9.9.9"));
  assertEquals(missing.code, 1, missing.output);
  assertMatch(missing.output, /v9\.9\.9\/SHA256SUMS cannot be downloaded/);
  for (
    const [kernel, machine, complaint] of [
      ["Linux", "riscv64", /no binary for the processor riscv64/],
      ["SunOS", "x86_64", /no binary for SunOS/],
      ["Darwin", "arm64", /macos-arm64 cannot be downloaded/],
      ["Linux", "aarch64", /linux-arm64 cannot be downloaded/],
      ["Darwin", "x86_64", /macos-(x64|arm64) cannot be downloaded/],
    ] as const
  ) {
    if (complaint.source.includes(PLATFORM)) continue;
    const uname = `uname() { if [ "$1" = -m ]; then echo ${machine}; else echo ${kernel}; fi; }`;
    const { code, output } = await place.install(from(server), {
      script: `${uname}\n${INSTALLER}`,
    });
    assertEquals(code, 1, output);
    assertMatch(output, complaint);
  }
  assertEquals(place.files(), []);
});

installerTest("without curl it takes wget, without both it says so", async (server, place) => {
  const install = async (tools: readonly string[]) =>
    await place.install(from(server), { env: { PATH: await place.path(tools) } });
  const wget = await install([...TOOLS, "wget"]);
  assertEquals(wget.code, 0, wget.output);
  assertEquals(place.files(), ["exoip"]);
  if (place.ownPrograms) return;
  const neither = await install(TOOLS);
  assertEquals(neither.code, 1, neither.output);
  assertMatch(neither.output, /neither curl nor wget/);
});

installerTest(
  "what begins as https is led nowhere else, by curl and by wget",
  async (server, place) => {
    // Some busyboxes always prefer their own wget.
    if (place.ownPrograms) return;
    const ca = `${place.folder}/ca.pem`;
    await Deno.writeTextFile(ca, CLOUD_AUTHORITY);
    await Deno.writeTextFile(`${place.folder}/wgetrc`, `ca_certificate = ${ca}\n`);
    let leads = "https";
    const secure = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {}, ...identityFor("127.0.0.1") },
      async (request) => {
        const { pathname, origin } = new URL(request.url);
        if (pathname.startsWith("/moved/")) {
          const whole = await fetch(server.url + pathname.slice("/moved".length));
          return new Response(await whole.arrayBuffer(), { status: whole.status });
        }
        const to = leads === "https" ? `${origin}/moved${pathname}` : server.url + pathname;
        return new Response(null, { status: 302, headers: { location: to } });
      },
    );
    try {
      const args = ["--url", `https://127.0.0.1:${secure.addr.port}`, "--version", "1.1.0"];
      for (const tool of ["curl", "wget"]) {
        const tools = [...TOOLS, "grep", "sed", "tail", "tr", tool];
        const env = {
          PATH: await place.path(tools),
          WGETRC: `${place.folder}/wgetrc`,
          CURL_CA_BUNDLE: ca,
        };
        leads = "https";
        const good = await place.install(args, { env });
        assertEquals(good.code, 0, good.output);
        await Deno.remove(place.target);
        leads = "http";
        const asked = server.asked.length;
        const bad = await place.install(args, { env });
        assertEquals(bad.code, 1, bad.output);
        if (tool === "wget") assertMatch(bad.output, /leads to http:.*, which is not https/);
        assertEquals([server.asked.length, place.files()], [asked, []], tool);
      }
    } finally {
      await secure.shutdown();
    }
  },
);

installerTest(
  "whatever the umask is, nobody else can write to what it makes",
  async (server, place) => {
    const { code, output } = await place.install(from(server), {
      script: `umask 000\n${INSTALLER}`,
    });
    assertEquals(code, 0, output);
    for (const path of [place.prefix, `${place.prefix}/bin`, place.target]) {
      assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o755, path);
    }
    await Deno.chmod(`${place.prefix}/bin`, 0o777);
    const open = await place.install(from(server, "1.0.0"));
    assertEquals(open.code, 1, open.output);
    assertMatch(
      open.output,
      /everybody can write to .*\/bin, and so replace what is installed there/,
    );
    assertEquals(Deno.readFileSync(place.target), program("1.1.0"));
  },
);

installerTest("a binary that does not run here is not installed", async (server, place) => {
  await server.add("1.2.0", new TextEncoder().encode("\x7fELF of another world, long enough\n"));
  const { code, output } = await place.install(from(server, "1.2.0"));
  assertEquals(code, 1, output);
  assertMatch(output, /does not run on this system/);
  assertEquals(place.files(), []);
});

installerTest("it uninstalls, and says when there is nothing", async (server, place) => {
  await place.install(from(server));
  const first = await place.install(["--uninstall"]);
  assertEquals(first.code, 0, first.output);
  assertMatch(first.output, /^exoip: removed .*\/prefix\/bin\/exoip$/m);
  assertEquals(place.files(), []);
  const second = await place.install(["--uninstall"]);
  assertEquals(second.code, 0, second.output);
  assertMatch(second.output, /nothing to remove/);
});

installerTest(
  "that of a release needs no argument, that of none says what it needs",
  async (server, place) => {
    const script = await stampedInstaller(server.url, "1.1.0");
    const { code, output } = await place.install([], { script });
    assertEquals(code, 0, output);
    assertEquals(place.files(), ["exoip"]);
    const bare = await place.install([]);
    assertEquals(bare.code, 1, bare.output);
    assertMatch(bare.output, /which version\?/);
    assertMatch((await place.install(["--version", "1.0.0"])).output, /where from\?/);
    assertMatch((await place.install(["--wrong"])).output, /--wrong is not understood/);
    assertMatch((await place.install(["--prefix", "relative"])).output, /must begin with \//);
  },
);

installerTest("an installer that has arrived in part does nothing", async (server, place) => {
  const whole = await stampedInstaller(server.url, "1.1.0");
  for (let length = 0; length < whole.length - 'main "$@"\n'.length; length += 173) {
    await place.install([], { script: whole.slice(0, length) });
  }
  assertEquals(place.files(), []);
  assertEquals(server.asked, []);
});

installerTest("a user who is not root gets it in ~/.local", async (server, place) => {
  if (Deno.uid() !== 0) return;
  const home = `${place.folder}/home`;
  await Deno.mkdir(home);
  await Deno.chown(home, 65534, 65534);
  const env = { EXOIP_PREFIX: "" };
  const { code, output } = await place.install(from(server), { env, uid: 65534 });
  assertEquals(code, 0, output);
  assertEquals(Deno.statSync(`${home}/.local/bin/exoip`).uid, 65534);
  const refused = await place.install([...from(server), "--prefix", "/usr"], { uid: 65534 });
  assertEquals(refused.code, 1, refused.output);
  assertMatch(refused.output, /\/usr\/bin cannot be written to; --prefix says where to/);
});

Deno.test({
  name: "shellcheck has nothing to say about the installer",
  ignore: !works("shellcheck", ["--version"]),
  fn() {
    const path = new URL("../../scripts/install.sh", import.meta.url).pathname;
    const { stdout } = new Deno.Command("shellcheck", { args: [path], stderr: "inherit" })
      .outputSync();
    assertEquals(new TextDecoder().decode(stdout), "");
    assertStringIncludes(Deno.readTextFileSync(path), "#!/bin/sh\n");
  },
});
