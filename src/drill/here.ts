// The watchdog of this machine, for a drill: asked as --status, --demote and --promote ask it.
import { BUFFER_BYTES } from "../commands/status.ts";
import { whoAsks } from "../commands/move.ts";
import { type Config, nameOf } from "../config/config.ts";
import { controlPathOf } from "../config/control_path.ts";
import type { Host } from "../host/host.ts";
import { ControlClient } from "../status/control_client.ts";
import { InfoClient, localAddressOf, STATUS_QUESTION } from "../status/info_client.ts";
import type { Hands } from "./hands.ts";

/** Questions before giving up, as for --status. */
const ATTEMPTS = 6;

/** Acts on the watchdog that runs here. */
export function handsHere({ listen, controlSocket }: Config, host: Host): Hands {
  const { clock, controlSockets: sockets } = host;
  const { path } = controlPathOf(controlSocket, listen.port);
  const client = () => {
    if (path !== null) return new ControlClient({ path, sockets, clock, by: whoAsks(host) });
    throw new Error(
      `${nameOf("control-socket")}: none; without a socket it cannot be told to move`,
    );
  };
  return {
    title: "the watchdog of this machine",
    async status() {
      const hostname = localAddressOf(listen.hostname);
      const socket = host.openSocket(hostname, 0, BUFFER_BYTES);
      const info = new InfoClient(socket, { clock, hostname, port: listen.port }, STATUS_QUESTION);
      try {
        const snapshot = await info.ask(ATTEMPTS);
        if (snapshot !== null) return snapshot;
        const cure = `give its ${nameOf("l")}, or run the drill where it is held`;
        throw new Error(`no watchdog answers at ${info.title}: ${cure}`);
      } finally {
        await info.close();
      }
    },
    async giveWay(elasticIp, signal) {
      await client().demote({ elasticIp, signal, why: "drill" });
    },
    async comeBack(elasticIp, signal) {
      try {
        await client().promote({ elasticIp, signal, why: "drill" });
      } catch (error) {
        // A node that cannot become first again must at least not stay demoted.
        await client().undrain({ signal });
        throw error;
      }
    },
  };
}
