// Why something could not be checked. If another check reports the cause, its name is given instead.
import { asCloudError, type CloudErrorKind } from "../exoscale/cloud_error.ts";
import { answered } from "./answered.ts";
import type { Context } from "./context.ts";
import { needs, NotKnown, type Result, skip } from "./result.ts";

/** What is missing, by the kind of the error, and the check that reports it. */
const NEEDED: Partial<Readonly<Record<CloudErrorKind, string>>> = {
  "unauthorized": "a key that may do this, see key",
  "clock-late": "a clock that is right, see clock",
  "forbidden": "a key that may do this, see key",
  "no-such-address": "the Elastic IP, see address",
  "no-such-instance": "the instance, see identity",
};

/** The line for a skipped check; `what` is its subject. */
export async function skipped(
  cause: unknown,
  { context, signal, what = "" }: { context: Context; signal: AbortSignal; what?: string },
): Promise<Result> {
  if (cause instanceof NotKnown && cause.cause === undefined) return needs(cause.message);
  if (await isUnreached(context, signal)) return needs("the cloud, see cloud");
  const { kind, message } = asCloudError(cause instanceof NotKnown ? cause.cause : cause);
  const needed = NEEDED[kind];
  if (needed !== undefined) return needs(needed);
  const missing = cause instanceof NotKnown ? `needs ${cause.message}` : what || "no usable answer";
  return skip(`skipped: ${missing}`, message);
}

/** Whether the cloud gives no answer at all. */
export async function isUnreached(context: Context, signal: AbortSignal): Promise<boolean> {
  return await answered(context, signal).then(() => false, () => true);
}
