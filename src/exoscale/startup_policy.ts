// How long a node that starts takes no for no answer. Once it runs, nothing that the cloud says ends it.
import type { CloudError, CloudErrorKind } from "./cloud_error.ts";

/** Kinds that end a start at once: the cloud has answered, and waiting cannot cure what it said. */
const FINAL: ReadonlySet<CloudErrorKind> = new Set([
  "deprecated",
  "no-such-address",
  "ambiguous-address",
  "no-such-group",
  "no-such-zone",
  "no-peers",
  "managed-address",
  "pool-address",
  "no-ipv6",
]);
/** Kinds that end a start when they last: a gateway in trouble refuses everybody, too. */
const FINAL_IN_TIME: ReadonlySet<CloudErrorKind> = new Set([
  "unauthorized",
  "forbidden",
  "not-found",
  "refused",
  "no-such-instance",
]);
/** How long they must have lasted, without anything else in between. */
export const STARTUP_PATIENCE_MS = 30_000;

/** The patience of one start. */
export class StartupPolicy {
  #deniedSinceMs: number | null = null;

  /** The cloud has answered well. */
  answered(): void {
    this.#deniedSinceMs = null;
  }

  /** Whether a node that is starting should give up for this error instead of waiting. */
  endsWith({ kind }: CloudError, nowMs: number): boolean {
    if (!FINAL_IN_TIME.has(kind)) this.#deniedSinceMs = null;
    else this.#deniedSinceMs ??= nowMs;
    return FINAL.has(kind) ||
      (this.#deniedSinceMs !== null && nowMs >= this.#deniedSinceMs + STARTUP_PATIENCE_MS);
  }
}
