// How a drill acts on the holder: on this machine, or through a command such as `ssh root@edge-1 exoip`.
import type { RunCommand } from "../host/command.ts";
import type { Snapshot } from "../status/snapshot.ts";
import { SNAPSHOT_VERSION } from "../status/snapshot.ts";

/** The holder's watchdog. */
export interface Hands {
  /** For messages. */
  readonly title: string;
  /** Its state. Rejects when it does not answer. */
  status(signal: AbortSignal): Promise<Snapshot>;
  /** Asks the node to give way. Resolves when it has accepted; rejects with the reason if it refuses. */
  giveWay(elasticIp: string, signal: AbortSignal): Promise<void>;
  /** Asks the node to take the address back. */
  comeBack(elasticIp: string, signal: AbortSignal): Promise<void>;
}

/** Longest answer of --status --json. */
const STATUS_MAX_BYTES = 1_024 * 1_024;
/** Longest time for one command on the holder's machine. */
const COMMAND_MS = 30_000;

/** The holder's watchdog through a command, which runs exoip there. */
export function handsVia(
  words: readonly string[],
  { run, env }: { run: RunCommand; env: Readonly<Record<string, string>> },
): Hands {
  const exoip = async (args: readonly string[], signal: AbortSignal, accepted: number) => {
    const options = { env, signal, timeoutMs: COMMAND_MS, keptBytes: STATUS_MAX_BYTES };
    const outcome = await run([...words, ...args], options);
    const { code, output, errors, lateAfterMs } = outcome;
    if (lateAfterMs !== null) {
      throw new Error(`${words[0]}: no end within ${lateAfterMs / 1_000} s`);
    }
    if (code <= accepted) return output;
    const said = (errors.trim() || output.trim()).split("\n").at(-1) ?? "";
    throw new Error(`${args[0]} ended with exit code ${code}: ${said}`);
  };
  /** Exit code 1: refused (`problem` says why), or the address has not moved yet, which the cloud will show. */
  const move = async (args: readonly string[], signal: AbortSignal) => {
    const { problem } = JSON.parse(await exoip([...args, "--json"], signal, 1));
    if (typeof problem === "string") throw new Error(problem);
  };
  return {
    title: words.join(" "),
    async status(signal) {
      // The exit code is the verdict's: 2 is CRITICAL.
      const snapshot: Snapshot = JSON.parse(await exoip(["--status", "--json"], signal, 3));
      if (snapshot.version === SNAPSHOT_VERSION) return snapshot;
      throw new Error("it runs a version whose status cannot be read here");
    },
    async giveWay(elasticIp, signal) {
      await move(["--demote", "-xi", elasticIp], signal);
    },
    async comeBack(elasticIp, signal) {
      try {
        await move(["--promote", "-xi", elasticIp], signal);
      } catch (error) {
        // A node that cannot become first again must at least not stay demoted.
        await exoip(["--undrain"], signal, 1);
        throw error;
      }
    },
  };
}
