// The IPv4 default gateway, as the kernel's table and as `ip route` write it.
import { isIpv4 } from "../core/ip.ts";

const ROUTE_IS_UP_AND_GATEWAY = 0x3;

/** The gateway of the default route with the lowest metric in the text of /proc/net/route, null without one. */
export function gatewayFromTable(text: string): string | null {
  const routes = text.split("\n").slice(1).map((line) => line.trim().split(/\s+/));
  const defaults = routes.filter(([, destination, gateway, flags, , , , mask]) =>
    destination === "00000000" && mask === "00000000" && /^[0-9A-F]{8}$/i.test(gateway ?? "") &&
    (parseInt(flags ?? "", 16) & ROUTE_IS_UP_AND_GATEWAY) === ROUTE_IS_UP_AND_GATEWAY
  );
  const [best] = defaults.sort((a, b) => Number(a[6]) - Number(b[6]));
  // The kernel prints the four bytes as one number in the machine's order: little-endian on all we build for.
  const bytes = best?.[2]?.match(/../g)?.map((pair) => parseInt(pair, 16));
  return bytes ? bytes.reverse().join(".") : null;
}

/** The gateway in the output of `ip -4 route show default`, null without one. */
export function gatewayFromIpRoute(text: string): string | null {
  const address = /^default via (\S+)/m.exec(text)?.[1];
  return address !== undefined && isIpv4(address) ? address : null;
}
