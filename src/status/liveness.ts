// Whether a watchdog works and is ready, as a supervisor asks. Uses only the snapshot.
import { durationText } from "../core/age.ts";
import type { AddressView, Snapshot } from "./snapshot.ts";

/** A loop that misses its own deadline by more than this is stuck. */
export const OVERDUE_MAX_MS = 10_000;

/** The fields that decide this. */
export type Vitals = Pick<Snapshot, "phase"> & {
  /** The store of a lease has not answered since the start. */
  readonly storeSilent?: boolean;
  readonly loop: Pick<Snapshot["loop"], "overdueMs" | "listening">;
  readonly addresses: readonly Pick<AddressView, "elasticIp" | "unavailable">[];
};

/** Why the loop counts as stuck; null when it works. A backup, or a node without the cloud, works. */
export function stuckBecause({ loop }: Pick<Vitals, "loop">): string | null {
  if (!loop.listening) return "the socket is not read any more";
  if (loop.overdueMs <= OVERDUE_MAX_MS) return null;
  const [late, allowed] = [loop.overdueMs, OVERDUE_MAX_MS].map(durationText);
  return `the loop is ${late} overdue, at most ${allowed} are allowed`;
}

/** Why the node is not ready; null when it is. */
export function unreadyBecause(vitals: Vitals): string | null {
  if (vitals.phase === "starting") {
    if (vitals.storeSilent) return "the store of the lease has not answered yet";
    return "the first election is not over, or the cloud has not answered yet";
  }
  if (vitals.phase === "stopping") return "it was told to stop";
  const lost = vitals.addresses.find(({ unavailable }) => unavailable !== "");
  if (lost) return `nobody can have ${lost.elasticIp}: ${lost.unavailable}`;
  return stuckBecause(vitals);
}
