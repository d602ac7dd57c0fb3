// Derives from the configuration which rights the running process keeps.
import { type Config, nameOf } from "../config/config.ts";
import { type Loaded, readsFiles } from "../config/load.ts";
import type { Host } from "../host/host.ts";
import type { HostLog } from "../host/log.ts";
import { keptPrivileges, privilegesText, type Uses } from "../host/privileges.ts";

/** What the process still uses after its start. */
export function usesOf(
  config: Pick<Config, "mode" | "pidFile" | "checks" | "notify" | "addressOn" | "drainOn">,
  { syslog, notified, loaded }: {
    /** Whether syslog and the service manager need a right. */
    syslog: boolean;
    notified: boolean;
    loaded: Loaded;
  },
): Uses {
  const watches = config.mode === "watchdog";
  const owned = watches && config.pidFile !== null;
  const rereads = watches && readsFiles(loaded);
  const asks = rereads && loaded.inputs.account?.commanded;
  const { checks, notify, addressOn } = config;
  return {
    programs: !watches ? [] : [
      ...(asks ? ["reload: secretCommand"] : []),
      ...(checks.some(({ kind }) => kind === "exec") ? [nameOf("check")] : []),
      ...(notify ? [nameOf("notify")] : []),
      ...(addressOn ? [nameOf("address-on")] : []),
    ],
    files: [
      ...(rereads ? ["reload"] : []),
      // The cluster replaces the token of the service account.
      ...(watches && config.drainOn ? [nameOf("drain-on")] : []),
    ],
    written: owned ? ["PID file"] : [],
    system: watches ? ["interfaces"] : [],
    sockets: [...(syslog ? ["syslog"] : []), ...(notified ? ["service manager"] : [])],
  };
}

/** Gives up the rights that are no longer needed. Call it when all sockets are open and all files are read. */
export function settleDown(
  config: Config,
  { host, log, loaded }: {
    host: Pick<Host, "privileges" | "serviceManager">;
    log: HostLog;
    loaded: Loaded;
  },
): void {
  const sockets = { syslog: log.needsRight, notified: host.serviceManager?.needsRight ?? false };
  const kept = keptPrivileges(usesOf(config, { ...sockets, loaded }));
  host.privileges.keepOnly([...kept.keys()]);
  if (config.mode === "watchdog") log.write("info", "privileges", privilegesText(kept));
}
