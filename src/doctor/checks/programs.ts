// The programs that the operator has named, for --notify and for checks: are they there?
import { nameOf } from "../../config/config.ts";
import type { Host } from "../../host/host.ts";
import type { Context } from "../context.ts";
import { fail, ok, type Result } from "../result.ts";

/** Of a system that names no search path. */
const USUAL_PATH = "/usr/bin:/bin";
/** Whoever may execute it. */
const EXECUTABLE = 0o111;

/** The check: each program once. Nothing is run. */
export async function checkPrograms(
  { config: { notify, checks }, host }: Context,
): Promise<Result[]> {
  // Windows adds to names, and has no permissions that could be looked at.
  if (host.os === "windows") return [];
  const wanted = new Map<string, string>();
  const want = ([program = ""]: readonly string[], option: string) => {
    if (!wanted.has(program)) wanted.set(program, nameOf(option));
  };
  if (notify) want(notify, "notify");
  for (const check of checks) if (check.kind === "exec") want(check.words, "check");
  const looks = [...wanted].map(([program, option]) => look(program, { option, host }));
  return await Promise.all(looks);
}

async function look(
  program: string,
  { option, host }: { option: string; host: Pick<Host, "env" | "fileMode"> },
): Promise<Result> {
  const path = program.includes("/");
  const folders = (host.env.PATH ?? USUAL_PATH).split(":").filter((folder) => folder !== "");
  const places = path ? [program] : folders.map((folder) => `${folder}/${program}`);
  const modes = await Promise.all(places.map((place) => modeOfFile(place, host)));
  const files = places.filter((_, index) => modes[index] !== null);
  const found = places.find((_, index) => ((modes[index] ?? 0) & EXECUTABLE) !== 0);
  if (found !== undefined) return ok(`${option}: ${found} is there`);
  if (files[0] !== undefined) {
    return fail(`${option}: ${files[0]} may not be executed: chmod +x ${files[0]}`);
  }
  return fail(
    path
      ? `${option}: ${program} is no file: correct the path, or install it`
      : `${option}: no ${program} in the search path (PATH): install it, or give its whole path`,
  );
}

/** Null for what is no file; only a folder has something that is called `.`. */
async function modeOfFile(
  path: string,
  { fileMode }: Pick<Host, "fileMode">,
): Promise<number | null> {
  const mode = await fileMode(path);
  return mode !== null && await fileMode(`${path}/.`) === null ? mode : null;
}
