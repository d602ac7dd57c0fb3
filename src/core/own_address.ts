// Whether this machine takes what is sent to an Elastic IP for its own, from what a look at the machine has shown.
import { canonicalIp, PREFIX_BYTES } from "./ip.ts";
import { parseIpv6 } from "./ipv6.ts";

/** One address of an interface, as the system writes both; instead of the name it may give a label, `lo:1`. */
export interface InterfaceAddress {
  readonly name: string;
  readonly address: string;
}

/** What one look at the machine has shown. */
export interface MachineView {
  /** Every address of every interface, null when they cannot be listed. */
  readonly listed: readonly InterfaceAddress[] | null;
  /** Whether the kernel keeps what is sent to that address, null when it does not tell. */
  readonly local: (address: string) => boolean | null;
}

/** What is known of an Elastic IP on this machine. */
export interface Sight {
  /** Null when it is not known. */
  readonly present: boolean | null;
  /** The interface that has it; null when there is none, or the kernel takes it by a route of type `local`. */
  readonly on: string | null;
}

/** Nothing is known yet. */
export const UNSEEN: Sight = { present: null, on: null };

/** Whether the machine has the Elastic IP (canonical text), and where. */
export function sightOf(elasticIp: string, { listed, local }: MachineView): Sight {
  // Any address of an Elastic IPv6 on an interface is enough.
  const prefix = parseIpv6(elasticIp)?.subarray(0, PREFIX_BYTES) ?? null;
  // An IPv6 address that duplicate address detection refused stands in the list, and the kernel drops its traffic.
  const found = listed?.find(({ address }) =>
    prefix === null ? address === elasticIp : isWithin(prefix, address) && local(address) !== false
  );
  if (found) return { present: true, on: found.name };
  const taken = local(elasticIp);
  if (taken === true) return { present: true, on: null };
  const known = listed !== null || (taken === false && prefix === null);
  return { present: known ? false : null, on: null };
}

/** Whether the interface has exactly this address, as the list tells; without a list the kernel's word counts. */
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
  // Hundreds of other addresses are looked at each second, and most begin otherwise.
  const [first = 0, second = 0] = prefix;
  if (!address.includes(":") || (parseInt(address, 16) || 0) !== first * 256 + second) return false;
  const bytes = parseIpv6(address);
  return bytes !== null && prefix.every((byte, index) => bytes[index] === byte);
}
