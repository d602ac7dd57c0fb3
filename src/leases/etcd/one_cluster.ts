// All endpoints must belong to one etcd cluster: with two, each can have an owner of the lease. An endpoint is of
// another one by a wrong URL or name, or because its member was set up anew by itself.
import { type Fields, fieldsOf, odd } from "./fields.ts";

/** How long the last answer says which cluster is the right one: one that is restored from a backup has a new id. */
const KNOWN_MS = 60_000;

/** The id of the cluster: an unsigned number, which etcdctl writes in hexadecimal. Null in an answer without one. */
export function clusterIn({ header }: Fields): string | null {
  const text = `${fieldsOf(header)?.cluster_id ?? ""}`;
  return /^\d{1,20}$/.test(text) ? BigInt(text).toString(16) : null;
}

/** Remembers of which cluster the last answer was. */
export class OneCluster {
  readonly #nowMs: () => number;
  #last: { readonly cluster: string; readonly endpoint: string; readonly atMs: number } | null =
    null;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Takes an answer. Throws `odd-answer` if, within the last minute, there was one of another cluster. */
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
