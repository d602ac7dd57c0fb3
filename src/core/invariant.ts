/** Throws when something that only a bug can make false is false; on in production, the supervisor restarts us. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`bug: ${message}`);
}
