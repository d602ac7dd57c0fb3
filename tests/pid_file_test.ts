// --pid-file and --stop: who the watchdog is, that it is one, and that no other is ended.
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { pidFiles } from "../src/host/pid_file.ts";
import { COMMON, run, type Situation } from "./fake_host.ts";

const FILE = "/run/exoip.pid";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  await body(folder);
  await Deno.remove(folder, { recursive: true });
}

Deno.test("pidFiles.claim() writes the process id, lets nobody else in, and leaves nothing", () =>
  inFolder(async (folder) => {
    const path = `${folder}/exoip.pid`;
    await Deno.writeTextFile(path, "1234567\nof a watchdog that was killed\n");
    assertEquals(pidFiles.owner(path), null, "a file that nobody has locked names nobody");
    const giveUp = await pidFiles.claim(path);
    assertEquals(await Deno.readTextFile(path), `${Deno.pid}\n`);
    assertEquals(pidFiles.owner(path), Deno.pid);
    await assertRejects(() => pidFiles.claim(path), Error, `process ${Deno.pid}`);
    giveUp();
    assertEquals(pidFiles.owner(path), null);
    assertEquals([...Deno.readDirSync(folder)], []);
  }));

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
    // Found by fuzzing: 1e3 was process 1000.
    for (const text of ["1e3", "0x10", "99999999999", "1", "0", "-5", "12 34", "007", "\ufeff"]) {
      await Deno.writeTextFile(path, text);
      const owner = Promise.try(() => pidFiles.owner(path));
      await assertRejects(() => owner, Error, "no process id");
    }
    await Deno.writeTextFile(path, " 2147483647\n");
    assertEquals(pidFiles.owner(path), 2147483647);
    file.close();
  }));

Deno.test("pidFiles.owner() is null without a file, and throws for what tells nothing", () =>
  inFolder(async (folder) => {
    assertEquals(pidFiles.owner(`${folder}/none`), null);
    const path = `${folder}/other`;
    const file = await Deno.open(path, { write: true, create: true });
    file.lockSync(true);
    let message = "";
    try {
      pidFiles.owner(path);
    } catch (error) {
      message = `${error}`;
    }
    file.close();
    assertStringIncludes(message, "locked, but has no process id");
  }));

Deno.test("runProgram() with --pid-file has it before anything else, and gives it up", async () => {
  const argv = ["-W", "-p", "192.0.2.2", ...COMMON, "--pid-file", FILE];
  const { code, pids } = await run(argv);
  assertEquals([code, pids], [1, [`claim ${FILE}`, `give up ${FILE}`]], "it cannot listen");
  const second = await run(argv, { watchdogs: { [FILE]: 77 } });
  assertEquals([second.code, second.calls, second.log], [1, [], []]);
  assertEquals(second.err, [
    `exoip: --pid-file (IF_PID_FILE): cannot have ${FILE}: another watchdog has it`,
  ]);
  for (const other of [["-n", ...argv], ["-A", ...COMMON, "--pid-file", FILE]]) {
    assertEquals((await run(other, { holds: true })).pids, []);
  }
});

Deno.test("runProgram() with --stop ends the watchdog of the PID file and waits for it", async () => {
  const stop = ["--stop", "--pid-file", FILE];
  const slow: Situation = { env: {}, watchdogs: { [FILE]: 77, "/run/b": 78 }, leavesInMs: 30_000 };
  const ended = await run(stop, slow);
  assertEquals([ended.code, ended.pids, ended.err], [0, ["stop 77"], []]);
  assertEquals(ended.out, [`exoip: the watchdog of ${FILE} (process 77) has ended`]);
  const none = await run(stop, { env: { IF_PID_FILE: "/run/other" } });
  assertEquals([none.code, none.pids], [0, []]);
  assertEquals(none.out, [`exoip: no watchdog runs with ${FILE}`]);
  const hung = await run(stop, { ...slow, leavesInMs: 36_000 });
  assertEquals([hung.code, hung.pids], [1, ["stop 77"]]);
  assertEquals(hung.err, [
    `exoip: the watchdog of ${FILE} (process 77) still runs after 35 s`,
  ]);
  const patient = [...stop, "--handover-timeout", "2min"];
  assertEquals((await run(patient, { ...slow, leavesInMs: 140_000 })).code, 0);
});

Deno.test("runProgram() with --stop wants a PID file, no other mode, and no Windows", async () => {
  const rows: ReadonlyArray<readonly [string[], Situation, RegExp]> = [
    [["--stop"], { env: {} }, /^exoip: --stop: whose\? Give its --pid-file \(IF_PID_FILE\)$/],
    [["--stop", "-W", "--pid-file", FILE], {}, /^exoip: --stop: excludes -W/],
    [["--stop", "--pid-file", FILE], { os: "windows" }, /^exoip: --stop: not on Windows/],
  ];
  for (const [argv, situation, message] of rows) {
    const { code, err, pids } = await run(argv, { ...situation, watchdogs: { [FILE]: 77 } });
    assertEquals([code, pids, err.length], [1, [], 1]);
    assertMatch(err[0] ?? "", message);
  }
  assert(
    (await run(["--stop=false", ...COMMON])).err.some((line) => line.includes("-W, -A and -D")),
  );
});
