// An exec check: does a command exit with 0?
import { failureOf, type RunCommand } from "../host/command.ts";

/**
 * Resolves if it does; rejects with its exit code and last output. Settles once none of its processes runs any more.
 */
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
