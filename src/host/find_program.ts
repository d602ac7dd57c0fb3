// Whether a program that the operator has named is there. Nothing is run.
import type { Host } from "./host.ts";

/** Of a system that names no search path. */
const USUAL_PATH = "/usr/bin:/bin";
/** Whoever may execute it. */
const EXECUTABLE = 0o111;

/** Where the program is, or why it cannot be run and what to do about that. */
export async function findProgram(
  program: string,
  host: Pick<Host, "env" | "fileMode">,
): Promise<{ readonly path: string } | { readonly problem: string }> {
  const isPath = program.includes("/");
  const folders = (host.env.PATH ?? USUAL_PATH).split(":").filter((folder) => folder !== "");
  const places = isPath ? [program] : folders.map((folder) => `${folder}/${program}`);
  const modes = await Promise.all(places.map((place) => modeOfFile(place, host)));
  const files = places.filter((_, index) => modes[index] !== null);
  const found = places.find((_, index) => ((modes[index] ?? 0) & EXECUTABLE) !== 0);
  if (found !== undefined) return { path: found };
  if (files[0] !== undefined) {
    return { problem: `${files[0]} may not be executed: chmod +x ${files[0]}` };
  }
  return {
    problem: isPath
      ? `${program} is no file: correct the path, or install it`
      : `no ${program} in the search path (PATH): install it, or give its whole path`,
  };
}

/** Null for what is no file; only a folder has something that is called `.`. */
async function modeOfFile(
  path: string,
  { fileMode }: Pick<Host, "fileMode">,
): Promise<number | null> {
  const mode = await fileMode(path);
  return mode !== null && await fileMode(`${path}/.`) === null ? mode : null;
}
