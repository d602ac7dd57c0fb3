// All endpoints must belong to one etcd cluster: with two clusters, each could have an owner of the lease. An endpoint
// is in another cluster if its URL or name is wrong, or if its member was set up again as a cluster of its own.
import { type Fields, fieldsOf, odd } from "./fields.ts";

/** For how long the last answer decides the right cluster: one that is restored from a backup has a new id. */
const KNOWN_MS = 60_000;

/** The id of the cluster, in hexadecimal as etcdctl writes it; null in an answer without one. */
export function clusterIn({ header }: Fields): string | null {
  const text = `${fieldsOf(header)?.cluster_id ?? ""}`;
  return /^\d{1,20}$/.test(text) ? BigInt(text).toString(16) : null;
}

/** Remembers which cluster the last answer came from. */
export class OneCluster {
  readonly #nowMs: () => number;
  #last: { readonly cluster: string; readonly endpoint: string; readonly atMs: number } | null =
    null;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Takes an answer. Throws `odd-answer` if one from another cluster came within the last minute. */
  check(answer: Fields, endpoint: string): void {
    const cluster = clusterIn(answer), atMs = this.#nowMs(), last = this.#last;
    if (cluster === null) return;
    if (last && last.cluster !== cluster && atMs < last.atMs + KNOWN_MS) {
      const other = last.endpoint === endpoint ? "until now" : `like ${last.endpoint}`;
      throw odd(
        `it comes from etcd cluster ${cluster}, not from ${last.cluster} ${other}: all endpoints ` +
          "must be of one cluster",
      );
    }
    this.#last = { cluster, endpoint, atMs };
  }
}
