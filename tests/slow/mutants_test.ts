// The checkers of the simulation catch a core that breaks a rule; each mutant takes several stories to show.
import { assert } from "@std/assert";
import { caughtBy, MUTANTS } from "../support/simulation/mutants.ts";

/** Seeds within which a broken rule must show. */
const SEEDS = 600;

for (const mutant of MUTANTS) {
  Deno.test(`the checkers catch a core that breaks the rule: ${mutant.rule}`, async () => {
    const seeds = Array.from({ length: SEEDS }, (_, index) => index + 1);
    assert(await caughtBy(mutant, seeds), `not within ${SEEDS} stories`);
  });
}
