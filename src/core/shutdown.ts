// When a node that was asked to stop may go, and with which exit code.
import { type Election, twinned } from "./election/state.ts";
import type { Node } from "./node_state.ts";
import type { SeverityOf } from "./registry/events.ts";

/** Attempts to detach before the node goes and says that the address is still on it. */
export const DETACH_ATTEMPTS = 3;
/** Time for those attempts after the wait for a successor. */
export const DETACH_GRACE_MS = 20_000;

function endAtMs(stoppedAtMs: number, { settings }: Election): number {
  return stoppedAtMs + settings.handoverTimeoutMs + DETACH_GRACE_MS;
}

/** What a node leaves behind. */
export interface Remains {
  readonly severity: SeverityOf<"exit">;
  /** The sentence about the Elastic IP, as the end of a line. */
  readonly text: string;
}

/** The rules of leaving. */
export const shutdown = {
  /** When leaving ends at the latest, Infinity while running. */
  wakeAtMs(stoppedAtMs: number | null, election: Election): number {
    return stoppedAtMs === null ? Infinity : endAtMs(stoppedAtMs, election);
  },

  /** The exit code, or null while there is something left to do. 1 means: the address may still be on us. */
  exitCode({ election, ownership, stoppedAtMs }: Node, atMs: number): 0 | 1 | null {
    if (stoppedAtMs === null) return null;
    const idle = ownership.write.inFlight === null;
    if (idle && ownership.holding === false) return 0;
    // What it holds may be the other's, which has our id.
    if (idle && twinned(election)) return 1;
    // Nothing is known yet, and a run before this one may have left the address here: one answer is waited for.
    if (!ownership.prepared && ownership.read.failures > 0) return 1;
    // After a failed detach the cloud is asked what became of it; failing to learn that counts, too.
    const { read, write } = ownership;
    const failures = write.failures === 0 ? 0 : write.failures + read.failures;
    const gaveUp = failures >= DETACH_ATTEMPTS || election.stops > 2;
    return gaveUp || atMs >= endAtMs(stoppedAtMs, election) ? 1 : null;
  },

  /** What an operator must know of the address once a node that was asked to stop has ended with 1; else null. */
  remains({ election, ownership, stoppedAtMs }: Node): Remains | null {
    const { holding, prepared } = ownership;
    if (stoppedAtMs === null || holding === false) return null;
    const { elasticIp } = election.settings;
    // This run has attached nothing; what one before it left, nobody knows.
    if (!prepared) {
      const text = `this node did not attach ${elasticIp}, and the cloud never said who has it`;
      return { severity: "info", text };
    }
    const is = holding === true ? "is still" : "may still be";
    const why = twinned(election) ? ", which another machine takes for its own" : "";
    return { severity: "critical", text: `${elasticIp} ${is} attached to this instance${why}` };
  },
};
