// How long a node that starts takes no for no answer. Once it runs, nothing that the cloud says ends it.
import { type CloudErrorKind, ERROR_KINDS } from "../core/registry/error_kinds.ts";

/** How long a refusal that a gateway in trouble gives, too, must have lasted, without anything else in between. */
export const STARTUP_PATIENCE_MS = 30_000;

/** The patience of one start. */
export class StartupPolicy {
  #deniedSinceMs: number | null = null;

  /** The cloud has answered well. */
  answered(): void {
    this.#deniedSinceMs = null;
  }

  /** Whether a node that is starting should give up for this error instead of waiting. */
  endsWith({ kind }: { readonly kind: CloudErrorKind }, nowMs: number): boolean {
    const { atStart } = ERROR_KINDS[kind];
    if (atStart !== "ends-if-it-lasts") this.#deniedSinceMs = null;
    else this.#deniedSinceMs ??= nowMs;
    return atStart === "ends" ||
      (this.#deniedSinceMs !== null && nowMs >= this.#deniedSinceMs + STARTUP_PATIENCE_MS);
  }
}
