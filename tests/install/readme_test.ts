// The commands of the README's chapter on installing, as they are written there, against a local release.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { compiledBinary } from "../image/archive.ts";
import { stampedInstaller } from "../../scripts/release/installer.ts";
import { VERSION } from "../../scripts/release/targets.ts";
import { Place, PLATFORM, program, ReleaseServer } from "./release.ts";

const README = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
const CHAPTER = /\n## Install\n(.*?)\n## /s.exec(README)?.[1] ?? "";

/** The code blocks of the chapter in that language. */
function blocks(language: string): string[] {
  const fence = new RegExp("```" + language + "\\n(.*?)```", "gs");
  return [...CHAPTER.matchAll(fence)].map(([, text = ""]) => text);
}

const NAME = `exoip-${VERSION}-linux-x64`;

Deno.test({
  name: "the README's commands install the compiled binary by script and by hand",
  ignore: PLATFORM !== "linux-x64",
  async fn() {
    const [byScript = "", byHand = ""] = blocks("sh");
    await using server = new ReleaseServer();
    await using place = await Place.make(["sh"]);
    const binary = await compiledBinary();
    await server.add(VERSION, binary ? await Deno.readFile(binary) : program(VERSION));
    server.addFile(VERSION, "install.sh", await stampedInstaller(server.url));
    const run = async (script: string) => {
      await Deno.mkdir(`${place.prefix}/bin`, { recursive: true });
      const command = `set -eu; RELEASE=${server.url}/v${VERSION}; cd ${place.folder}\n`;
      // The test may not touch what this machine has installed.
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
  },
});

Deno.test("the README's chapter on installing names this version, and files as a release has them", () => {
  const dockerfile = Deno.readTextFileSync(new URL("../../Dockerfile", import.meta.url));
  const versions = [...(CHAPTER + dockerfile).matchAll(/(?:exoip[-:]|\/v)(\d+\.\d+\.\d+)/g)];
  assert(versions.length >= 10, "it names files");
  assertEquals(versions.map(([, version]) => version).filter((each) => each !== VERSION), []);
  for (const end of ["", "-image.tar", "-rootfs.tar.gz"]) assert(CHAPTER.includes(NAME + end), end);
});
