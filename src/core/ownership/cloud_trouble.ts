// What the operator is told about a cloud that does not answer: what fails, and since when.
import { spanText } from "../age.ts";
import type { Ownership } from "./state.ts";

/** Since when calls to the cloud are open or failing; null when none is. */
export function troubledSinceMs({ read, write }: Ownership): number | null {
  const since = [read, write].flatMap(({ failingSinceMs, inFlight }) =>
    failingSinceMs ?? inFlight?.startedAtMs ?? []
  );
  return since.length === 0 ? null : Math.min(...since);
}

/** What a node without the cloud cannot do, as the end of a sentence. */
export function cloudTrouble(ownership: Ownership, atMs: number): string {
  const { prepared, read, write } = ownership;
  const span = spanText(atMs - (troubledSinceMs(ownership) ?? atMs));
  if (!prepared) return `has not reached the cloud since its start ${span} ago`;
  // A cloud that answers readings can still refuse every change.
  const reads = read.failingSinceMs === null && write.failingSinceMs !== null;
  return reads
    ? `could not change anything in the cloud for ${span}`
    : `has not reached the cloud for ${span}`;
}
