// The install commands in README and docs, verbatim, with a local release.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { compiledBinary } from "../image/archive.ts";
import { stampedInstaller } from "../../scripts/release/installer.ts";
import { VERSION } from "../../scripts/release/targets.ts";
import { blocksOf, textOf } from "../docs/markdown.ts";
import { Place, PLATFORM, program, ReleaseServer } from "./release.ts";

const README = /\n## Install\n(.*?)\n## /s.exec(textOf("README.md"))?.[1] ?? "";
const PAGE = textOf("docs/set-up/install.md");

const NAME = `exoip-${VERSION}-linux-x64`;

Deno.test({
  name: "the commands of the documents install the compiled binary by script and by hand",
  ignore: PLATFORM !== "linux-x64",
  async fn() {
    const [byScript = "", byHand = ""] = blocksOf(PAGE, "sh");
    const [inReadme = ""] = blocksOf(README, "sh");
    await using server = new ReleaseServer();
    await using place = await Place.make(["sh"]);
    const binary = await compiledBinary();
    await server.add(VERSION, binary ? await Deno.readFile(binary) : program(VERSION));
    server.addFile(VERSION, "install.sh", await stampedInstaller(server.url));
    const run = async (script: string) => {
      await Deno.mkdir(`${place.prefix}/bin`, { recursive: true });
      const command = `set -eu; RELEASE=${server.url}/v${VERSION}; cd ${place.folder}\n`;
      // The test must not touch what this machine has installed.
      const elsewhere = script.replaceAll("/usr/local", place.prefix);
      const { code, output } = await place.install([], { script: command + elsewhere });
      assertEquals(code, 0, output);
      return output;
    };
    const [install = "", uninstall = "", ...others] = byScript.trim().split("\n");
    assertEquals(others, []);
    assertMatch(await run(install), new RegExp(`^exoip: installed exoip ${VERSION} `, "m"));
    const [installed] = place.files();
    assertEquals(installed, "exoip");
    assertMatch(await run(uninstall), /^exoip: removed /m);
    assertEquals(place.files(), []);
    assertMatch(await run(byHand), new RegExp(`^${NAME}: OK$`, "m"));
    assertEquals(place.files(), ["exoip"]);
    assertEquals((Deno.statSync(place.target).mode ?? 0) & 0o777, 0o755);
    await run(uninstall);
    // The README's three lines; the first one names the release.
    const [release = "", ...lines] = inReadme.trim().split("\n");
    assertEquals(release, `RELEASE=https://github.com/OWNER/exoip/releases/download/v${VERSION}`);
    const output = await run(`PATH=${place.prefix}/bin:$PATH\n${lines.join("\n")}`);
    assertMatch(
      output,
      new RegExp(`^exoip: installed exoip ${VERSION} [^]*^exoip ${VERSION}`, "m"),
    );
    assertEquals(place.files(), ["exoip"]);
  },
});

Deno.test("the documents on installing name this version, and files as a release has them", () => {
  const text = README + PAGE + textOf("docs/set-up/containers.md");
  const dockerfile = Deno.readTextFileSync(new URL("../../Dockerfile", import.meta.url));
  const versions = [...(text + dockerfile).matchAll(/(?:exoip[-:]|\/v)(\d+\.\d+\.\d+)/g)];
  assert(versions.length >= 10, "it names files");
  assertEquals(versions.map(([, version]) => version).filter((each) => each !== VERSION), []);
  for (const end of ["", "-image.tar", "-rootfs.tar.gz"]) assert(text.includes(NAME + end), end);
});
