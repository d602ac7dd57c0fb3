// When a node that was asked to stop may exit, and with which code.
import { saidGoodbye } from "../lease/candidates.ts";
import { type Election, twinned } from "../election/state.ts";
import { apart, membersOf, ownershipsOf } from "./group.ts";
import type { Node } from "./state.ts";
import { tiedUntilMs } from "./under_lease.ts";
import type { SeverityOf } from "../registry/events.ts";

/** Attempts to detach before the node exits and says that the address is still on it. */
const DETACH_ATTEMPTS = 3;
/** Time for those attempts after the wait for a successor. */
export const DETACH_GRACE_MS = 20_000;

function endAtMs(stoppedAtMs: number, { settings }: Election): number {
  return stoppedAtMs + settings.handoverTimeoutMs + DETACH_GRACE_MS;
}

/** The state of the Elastic IP when a node exits with 1. */
export interface Remains {
  readonly severity: SeverityOf<"exit">;
  /** The sentence about the Elastic IP, as the end of a line. */
  readonly text: string;
}

/** The exit code for one address. */
function codeOf({ election, ownership, stoppedAtMs }: Node, atMs: number): 0 | 1 | null {
  if (stoppedAtMs === null) return null;
  const idle = ownership.write.inFlight === null;
  if (idle && ownership.holding === false) return 0;
  // The hold may belong to the twin.
  if (idle && twinned(election)) return 1;
  // A previous run may have left the address here, so one answer of the cloud is waited for.
  if (!ownership.prepared && ownership.read.failures > 0) return 1;
  // After a failed detach we ask the cloud for its result; failing to learn it counts, too.
  const { read, write } = ownership;
  const failures = write.failures === 0 ? 0 : write.failures + read.failures;
  const gaveUp = failures >= DETACH_ATTEMPTS || election.stops > 2;
  return gaveUp || atMs >= endAtMs(stoppedAtMs, election) ? 1 : null;
}

/** Attempts to give the lease up before the node leaves it to expire. */
const RELEASE_ATTEMPTS = 3;

/** Whether nothing is left to do in the store of the lease. */
function leaseIsGivenUp(node: Node, atMs: number): boolean {
  const { lease, election, stoppedAtMs } = node;
  if (!lease || stoppedAtMs === null || atMs >= endAtMs(stoppedAtMs, election)) return true;
  const ownerships = ownershipsOf(membersOf(node));
  // It is left to expire, with what was sent under it.
  if (election.stops > 2 && atMs < tiedUntilMs(lease, { ownerships, atMs })) return true;
  const { tenure, release, write } = lease;
  const given = (tenure === null && release === null && !write.inFlight) ||
    write.failures >= RELEASE_ATTEMPTS;
  return given && (saidGoodbye(lease) || election.stops > 2);
}

/** The rules of shutting down. */
export const shutdown = {
  /** When the shutdown ends at the latest, Infinity while running. */
  wakeAtMs(stoppedAtMs: number | null, election: Election): number {
    return stoppedAtMs === null ? Infinity : endAtMs(stoppedAtMs, election);
  },

  /** The exit code, or null while there is something left to do. 1 means that the address may still be on us. */
  exitCode(node: Node, atMs: number): 0 | 1 | null {
    const codes = apart(node).map((each) => codeOf(each, atMs));
    if (codes.includes(null)) return null;
    if (codes.includes(1)) return 1;
    return leaseIsGivenUp(node, atMs) ? 0 : null;
  },

  /** What an operator must know about each address that may remain after a stop that ended with 1. */
  remainsOf(node: Node): Remains[] {
    return apart(node).flatMap((each) => shutdown.remains(each) ?? []);
  },

  /** The same for the node's own address; null when nothing remains. */
  remains({ election, ownership, stoppedAtMs }: Node): Remains | null {
    const { holding, prepared } = ownership;
    if (stoppedAtMs === null || holding === false) return null;
    const { elasticIp } = election.settings;
    // This run has attached nothing, but a previous run may have.
    if (!prepared) {
      const text = `this node did not attach ${elasticIp}, and the cloud never said who has it`;
      return { severity: "info", text };
    }
    const is = holding === true ? "is still" : "may still be";
    const why = twinned(election) ? ", which another machine takes for its own" : "";
    return { severity: "critical", text: `${elasticIp} ${is} attached to this instance${why}` };
  },
};
