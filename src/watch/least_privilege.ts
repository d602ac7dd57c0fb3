// From the configuration to the rights that the running process keeps.
import { type Config, nameOf } from "../config.ts";
import type { Gathered } from "../config/gather.ts";
import type { Host } from "../host.ts";
import type { HostLog } from "../host/log.ts";
import { keptPrivileges, privilegesText, type Uses } from "../host/privileges.ts";
import { readsFiles } from "./reloader.ts";

/** What the process still does after its start. */
export function usesOf(
  config: Pick<Config, "mode" | "pidFile" | "checks" | "notify" | "addressOn">,
  { env, syslog, gathered }: { env: Host["env"]; syslog: boolean; gathered: Gathered },
): Uses {
  // An abstract socket, with @, is open already and has no place in the file system.
  const notified = env.NOTIFY_SOCKET?.startsWith("/") ?? false;
  const watches = config.mode === "watchdog";
  const owned = watches && config.pidFile !== null;
  const rereads = watches && readsFiles(gathered);
  const asks = rereads && gathered.findings.account?.commanded;
  const { checks, notify, addressOn } = config;
  return {
    programs: !watches ? [] : [
      ...(asks ? ["reload: secretCommand"] : []),
      ...(checks.some(({ kind }) => kind === "exec") ? [nameOf("check")] : []),
      ...(notify ? [nameOf("notify")] : []),
      ...(addressOn ? [nameOf("address-on")] : []),
    ],
    files: rereads ? ["reload"] : [],
    written: owned ? ["PID file"] : [],
    system: watches ? ["interfaces"] : [],
    sockets: [...(syslog ? ["syslog"] : []), ...(notified ? ["service manager"] : [])],
  };
}

/** Gives up what is not needed any more. To be called when all sockets are open and all files are read. */
export function settleDown(
  config: Config,
  { host, log, gathered }: {
    host: Pick<Host, "env" | "privileges">;
    log: HostLog;
    gathered: Gathered;
  },
): void {
  const syslog = log.kind === "syslog";
  const kept = keptPrivileges(usesOf(config, { env: host.env, syslog, gathered }));
  host.privileges.keepOnly([...kept.keys()]);
  if (config.mode === "watchdog") log.write("info", "privileges", privilegesText(kept));
}
