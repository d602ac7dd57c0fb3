// Tests with special requirements.

/** A test that is skipped when a requirement is missing, which its name then mentions. It cleans up after itself. */
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
