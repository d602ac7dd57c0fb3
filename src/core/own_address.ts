// Whether this machine accepts traffic to an Elastic IP, judged from one look at its interfaces and its kernel.
import { canonicalIp, parseIpv6, PREFIX_BYTES } from "./ip.ts";

/** One address of an interface, both as the system writes them; the name may be a label, such as `lo:1`. */
export interface InterfaceAddress {
  readonly name: string;
  readonly address: string;
}

/** The result of one look at the machine. */
export interface MachineView {
  /** Every address of every interface, null when they cannot be listed. */
  readonly listed: readonly InterfaceAddress[] | null;
  /** Whether the kernel accepts traffic to that address as its own, null when it does not say. */
  readonly local: (address: string) => boolean | null;
}

/** What is known about an Elastic IP on this machine. */
export interface Sight {
  /** Null when it is not known. */
  readonly present: boolean | null;
  /** The interface that has it; null when none has, or the kernel accepts it by a route of type `local`. */
  readonly on: string | null;
}

/** Nothing is known yet. */
export const UNSEEN: Sight = { present: null, on: null };

/** Whether the machine has the Elastic IP (canonical text), and where. */
export function sightOf(elasticIp: string, { listed, local }: MachineView): Sight {
  // Any address of an Elastic IPv6 on an interface is enough.
  const prefix = parseIpv6(elasticIp)?.subarray(0, PREFIX_BYTES) ?? null;
  // The list includes IPv6 addresses that duplicate address detection refused, but the kernel drops their traffic.
  const found = listed?.find(({ address }) =>
    prefix === null ? address === elasticIp : isWithin(prefix, address) && local(address) !== false
  );
  if (found) return { present: true, on: found.name };
  const taken = local(elasticIp);
  if (taken === true) return { present: true, on: null };
  const known = listed !== null || (taken === false && prefix === null);
  return { present: known ? false : null, on: null };
}

/** Whether the interface has exactly this address, according to the list; without a list, according to the kernel. */
export function isOnDevice(
  elasticIp: string,
  device: string,
  { listed, local }: MachineView,
): boolean {
  if (listed === null) return local(elasticIp) === true;
  const ipv6 = elasticIp.includes(":");
  const found = listed.some(({ name, address }) =>
    (name === device || name.startsWith(`${device}:`)) && address.includes(":") === ipv6 &&
    canonicalIp(address) === elasticIp
  );
  return found && !(ipv6 && local(elasticIp) === false);
}

function isWithin(prefix: Uint8Array, address: string): boolean {
  // Fast path: hundreds of addresses are compared each second, and most begin differently.
  const [first = 0, second = 0] = prefix;
  if (!address.includes(":") || (parseInt(address, 16) || 0) !== first * 256 + second) return false;
  const bytes = parseIpv6(address);
  return bytes !== null && prefix.every((byte, index) => bytes[index] === byte);
}
