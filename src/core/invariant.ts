/** Throws if the condition is false, which only a bug can cause. On in production: the supervisor restarts us. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`bug: ${message}`);
}
