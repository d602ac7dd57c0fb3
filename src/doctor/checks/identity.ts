// Which instance is this, what reports that, and does the cloud agree?
import { asCloudError } from "../../exoscale/cloud_error.ts";
import { canonicalIp } from "../../core/ip.ts";
import type { Claims, Context } from "../context.ts";
import { fail, ok, type Result, warn } from "../result.ts";
import { skipped } from "../skipped.ts";

/** The check. */
export async function checkIdentity(context: Context, signal: AbortSignal): Promise<Result[]> {
  const claims = await context.claims(signal);
  const found = judgeClaims(claims);
  if (found.some(({ mark }) => mark === "FAIL")) return found;
  return [...found, await inCloud(context, signal)];
}

/** Judges the claims, before asking the cloud. */
export function judgeClaims(
  { given, metadata, by: source, system, product, trouble }: Claims,
): Result[] {
  const id = given ?? metadata ?? system;
  if (id === null) return [unknown(trouble)];
  const by = given ? "-i" : metadata ? source : "the system UUID";
  if (given && metadata && metadata !== given) {
    const text = `-i says ${given}, ${source} ${metadata}: correct -i, or leave it out`;
    return [fail(text)];
  }
  // On other machines the system UUID is not the instance id.
  const kept = /exoscale|cloudstack/i.test(product);
  const other = kept && system !== null && system !== id;
  return [
    ok(`instance ${id}, told by ${by}`),
    ...(other ? [warn(`the system UUID is ${system}: check that ${by} is right`)] : []),
  ];
}

/** The attempts, then the remedy. */
function unknown(trouble: string): Result {
  const [, what, tried = "", cure] = /^([^:]+): (.*); ([^;]+)$/.exec(trouble) ?? [];
  return what === undefined ? fail(trouble) : fail(`${what}: ${cure}`, ...tried.split("; "));
}

async function inCloud(context: Context, signal: AbortSignal): Promise<Result> {
  const id = await context.instanceId(signal);
  try {
    const { inventory } = await context.reach(signal);
    const { name, addresses } = await inventory.machine(id, signal);
    const local = localAddresses(context);
    const [address] = addresses;
    if (address === undefined) {
      return fail(`the cloud knows it as ${name}, without a public address: peers cannot reach it`);
    }
    if (local.length > 0 && !addresses.some((each) => isLocal(each, local))) {
      const where = addresses.join(", ");
      return warn(
        `the cloud knows it as ${name} at ${where}, an address that this machine does not have: check -i`,
      );
    }
    return ok(`the cloud knows it as ${name} at ${address}`);
  } catch (cause) {
    const error = asCloudError(cause);
    if (["not-found", "no-such-instance"].includes(error.kind)) {
      return fail(`the cloud has no instance ${id} here: check -i and --zone`, error.message);
    }
    return await skipped(cause, {
      context,
      signal,
      what: "the cloud does not say whether it knows the instance",
    });
  }
}

/** The addresses of this machine in canonical form. */
export function localAddresses({ host }: Pick<Context, "host">): string[] {
  try {
    return host.interfaces().map(({ address }) => canonicalIp(address) ?? address);
  } catch {
    return [];
  }
}

/** The whole of 127.0.0.0/8 is on the loopback interface. */
function isLocal(address: string, local: readonly string[]): boolean {
  return local.includes(address) || address.startsWith("127.");
}
