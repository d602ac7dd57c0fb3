// Where the control socket of a watchdog is.

/** Folder of the control sockets. */
const FOLDER = "/run/exoip";

/**
 * The path for a value of --control-socket (null when it was not given) and the port of the heartbeats; null without a
 * socket. The port keeps several watchdogs of one machine apart.
 */
export function controlPathOf(
  value: string | null,
  port: number,
): { readonly path: string | null; readonly given: boolean } {
  if (value === null) return { path: `${FOLDER}/${port}.sock`, given: false };
  return { path: value === "none" ? null : value, given: true };
}
