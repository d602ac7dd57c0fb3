// The heartbeat port: either this process binds it, or our own watchdog has it and its answer serves instead.
import { BUFFER_BYTES } from "../commands/status.ts";
import { type Config, nameOf } from "../config/config.ts";
import { messageOf } from "../core/message_of.ts";
import type { Host } from "../host/host.ts";
import { NoIpv6 } from "../host/udp_socket.ts";
import { InfoClient, localAddressOf, STATUS_QUESTION } from "../status/info_client.ts";
import type { Snapshot } from "../status/snapshot.ts";
import type { UdpSocket } from "../world.ts";

/** The result of binding the port. */
export type PortState =
  | { readonly kind: "free"; readonly socket: UdpSocket }
  | { readonly kind: "watchdog"; readonly snapshot: Snapshot }
  /** `cure` is the remedy, unless the reason contains it. */
  | { readonly kind: "taken"; readonly reason: string; readonly cure: string };

/** Questions before giving up; one may get lost. */
const ATTEMPTS = 3;

/** Opens the socket that a watchdog would use, and keeps it. */
export async function takePort(
  { config, host }: { config: Config; host: Host },
): Promise<PortState> {
  const { hostname, port } = config.listen;
  try {
    return { kind: "free", socket: host.openSocket(hostname, port) };
  } catch (cause) {
    const used = cause instanceof Deno.errors.AddrInUse;
    const snapshot = used ? await askRunning(config.listen, host) : null;
    if (snapshot !== null) return { kind: "watchdog", snapshot };
    const reason = messageOf(cause);
    return { kind: "taken", reason, cure: cureOf(cause, config.listen) };
  }
}

function cureOf(cause: unknown, { hostname, port }: Config["listen"]): string {
  if (cause instanceof NoIpv6) return "";
  if (cause instanceof Deno.errors.AddrNotAvailable) {
    return `: put ${hostname} on an interface, or give ${nameOf("l")} no address, only :${port}`;
  }
  return `: stop who has it (ss -lunp), or give another with ${nameOf("l")} on all nodes`;
}

/** The answer of the watchdog there, null without one. */
async function askRunning(
  { hostname, port }: { hostname: string; port: number },
  { openSocket, clock }: Pick<Host, "openSocket" | "clock">,
): Promise<Snapshot | null> {
  const to = localAddressOf(hostname);
  const whom = { clock, hostname: to, port };
  const infoClient = new InfoClient(openSocket(to, 0, BUFFER_BYTES), whom, STATUS_QUESTION);
  try {
    return await infoClient.ask(ATTEMPTS);
  } finally {
    await infoClient.close();
  }
}
