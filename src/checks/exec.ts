// An exec check: does a command exit with 0?
import { failureOf, type RunCommand } from "../host/command.ts";

/** Resolves when it did; rejects with its exit code and last words. Settles once nothing of it runs any more. */
export async function execCheck(
  words: readonly string[],
  { run, env, signal }: {
    run: RunCommand;
    env: Readonly<Record<string, string>>;
    signal: AbortSignal;
  },
): Promise<void> {
  const outcome = await run(words, { env, signal });
  if (outcome.code !== 0) throw new Error(failureOf(outcome));
}
