// Files that an operator names: read whole, small, and in time, whatever is there.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { until } from "../support/until.ts";
import { BUNDLE_MAX_BYTES, readTextFile, rereadTextFile } from "../../src/host/text_file.ts";
import "../support/libraries.ts";

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Why reading fails. */
async function reasonOf(reading: Promise<string>): Promise<string> {
  try {
    return `read: ${await reading}`;
  } catch (error) {
    return `${error}`;
  }
}

async function makePipe(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assertEquals(success, true);
}

/** In a process of its own: opening a pipe blocks until there is a reader. */
async function fill(pipe: string, text: string): Promise<void> {
  const args = ["-c", `printf '${text}' > ${pipe}`];
  const { success } = await new Deno.Command("sh", { args }).output();
  assertEquals(success, true);
}

const UNIX = { ignore: Deno.build.os === "windows" };

Deno.test(
  "readTextFile() reads a small text, and nothing else whole",
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/file`;
      await Deno.writeTextFile(path, "\ufeffgrüezi\n");
      for (const read of [readTextFile, rereadTextFile]) {
        assertEquals(await read(path), "grüezi\n");
        await Deno.writeTextFile(path, "\ufeffgrüezi\n");
      }
      await Deno.writeFile(path, new Uint8Array([0x61, 0xff]));
      assertStringIncludes(await reasonOf(readTextFile(path)), "not text in UTF-8");
      await Deno.writeFile(path, new Uint8Array(128 * 1024 + 1).fill(0x61));
      assertStringIncludes(await reasonOf(readTextFile(path)), "more than 131072 bytes");
      const bundle = await readTextFile(path, { maxBytes: BUNDLE_MAX_BYTES });
      assertEquals(bundle.length, 128 * 1024 + 1);
      await Deno.remove(path);
      assertStringIncludes(await reasonOf(readTextFile(path)), "NotFound");
      assertStringIncludes(await reasonOf(readTextFile(folder)), "it is a folder, wanted a file");
    }),
);

Deno.test(
  "readTextFile() reads a device and a pipe up to the limit, rereadTextFile() neither",
  UNIX,
  () =>
    inFolder(async (folder) => {
      assertEquals(await readTextFile("/dev/null"), "");
      assertStringIncludes(await reasonOf(readTextFile("/dev/zero")), "more than 131072 bytes");
      assertMatch(await reasonOf(rereadTextFile("/dev/zero")), /it is a device, which can be read/);
      const pipe = `${folder}/pipe`;
      await makePipe(pipe);
      const writing = fill(pipe, "from a pipe");
      assertEquals(await readTextFile(pipe), "from a pipe");
      await writing;
      assertMatch(
        await reasonOf(rereadTextFile(pipe)),
        /it is a pipe, which can be read at the start/,
      );
    }),
);

Deno.test(
  "readTextFile() waits ten seconds for a pipe, and asks no second time while one still hangs",
  UNIX,
  () =>
    inFolder(async (folder) => {
      const pipe = `${folder}/pipe`;
      await makePipe(pipe);
      const beganAtMs = performance.now();
      assertEquals(
        await reasonOf(readTextFile(pipe)),
        "Error: it is a pipe, and what is written there has no end yet (waited 10 s)",
      );
      // A timer may be some milliseconds early.
      assert(performance.now() - beganAtMs >= 9_900);
      assertStringIncludes(
        await reasonOf(readTextFile(pipe)),
        "an earlier attempt to read it still hangs",
      );
      // A late writer frees it for the next attempt.
      await fill(pipe, "late");
      await Deno.remove(pipe);
      await Deno.writeTextFile(pipe, "a file");
      const reads = async () => await reasonOf(readTextFile(pipe)) === "read: a file";
      await until(reads, { title: "it is read again", everyMs: 100 });
    }),
);
