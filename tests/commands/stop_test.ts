// --pid-file and --stop: identifying the watchdog, running only one, and stopping no other process.
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { pidFiles } from "../../src/host/pid_file.ts";
import { identityOf } from "../../src/host/process_identity.ts";
import { skippableTest } from "../support/skippable.ts";

const LINUX = Deno.build.os === "linux" ? null : `needs Linux, this is ${Deno.build.os}`;
const ROOT = LINUX ?? (Deno.uid() === 0 ? null : "needs root, to run as another user");

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  await body(folder);
  await Deno.remove(folder, { recursive: true });
}

/** The content of a PID file of that process. */
function contentOf(pid: number, { start, program }: { start?: string; program?: string } = {}) {
  const found = identityOf(pid);
  const name = encodeURIComponent(program ?? found?.program ?? "");
  return `${pid}\nexoip start=${start ?? found?.start} program=${name}\n`;
}

/** Runs `use` with a sleeping process of the given user. */
async function withSleeper(
  use: (pid: number) => Promise<void>,
  rest: Pick<Deno.CommandOptions, "uid" | "gid"> = {},
): Promise<void> {
  const child = new Deno.Command("sleep", { args: ["60"], ...rest }).spawn();
  try {
    await use(child.pid);
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}

/** The message of the error that it throws. */
function messageOf(act: () => unknown): string {
  try {
    return `no error, but ${act()}`;
  } catch (error) {
    return `${error}`;
  }
}

Deno.test("pidFiles.claim() writes the process id, lets nobody else in, and leaves nothing", () =>
  inFolder(async (folder) => {
    const path = `${folder}/exoip.pid`;
    await Deno.writeTextFile(path, contentOf(Deno.pid, { start: "7" }), { mode: 0o600 });
    assertEquals(pidFiles.owner(path), null, "a file that nobody has locked names nobody");
    const giveUp = await pidFiles.claim(path);
    const [first, second] = (await Deno.readTextFile(path)).split("\n");
    assertEquals(first, `${Deno.pid}`);
    assertMatch(
      second ?? "",
      Deno.build.os === "linux" ? /^exoip start=\d+ program=\S+$/ : /^exoip/,
    );
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    assertEquals(pidFiles.owner(path), Deno.pid);
    await assertRejects(() => pidFiles.claim(path), Error, `process ${Deno.pid}`);
    giveUp();
    assertEquals(pidFiles.owner(path), null);
    assertEquals([...Deno.readDirSync(folder)], []);
  }));

Deno.test("pidFiles.claim() overwrites a PID file of ours or of a process that is gone, and nothing else", () =>
  inFolder(async (folder) => {
    const path = `${folder}/file`;
    const alive = `${Deno.pid}\n`;
    const others = ["# a configuration\n", "12 34\n", alive, "42\nnot ours\n", "x".repeat(20_000)];
    for (const text of others) {
      await Deno.writeTextFile(path, text, { mode: 0o600 });
      const refused = await assertRejects(() => pidFiles.claim(path), Error);
      assertStringIncludes(refused.message, "no PID file of exoip: it is left alone");
      assertEquals(await Deno.readTextFile(path), text);
    }
    for (const text of ["", "2147483646\n", contentOf(Deno.pid, { start: "7" })]) {
      await Deno.writeTextFile(path, text, { mode: 0o600 });
      (await pidFiles.claim(path))();
    }
    await Deno.writeTextFile(`${folder}/target`, "");
    await Deno.symlink(`${folder}/target`, path);
    await assertRejects(() => pidFiles.claim(path), Error, "it is a link, wanted a file");
    await Deno.remove(path);
    await Deno.link(`${folder}/target`, path);
    await assertRejects(() => pidFiles.claim(path), Error, "it has a second name");
    assertEquals(await Deno.readTextFile(`${folder}/target`), "");
    await Deno.remove(path);
    await Deno.mkdir(path);
    await assertRejects(() => pidFiles.claim(path), Error, "it is a folder, wanted a file");
  }));

skippableTest(
  "pidFiles: a pipe and a device end at once with an error",
  LINUX,
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/pipe`;
      await new Deno.Command("mkfifo", { args: [path] }).output();
      assertStringIncludes(messageOf(() => pidFiles.owner(path)), "it is a pipe, wanted a file");
      assertStringIncludes(messageOf(() => pidFiles.owner("/dev/null")), "it is a device, wanted");
      await assertRejects(() => pidFiles.claim(path), Error, "it is a pipe, wanted a file");
    }),
);

skippableTest(
  "pidFiles: a stranger's lock on a file that he may read counts for nothing",
  LINUX,
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/exoip.pid`;
      for (const text of [contentOf(Deno.pid, { start: "7" }), "2147483646\n", ""]) {
        await Deno.writeTextFile(path, text);
        await Deno.chmod(path, 0o644);
        // Any user may open the file.
        using held = await Deno.open(path, { read: true });
        held.lockSync(false);
        assert(!`${messageOf(() => pidFiles.owner(path))}`.includes(`${Deno.pid}`));
        const giveUp = await pidFiles.claim(path);
        assertEquals(pidFiles.owner(path), Deno.pid);
        assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
        giveUp();
      }
    }),
);

