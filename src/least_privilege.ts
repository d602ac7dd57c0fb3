// From the configuration to the rights that the running process keeps.
import type { Config } from "./config.ts";
import type { Host } from "./host.ts";
import type { HostLog } from "./host/log.ts";
import { keptPrivileges, privilegesText, type Uses } from "./host/privileges.ts";

/** What the process still does after its start. */
export function usesOf(
  config: Pick<Config, "mode" | "pidFile">,
  { env, syslog }: { env: Host["env"]; syslog: boolean },
): Uses {
  // An abstract socket, with @, is open already and has no place in the file system.
  const notified = env.NOTIFY_SOCKET?.startsWith("/") ?? false;
  const owned = config.mode === "watchdog" && config.pidFile !== null;
  return {
    programs: [],
    files: [],
    written: owned ? ["PID file"] : [],
    sockets: [...(syslog ? ["syslog"] : []), ...(notified ? ["service manager"] : [])],
  };
}

/** Gives up what is not needed any more. To be called when all sockets are open and all files are read. */
export function settleDown(
  config: Config,
  { host, log }: { host: Pick<Host, "env" | "privileges">; log: HostLog },
): void {
  const kept = keptPrivileges(usesOf(config, { env: host.env, syslog: log.kind === "syslog" }));
  host.privileges.keepOnly([...kept.keys()]);
  if (config.mode === "watchdog") log.write("info", "privileges", privilegesText(kept));
}
