// The two files of lines: their size, crashes at bad moments, locks, what is not ours, and a disk that fails.
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { openSegments, readSegments, UnusableFile } from "../../src/host/segmented_file.ts";

/** Runs with a folder that is removed afterwards. */
async function inFolder(body: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(`${folder}/history`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Opens, and remembers what was told. */
function opened(path: string, { maxBytes = 4_096, accept = () => null as string | null } = {}) {
  const told: string[] = [];
  const file = openSegments(path, {
    maxBytes,
    accept,
    setAside: (moved, reason) => told.push(`aside ${moved}: ${reason}`),
    repeat: ({ begins }) => [begins ? '"begins"' : '"again"'],
    report: {
      failed: (reason) => told.push(`failed ${reason}`),
      recovered: (lost) => told.push(`recovered ${lost}`),
    },
  });
  return { file, told };
}

Deno.test("lines and the last note come back, in their order, over many changes of the file", async () => {
  await inFolder(async (path) => {
    for (let run = 0; run < 30; run++) {
      const { file, told } = opened(path);
      if (run > 0) {
        assertEquals(file.note, { run: run - 1 });
        const lines = file.texts.join("").split("\n").filter((line) => /^\d+$/.test(line)).map(
          Number,
        );
        assertEquals(lines.at(-1), run * 40 - 1);
        assertEquals(lines, lines.toSorted((one, other) => one - other));
        assert(lines.length >= Math.min(run * 40, 150), `${lines.length} lines`);
      }
      for (let line = 0; line < 40; line++) file.write([`${run * 40 + line}`.padStart(20, "0")]);
      file.remember({ run });
      await file.close(5_000);
      assertEquals(told, []);
      for (const each of [path, `${path}.1`]) {
        assert(Deno.statSync(each).size <= 4_096 + 200, `${Deno.statSync(each).size} bytes`);
        assertEquals((Deno.statSync(each).mode ?? 0) & 0o777, 0o600);
      }
    }
    assert(Deno.statSync(`${path}.1`).size > 0, "both were used");
  });
});

Deno.test("half a line at the end is dropped, and the next one follows on its own line", async () => {
  await inFolder(async (path) => {
    const first = opened(path).file;
    first.write(["one"]);
    await first.close(5_000);
    Deno.writeTextFileSync(path, "tw", { append: true });
    const { file, told } = opened(path);
    assertEquals(file.texts.join(""), "one\n");
    file.write(["three"]);
    await file.close(5_000);
    assertEquals(told, []);
    assertEquals(readSegments(path).texts.join(""), "one\nthree\n");
  });
});

Deno.test("a crash right after the other file was emptied loses nothing of the first", async () => {
  await inFolder(async (path) => {
    const first = opened(path).file;
    for (let line = 0; line < 300; line++) first.write([`${line}`.padStart(20, "0")]);
    await first.close(5_000);
    const { texts } = readSegments(path);
    assertEquals(texts.length, 2);
    const older = [path, `${path}.1`].find((each) =>
      Deno.readTextFileSync(each).includes('"segment":1,')
    );
    const newer = [path, `${path}.1`].find((each) => each !== older) ?? "";
    Deno.truncateSync(newer, 0);
    assertEquals(readSegments(path).texts.join(""), texts[0]);
    const { file } = opened(path);
    file.write(["next"]);
    await file.close(5_000);
    assertStringIncludes(readSegments(path).texts.join(""), "next");
  });
});

Deno.test("a file is used by one process; a folder, and a place without one, are refused", async () => {
  await inFolder(async (path) => {
    const { file } = opened(path);
    const script = `Deno.openSync(Deno.args[0], { write: true }).tryLockSync(true) || Deno.exit(7)`;
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", script, path],
    }).output();
    assertEquals(code, 7, "it is locked");
    await file.close(5_000);
    Deno.mkdirSync(`${path}-folder`);
    assertThrows(() => opened(`${path}-folder`), UnusableFile, "is no plain file");
    assertThrows(() => opened("/no/such/folder/history"), UnusableFile, "No such file");
    assertThrows(() => readSegments(`${path}-none`), UnusableFile, "there is no history");
  });
});

Deno.test("what the owner does not accept is moved away whole, and so is what is no such file", async () => {
  await inFolder(async (path) => {
    const first = opened(path).file;
    first.write(["one"]);
    await first.close(5_000);
    const text = Deno.readTextFileSync(path);
    Deno.writeTextFileSync(`${path}.1`, "not ours");
    const { file, told } = opened(path, { accept: () => "it is strange" });
    assertEquals(told, [
      `aside ${path}.1.set-aside-1: its first line is not that of a history of exoip`,
      `aside ${path}.set-aside-1: it is strange`,
    ]);
    assertEquals(file.texts, []);
    file.write(["two"]);
    await file.close(5_000);
    assertEquals(Deno.readTextFileSync(`${path}.set-aside-1`), text);
    assertEquals(Deno.readTextFileSync(`${path}.1.set-aside-1`), "not ours");
    assertEquals(readSegments(path).texts.join(""), "two\n");
  });
});

Deno.test("a disk that is full is told once, and what follows begins with the current state", async () => {
  await inFolder(async (path) => {
    const { file, told } = opened(path);
    file.write(["one"]);
    const write = Deno.FsFile.prototype.write;
    const size = () => Deno.statSync(path).size;
    while (size() === 0 || !Deno.readTextFileSync(path).includes("one\n")) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const before = size();
    let half = false;
    Deno.FsFile.prototype.write = function (bytes) {
      half = !half;
      if (half) return write.call(this, bytes.subarray(0, 2));
      return Promise.reject(new Error("No space left on device"));
    };
    try {
      file.write(["two", "three"]);
      while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    } finally {
      Deno.FsFile.prototype.write = write;
    }
    assertEquals(told, ["failed No space left on device"]);
    assertEquals(size(), before, "half a line is cut off again");
    file.write(["four"]);
    await file.close(5_000);
    assertEquals(told, ["failed No space left on device", "recovered 2"]);
    assertEquals(readSegments(path).texts.join(""), 'one\n"again"\nfour\n');
  });
});
