// What every store of leases throws.

/** What kind of trouble a store has; metrics and the doctor use the words. */
export type StoreErrorKind =
  /** No answer: no name, no connection, or none in time. */
  | "unreachable"
  /** The certificate of one side is not accepted. */
  | "tls"
  /** The name or the password is wrong, or the role may not use the keys. */
  | "denied"
  /** An answer that no store of this kind gives. */
  | "odd-answer"
  /** The store answers, but cannot serve: no quorum, no space. */
  | "unavailable"
  /** The caller ended the call. */
  | "aborted";

/** A call to the store that failed; the message says what failed where, and why. */
export class StoreError extends Error {
  override readonly name = "StoreError";

  constructor(readonly kind: StoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