skippableTest(
  "pidFiles.owner() names nobody but the process that wrote the file",
  LINUX,
  () =>
    inFolder((folder) =>
      withSleeper(async (pid) => {
        const path = `${folder}/exoip.pid`;
        await Deno.writeTextFile(path, "", { mode: 0o600 });
        using file = await Deno.open(path, { write: true });
        file.lockSync(true);
        const rows: ReadonlyArray<readonly [string, number | null]> = [
          [contentOf(pid), pid],
          [contentOf(pid, { start: "7" }), null],
          [contentOf(pid, { program: "/usr/bin/another" }), null],
          [`${pid}\nexoip\n`, null],
          [contentOf(pid).replace(/^\d+/, "2147483646"), null],
        ];
        for (const [text, owner] of rows) {
          await Deno.writeTextFile(path, text);
          assertEquals(pidFiles.owner(path), owner, text);
        }
      })
    ),
);

skippableTest(
  "pidFiles.owner() believes no file that the process's user has not made",
  ROOT,
  () =>
    inFolder((folder) =>
      withSleeper(async (pid) => {
        const path = `${folder}/exoip.pid`;
        await Deno.writeTextFile(path, contentOf(pid), { mode: 0o600 });
        using file = await Deno.open(path, { write: true });
        file.lockSync(true);
        assertEquals(pidFiles.owner(path), null, "root's file, a stranger's process");
        await Deno.chown(path, 65_534, 65_534);
        assertEquals(pidFiles.owner(path), pid, "root may end whom the file's owner has started");
        await assertRejects(
          () => pidFiles.claim(path),
          Error,
          "it belongs to another user (65534)",
        );
      }, { uid: 65_534, gid: 65_534 })
    ),
);

Deno.test("pidFiles.claim() removes no file that another has put in its place", () =>
  inFolder(async (folder) => {
    const path = `${folder}/exoip.pid`;
    const giveUp = await pidFiles.claim(path);
    await Deno.remove(path);
    const giveUpSecond = await pidFiles.claim(path);
    giveUp();
    assertEquals(pidFiles.owner(path), Deno.pid);
    giveUpSecond();
    assertEquals(pidFiles.owner(path), null);
  }));

Deno.test("pidFiles.owner() takes nothing but digits for a process id", () =>
  inFolder(async (folder) => {
    const path = `${folder}/exoip.pid`;
    const file = await Deno.open(path, { write: true, create: true });
    file.lockSync(true);
    // Found by fuzzing: 1e3 was taken for process 1000.
    const texts = ["1e3", "0x10", "99999999999", "0", "-5", "12 34", "007", "\ufeff"];
    for (const text of [...texts.map((text) => `${text}\nexoip\n`), `${Deno.pid}\n`]) {
      await Deno.writeTextFile(path, text);
      assertStringIncludes(messageOf(() => pidFiles.owner(path)), "no process id", text);
    }
    file.close();
  }));

Deno.test("pidFiles.owner() is null without a file, and throws for what tells nothing", () =>
  inFolder(async (folder) => {
    assertEquals(pidFiles.owner(`${folder}/none`), null);
    const path = `${folder}/other`;
    const file = await Deno.open(path, { write: true, create: true });
    file.lockSync(true);
    assertEquals(pidFiles.owner(path), null, "somebody is about to write it");
    await Deno.writeTextFile(path, "words\n");
    assertStringIncludes(messageOf(() => pidFiles.owner(path)), "locked, but has no process id");
    file.close();
  }));
