// The Elastic IP: does it exist, may a watchdog move it, and who holds it now?
import { asCloudError, type CloudErrorKind } from "../../exoscale/cloud_error.ts";
import { isIpv6 } from "../../core/ip.ts";
import { ipv6Problem } from "../../exoscale/ipv6.ts";
import { type Context, known } from "../context.ts";
import { fail, Failed, NotKnown, ok, type Result, skip, warn } from "../result.ts";
import type { Inventory, InventoryAddress } from "../inventory.ts";
import { isUnreached, skipped } from "../skipped.ts";

/** The check. */
export async function checkAddresses(context: Context, signal: AbortSignal): Promise<Result[]> {
  const given = context.config.elasticIps.map(({ elasticIp }) => elasticIp).join(", ");
  const { inventory, elasticIps } = await context.reach(signal).catch(async (cause) => {
    if (cause instanceof NotKnown || asCloudError(cause).retryable) throw cause;
    if (await isUnreached(context, signal) || isOfKey(asCloudError(cause).kind)) throw cause;
    throw new Failed(`${given}: ${asCloudError(cause).message}`);
  });
  const texts = elasticIps.map(({ elasticIp }) => elasticIp);
  return (await Promise.all(texts.map((ip) => checkAddress(ip, { inventory, context, signal }))))
    .flat();
}

/** Whether the check of the key reports this error. */
function isOfKey(kind: CloudErrorKind): boolean {
  return ["unauthorized", "forbidden", "clock-late"].includes(kind);
}

interface Asked {
  readonly inventory: Inventory;
  readonly context: Context;
  readonly signal: AbortSignal;
}

async function checkAddress(ip: string, asked: Asked): Promise<Result[]> {
  const { inventory, signal } = asked;
  try {
    const address = await inventory.address(ip, signal);
    if (address === null) {
      const others = (await inventory.known(signal)).join(", ") || "none";
      return [fail(`no Elastic IP ${ip} in this zone, found ${others}: check -xi and the zone`)];
    }
    return [
      ...await kindOf(ip, address, asked),
      ...await ipv6Of(ip, address, asked),
      await holdersOf(ip, asked),
    ];
  } catch (cause) {
    return [await skipped(cause, { ...asked, what: `${ip} could not be looked up` })];
  }
}

async function kindOf(ip: string, address: InventoryAddress, asked: Asked): Promise<Result[]> {
  const { inventory, context, signal } = asked;
  if (address.managed === null) {
    return [skip(`whether ${ip} may be moved: CloudStack does not tell`)];
  }
  if (address.managed) {
    const cure = "use one without a health check, or no exoip: Exoscale moves its traffic itself";
    return [fail(`${ip} is a managed Elastic IP: ${cure}`)];
  }
  const pool = await known(context.self(signal), "the pool")
    .then((self) => inventory.handedOutBy(self, address, signal)).catch(() => null);
  if (pool === null) return [ok(`${ip} exists and is a manual one`)];
  // `exo compute instance-pool update --elastic-ip ''` changes nothing.
  const cure =
    `take its Elastic IPs off it: exo api reset-instance-pool-field ${pool.id} elastic-ips`;
  return [fail(`the instance pool ${pool.name} attaches ${ip} to every member itself: ${cure}`)];
}

/** The additional needs of an Elastic IPv6. */
async function ipv6Of(
  ip: string,
  { text }: InventoryAddress,
  { context, signal }: Asked,
): Promise<Result[]> {
  if (!isIpv6(ip)) return [];
  const self = await known(context.self(signal), "this instance").catch(() => null);
  const problem = self && ipv6Problem(self.assignment, self.id);
  return [
    ...(problem ? [fail(`this instance cannot have ${ip}: ${problem}`)] : []),
    ...(text === ip ? [] : [
      warn(`the cloud writes ${ip} as ${text}: a role that names it must do the same`),
    ]),
  ];
}

async function holdersOf(ip: string, { inventory, context, signal }: Asked): Promise<Result> {
  const holders = await inventory.holders(ip, signal);
  const selfId = await context.instanceId(signal);
  const title = (id: string, name: string) => id === selfId ? `this instance (${name})` : name;
  const names = holders.map(({ id, name }) => title(id, name)).join(", ");
  if (holders.length === 0) return ok(`${ip} is held by nobody now`);
  if (context.config.mode !== "watchdog") return ok(`${ip} is held by ${names} now`);
  const peers = await context.membership(ip, signal).then(({ peers }) => peers, () => null);
  const ours = new Set([selfId, ...(peers ?? []).map(({ instanceId }) => instanceId)]);
  const strange = peers === null ? [] : holders.filter(({ id }) => !ours.has(id));
  if (strange.length === 0) return ok(`${ip} is held by ${names} now`);
  const who = strange.map(({ name, id }) => `${name} (${id})`).join(", ");
  return warn(`${ip} is held by ${who}, which is no peer: the watchdogs do not know each other`);
}
