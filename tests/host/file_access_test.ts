// Who else may read or replace a file, with real files and as data.
import { assertEquals, assertMatch } from "@std/assert";
import { accessOf, fileAccess, type PathStep } from "../../src/host/file_access.ts";
import { skippableTest } from "../support/skippable.ts";

const ME = { uid: 1000, gid: 1000 };
const ROOT_FOLDER: PathStep = { path: "/", kind: "folder", mode: 0o755, uid: 0, gid: 0 };

function step(kind: PathStep["kind"], mode: number, rest: Partial<PathStep> = {}): PathStep {
  return { path: kind === "file" ? "/d/f" : "/d", kind, mode, uid: 1000, gid: 1000, ...rest };
}

Deno.test("accessOf() tells who may read or write, by mode, owner, folders and links", () => {
  const file = step("file", 0o600), folder = step("folder", 0o755);
  const rows: ReadonlyArray<
    readonly [PathStep[], readable: RegExp | null, writable: RegExp | null]
  > = [
    [[file, folder], null, null],
    [[step("file", 0o640), folder], null, null],
    [[step("file", 0o644), folder], /^everybody on this machine may read it \(mode 0644\)$/, null],
    [[step("file", 0o644), step("folder", 0o700)], null, null],
    [[step("file", 0o602), folder], null, /^others may write it \(mode 0602\)$/],
    [[step("file", 0o660), folder], null, null],
    [[step("file", 0o660, { gid: 50 }), folder], null, /^others may write it \(mode 0660\)$/],
    [[step("file", 0o600, { uid: 1001 }), folder], null, /^it belongs to another user \(1001\)$/],
    [[step("file", 0o600, { uid: 0, gid: 0 }), folder], null, null],
    [[file, step("folder", 0o777)], null, /^others may write to its folder \/d \(mode 0777\)$/],
    [[file, step("folder", 0o775, { gid: 50 })], null, /^others may write to its folder \/d/],
    [[file, step("folder", 0o1777, { uid: 0 })], null, null],
    [[file, step("folder", 0o755, { uid: 7 })], null, /^its folder \/d belongs to another user/],
    [[file, step("link", 0o777)], null, null],
    [[file, step("link", 0o777, { uid: 7 })], null, /^the link \/d belongs to another user \(7\)$/],
  ];
  for (const [steps, readable, writable] of rows) {
    const found = accessOf([ROOT_FOLDER, ...steps], ME);
    const what = JSON.stringify(steps);
    if (readable) assertMatch(found.readable ?? "", readable, what);
    else assertEquals(found.readable, null, what);
    if (writable) assertMatch(found.writable ?? "", writable, what);
    else assertEquals(found.writable, null, what);
  }
});

skippableTest(
  "fileAccess() sees folders above, links, and nothing of what is not there",
  Deno.build.os === "windows" ? "needs modes" : null,
  async () => {
    const folder = await Deno.realPath(await Deno.makeTempDir());
    try {
      await Deno.mkdir(`${folder}/open/inner`, { recursive: true });
      const path = `${folder}/open/inner/secret`;
      await Deno.writeTextFile(path, "x", { mode: 0o600 });
      assertEquals(await fileAccess(path), { readable: null, writable: null });
      await Deno.symlink(path, `${folder}/link`);
      await Deno.chmod(`${folder}/open`, 0o777);
      const writable = `others may write to its folder ${folder}/open (mode 0777)`;
      for (const each of [path, `${folder}/link`, `${folder}/open/inner/../inner/secret`]) {
        assertEquals(await fileAccess(each), { readable: null, writable }, each);
      }
      assertEquals(await fileAccess(`${folder}/none`), null);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
