// Many small clusters at once: together they take little longer than the half minute of a single one.

/** Runs one step per case, all at the same time; each reports its own outcome. */
export async function sideBySide<Case extends string>(
  t: Deno.TestContext,
  { cases, run }: { cases: readonly Case[]; run: (each: Case) => Promise<void> },
): Promise<void> {
  const outcomes = cases.map((each) => {
    const outcome = run(each);
    outcome.catch(() => {}); // The step below throws it.
    return [each, outcome] as const;
  });
  // Only the report is sequential.
  for (const [each, outcome] of outcomes) await t.step(each, () => outcome);
}
