// The programs that the operator has named, for --notify and for checks: are they there?
import { nameOf } from "../../config/config.ts";
import { findProgram } from "../../host/find_program.ts";
import { programsOf } from "../../commands/check_only.ts";
import type { Context } from "../context.ts";
import { fail, ok, type Result } from "../result.ts";

/** The check: each program once. Nothing is run. */
export async function checkPrograms(
  { config: { notify, checks }, host }: Context,
): Promise<Result[]> {
  // Windows adds to names, and has no permissions that could be looked at.
  if (host.os === "windows") return [];
  return await Promise.all(
    programsOf({ notify, checks }).map(async ([program, option]) => {
      const found = await findProgram(program, host);
      if ("problem" in found) return fail(`${nameOf(option)}: ${found.problem}`);
      return ok(`${nameOf(option)}: ${found.path} is there`);
    }),
  );
}
