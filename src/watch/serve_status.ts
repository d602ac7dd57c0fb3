// --listen-status: starts the configured status server of a watchdog. It only observes: if it cannot listen, the
// watchdog runs all the same, and the server tries again.
import { type Config, nameOf } from "../config/config.ts";
import { hostText } from "../core/ip.ts";
import { messageOf } from "../core/message_of.ts";
import type { Host } from "../host/host.ts";
import type { StatusServer } from "../host/status_server.ts";
import { StatusGate } from "../status/http_gate.ts";
import { loadStatusPage } from "../status/html_page.ts";
import { statusRoutes } from "../status/routes.ts";
import type { Watchdog } from "./watchdog.ts";
import type { Log } from "../world.ts";

/** Time between two attempts to listen. */
export const RETRY_MS = 5_000;

/** Opens the configured server, null without one. Closing it ends everything that it has started. */
export function openStatus(
  { listenStatus }: Pick<Config, "listenStatus">,
  { host, watchdog, log }: {
    host: Pick<Host, "clock" | "serveStatus">;
    watchdog: Pick<Watchdog, "snapshot" | "history" | "vitals">;
    log: Log;
  },
): Pick<StatusServer, "close"> | null {
  if (listenStatus === null) return null;
  const { hostname, port } = listenStatus;
  const place = `${hostText(hostname)}:${port}`;
  const gate = new StatusGate(host.clock);
  const handler = statusRoutes({
    gate,
    clock: host.clock,
    snapshot: () => watchdog.snapshot(),
    history: () => watchdog.history(),
    vitals: () => watchdog.vitals(),
    page: loadStatusPage(),
    loopback: /^(127\.|::1$)/.test(hostname),
  });
  const closing = new AbortController();
  let server: StatusServer | null = null;
  const listen = async () => {
    let told = "";
    while (!closing.signal.aborted) {
      try {
        server = host.serveStatus(listenStatus, handler, { admit: (line) => gate.admit(line) });
        if (told !== "") log.write("info", "listen-status", `listening on ${place} now`);
        return;
      } catch (error) {
        const reason = messageOf(error);
        const text = `${nameOf("listen-status")}: cannot listen on ${place}: ${reason}`;
        const rest = `; trying again every ${RETRY_MS / 1_000} s`;
        if (text !== told) log.write("warning", "listen-status", text + rest);
        told = text;
      }
      await host.clock.sleep(RETRY_MS, closing.signal);
    }
  };
  const listening = listen();
  return {
    async close() {
      closing.abort();
      await listening;
      await server?.close();
    },
  };
}
