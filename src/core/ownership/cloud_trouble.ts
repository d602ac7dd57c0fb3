// What an operator is told of a cloud that does not answer: what does not work, and since when.
import { spanText } from "../age.ts";
import type { Ownership } from "./state.ts";

/** Since when the cloud has left what is asked of it without a good answer; null when nothing is open or failing. */
export function troubledSinceMs({ read, write }: Ownership): number | null {
  const since = [read, write].flatMap(({ failingSinceMs, inFlight }) =>
    failingSinceMs ?? inFlight?.startedAtMs ?? []
  );
  return since.length === 0 ? null : Math.min(...since);
}

/** What a node without the cloud lacks, as the end of a sentence about it. */
export function cloudTrouble(ownership: Ownership, atMs: number): string {
  const { prepared, read, write } = ownership;
  const span = spanText(atMs - (troubledSinceMs(ownership) ?? atMs));
  if (!prepared) return `has not reached the cloud since its start ${span} ago`;
  // What can be read can still refuse every change.
  const reads = read.failingSinceMs === null && write.failingSinceMs !== null;
  return reads
    ? `could not change anything in the cloud for ${span}`
    : `has not reached the cloud for ${span}`;
}
