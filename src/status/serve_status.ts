// --listen-status: from the configuration to a server that answers for a watchdog.
import { type Config, nameOf } from "../config.ts";
import { hostText } from "../core/ip.ts";
import type { Host } from "../host.ts";
import type { StatusServer } from "../host/status_server.ts";
import { loadStatusPage } from "./status_page.ts";
import { statusRoutes } from "./status_routes.ts";
import type { Watchdog } from "../watch/watchdog.ts";

/** The server that is configured, null without one; a text is why it cannot be had. */
export function openStatus(
  { listenStatus }: Config,
  { host, watchdog }: { host: Pick<Host, "clock" | "serveStatus">; watchdog: Watchdog },
): StatusServer | string | null {
  if (listenStatus === null) return null;
  const { hostname, port } = listenStatus;
  const handler = statusRoutes({
    clock: host.clock,
    snapshot: () => watchdog.snapshot(),
    vitals: () => watchdog.vitals(),
    page: loadStatusPage(),
    loopback: /^(127\.|::1$)/.test(hostname),
  });
  try {
    return host.serveStatus(listenStatus, handler);
  } catch (error) {
    const reason = error instanceof Error ? error.message : `${error}`;
    return `${nameOf("listen-status")}: cannot listen on ${hostText(hostname)}:${port}: ${reason}`;
  }
}
