// Tests that need more than every machine has.

/** A test that is skipped when something is missing; its name then says what. It ends what it started by itself. */
export function skippableTest(
  name: string,
  missing: string | null,
  fn: (t: Deno.TestContext) => Promise<void> | void,
): void {
  Deno.test({
    name: missing === null ? name : `${name} (skipped: ${missing})`,
    ignore: missing !== null,
    fn,
  });
}
