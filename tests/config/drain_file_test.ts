// The record of a drain: what is written is read again, and what cannot be read counts as a drain.
import { assertEquals } from "@std/assert";
import { drainFileOf, drainText, readDrain } from "../../src/config/drain_file.ts";
import { stateFiles } from "../../src/host/state_files.ts";
import { rereadTextFile } from "../../src/host/text_file.ts";
import type { Aside } from "../../src/core/election/aside.ts";
import "../support/libraries.ts";

const DRAIN: Aside = {
  kind: "drained",
  by: "root",
  why: 'kernel "update"\nof today',
  wallMs: 1_900_000_000_123,
};

Deno.test("drainFileOf() prefers --state-dir to the service manager's folder, and that to the usual one", () => {
  assertEquals(drainFileOf(null, 12345, {}), "/var/lib/exoip/12345.drain.json");
  const managed = { STATE_DIRECTORY: "/var/lib/one:/var/lib/two" };
  assertEquals(drainFileOf(null, 1, managed), "/var/lib/one/1.drain.json");
  assertEquals(drainFileOf("/srv/state/", 1, managed), "/srv/state/1.drain.json");
});

Deno.test("a record is written whole into a new folder, read again, and removed once", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/state/1.drain.json`;
    const options = { read: rereadTextFile, nowWallMs: 5 };
    assertEquals(await readDrain(path, options), { drain: null, problem: null });
    await stateFiles.write(path, "an older one");
    await stateFiles.write(path, drainText(DRAIN));
    assertEquals(await readDrain(path, options), { drain: DRAIN, problem: null });
    const names = [...Deno.readDirSync(`${folder}/state`)].map(({ name }) => name);
    assertEquals(names, ["1.drain.json"], "no draft is left");
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o644);
    assertEquals([await stateFiles.remove(path), await stateFiles.remove(path)], [true, false]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readDrain() counts a record that cannot be read as a drain by somebody unknown", async () => {
  const drain: Aside = {
    kind: "drained",
    by: "unknown",
    why: "/x cannot be read",
    wallMs: 5,
  };
  const good = { drained: true, by: "a", reason: "", at: "2026-01-01T00:00:00Z" };
  const texts = ["", "{", "null", "[]", "true"];
  const wrong = [{ drained: false }, { by: 1 }, { reason: null }, { at: "soon" }, { at: 5 }];
  for (const text of [...texts, ...wrong.map((each) => JSON.stringify({ ...good, ...each }))]) {
    const read = await readDrain("/x", { read: () => text, nowWallMs: 5 });
    assertEquals([read.drain, read.problem === null], [drain, false], text);
  }
  const denied = () => Promise.reject(new Deno.errors.PermissionDenied("denied"));
  const refused = await readDrain("/x", { read: denied, nowWallMs: 5 });
  assertEquals(refused, { drain, problem: "denied" });
});
