// Do the programs exist that --notify and checks name?
import { nameOf } from "../../config/config.ts";
import { findProgram } from "../../host/find_program.ts";
import { programsOf } from "../../commands/check_only.ts";
import type { Context } from "../context.ts";
import { fail, ok, type Result } from "../result.ts";

/** The check: each program once. Runs none of them. */
export async function checkPrograms(
  { config: { notify, checks }, host }: Context,
): Promise<Result[]> {
  // Windows appends extensions to names, and has no execute permission to check.
  if (host.os === "windows") return [];
  return await Promise.all(
    programsOf({ notify, checks }).map(async ([program, option]) => {
      const found = await findProgram(program, host);
      if ("problem" in found) return fail(`${nameOf(option)}: ${found.problem}`);
      return ok(`${nameOf(option)}: ${found.path} is there`);
    }),
  );
}
