// --control-socket: opens the socket on which this watchdog takes commands. Without it the watchdog runs all the same:
// one line says why.
import { type Config, nameOf } from "../config/config.ts";
import { controlPathOf } from "../config/control_path.ts";
import { messageOf } from "../core/message_of.ts";
import type { ControlListener } from "../host/control_socket.ts";
import type { Host } from "../host/host.ts";
import type { Log } from "../world.ts";

/** Opens the configured socket; null without one, and when it cannot be opened. Never rejects. */
export async function openControl(
  config: Pick<Config, "controlSocket" | "listen">,
  { host, log }: { host: Pick<Host, "controlSockets">; log: Log },
): Promise<ControlListener | null> {
  const { path, given } = controlPathOf(config.controlSocket, config.listen.port);
  if (path === null) return null;
  try {
    return await host.controlSockets.open(path);
  } catch (error) {
    const text = `${nameOf("control-socket")}: cannot open ${path}: ${messageOf(error)}; ` +
      "--demote, --promote and --undrain cannot reach this watchdog";
    // Without root, the usual place is often not writable, and most watchdogs never need it.
    log.write(given ? "warning" : "info", "control", text);
    return null;
  }
}
