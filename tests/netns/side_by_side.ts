// Many small clusters at once: what takes one of them half a minute takes all of them little longer.

/** Runs one step for each case, all at the same time; each reports its own outcome. */
export async function sideBySide<Case extends string>(
  t: Deno.TestContext,
  { cases, run }: { cases: readonly Case[]; run: (each: Case) => Promise<void> },
): Promise<void> {
  const outcomes = cases.map((each) => {
    const outcome = run(each);
    outcome.catch(() => {}); // The step below throws it.
    return [each, outcome] as const;
  });
  // One after the other in the report only.
  for (const [each, outcome] of outcomes) await t.step(each, () => outcome);
}
