// The error that every lease store throws.

import type { StoreErrorKind } from "../core/registry/store_error_kinds.ts";

export type { StoreErrorKind };

/** A call to the store that failed; the message says what failed where, and why. */
export class StoreError extends Error {
  override readonly name = "StoreError";

  constructor(readonly kind: StoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
