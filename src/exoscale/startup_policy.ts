// How long a starting node retries after a refusal. Once it runs, nothing that the cloud says ends it.
import { type CloudErrorKind, ERROR_KINDS } from "../core/registry/error_kinds.ts";

/**
 * How long a refusal must last, without any other answer in between, because a failing gateway can return the same
 * error.
 */
export const STARTUP_REFUSAL_MS = 30_000;

/** The policy for one start. */
export class StartupPolicy {
  #deniedSinceMs: number | null = null;

  /** The cloud has answered successfully. */
  answered(): void {
    this.#deniedSinceMs = null;
  }

  /** Whether a starting node should give up on this error instead of waiting. */
  endsWith({ kind }: { readonly kind: CloudErrorKind }, nowMs: number): boolean {
    const { atStart } = ERROR_KINDS[kind];
    if (atStart !== "ends-if-it-lasts") this.#deniedSinceMs = null;
    else this.#deniedSinceMs ??= nowMs;
    return atStart === "ends" ||
      (this.#deniedSinceMs !== null && nowMs >= this.#deniedSinceMs + STARTUP_REFUSAL_MS);
  }
}
