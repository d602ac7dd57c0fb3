// Finds a configured program, without running it.
import type { Host } from "./host.ts";

/** Search path if the environment has none. */
const USUAL_PATH = "/usr/bin:/bin";
/** Execute bits of user, group and others. */
const EXECUTABLE = 0o111;

/** The program's path, or why it cannot be run and what to do about it. */
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

/** The mode, null if it is not a file; only a folder has an entry `.`. */
async function modeOfFile(
  path: string,
  { fileMode }: Pick<Host, "fileMode">,
): Promise<number | null> {
  const mode = await fileMode(path);
  return mode !== null && await fileMode(`${path}/.`) === null ? mode : null;
}
