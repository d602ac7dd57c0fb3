// The socket for heartbeats. We wait for an address that this machine does not have yet: at boot the network may come
// up after us, and duplicate address detection delays an IPv6 address.
import { nameOf } from "../config/config.ts";
import { hostText } from "../core/ip.ts";
import { messageOf } from "../core/message_of.ts";
import type { Host } from "../host/host.ts";
import type { StatusAddress } from "../host/status_server.ts";
import { announceWaiting } from "../startup/retry_at_startup.ts";
import { localAddressOf } from "../status/info_client.ts";
import type { Log, UdpSocket } from "../world.ts";

/** Time between two attempts, and between two lines about them. */
const RETRY_MS = 1_000, REMIND_MS = 60_000;

/** Where a node without heartbeats listens: only programs on this machine speak to it, such as `exoip --status`. */
export function questionsOnly({ hostname, port }: StatusAddress): StatusAddress {
  return { hostname: localAddressOf(hostname), port };
}

/** Opens it. Null when waiting cannot help, which is logged, or when we are told to stop. */
export async function openSocketAtStartup(
  { hostname, port }: StatusAddress,
  { host: { openSocket, clock, serviceManager }, log, signal }: {
    host: Pick<Host, "openSocket" | "clock" | "serviceManager">;
    log: Log;
    signal: AbortSignal;
  },
): Promise<UdpSocket | null> {
  const place = `${hostText(hostname)}:${port}`;
  let toldAtMs = -Infinity;
  while (!signal.aborted) {
    try {
      const socket = openSocket(hostname, port);
      if (toldAtMs > -Infinity) log.write("info", "listen", `listening on ${place} now`);
      return socket;
    } catch (error) {
      const reason = messageOf(error);
      const trouble = `${nameOf("l")}: cannot listen on ${place}: ${reason}`;
      if (!(error instanceof Deno.errors.AddrNotAvailable)) {
        log.write("critical", "listen", trouble);
        return null;
      }
      if (clock.nowMs() >= toldAtMs + REMIND_MS) {
        toldAtMs = clock.nowMs();
        log.write("warning", "listen", `${trouble}; waiting for this machine to have the address`);
      }
      announceWaiting(serviceManager, `the address ${hostText(hostname)}`);
      await clock.sleep(RETRY_MS, signal);
    }
  }
  return null;
}
