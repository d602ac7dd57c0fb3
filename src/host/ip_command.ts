// The command `ip` of iproute2, to read and change interfaces.
import { messageOf } from "../core/message_of.ts";
import { childEnvironment } from "./child_environment.ts";
import { type CommandOutcome, failureOf, type RunCommand } from "./command.ts";
import type { Host } from "./host.ts";

/** Where it may be: for many users it is not in the search path. */
const PROGRAMS = ["ip", "/usr/sbin/ip", "/sbin/ip"];
/** Longest run of it. */
const COMMAND_MS = 5_000;

/** No `ip` can be started; the message says why. */
export class NoIpCommand extends Error {
  override readonly name = "NoIpCommand";
}

/** Runs `ip` and returns its output. Throws its error message, or `NoIpCommand`. */
export async function runIp(
  args: readonly string[],
  { run, env }: { run: RunCommand; env: Readonly<Record<string, string>> },
): Promise<string> {
  const reasons: string[] = [];
  for (const program of PROGRAMS) {
    let outcome: CommandOutcome;
    try {
      outcome = await run([program, ...args], { env, timeoutMs: COMMAND_MS });
    } catch (error) {
      reasons.push(messageOf(error));
      continue;
    }
    if (outcome.code === 0) return outcome.output;
    throw new Error(failureOf(outcome));
  }
  throw new NoIpCommand(reasons[0] ?? "no ip");
}

/**
 * Why that interface cannot be used. Asks `ip`, because the runtime lists no interface that is down or has no address.
 */
export async function interfaceProblem(
  device: string,
  { host: { runCommand, env }, names }: {
    host: Pick<Host, "runCommand" | "env">;
    names: string;
  },
): Promise<string | null> {
  try {
    const world = { run: runCommand, env: childEnvironment(env) };
    await runIp(["link", "show", "dev", device], world);
    return null;
  } catch (error) {
    const reason = messageOf(error);
    if (error instanceof NoIpCommand) return `${reason}: install iproute2`;
    const what = /does not exist/.test(reason) ? "there is no such interface" : reason;
    return `${what}: make it, or name another, such as ${names}`;
  }
}
