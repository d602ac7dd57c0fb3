// The environment of our child processes. Ours may hold secrets, proxies with passwords and foreign tokens under any
// name, so a list says which variables children get.

/** Variables by name. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** Paths, user and language, on each system that we support. */
const PASSED = new Set([
  ..."PATH HOME USER LOGNAME SHELL HOSTNAME TERM TZ LANG LANGUAGE TMPDIR TMP TEMP".split(" "),
  ..."XDG_RUNTIME_DIR LD_LIBRARY_PATH SSL_CERT_FILE SSL_CERT_DIR NO_COLOR".split(" "),
  ..."RUNTIME_DIRECTORY STATE_DIRECTORY CACHE_DIRECTORY LOGS_DIRECTORY".split(" "),
  ..."CONFIGURATION_DIRECTORY INVOCATION_ID".split(" "),
  ..."KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT".split(" "),
  ..."SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT USERNAME USERPROFILE".split(" "),
  ..."APPDATA LOCALAPPDATA PROGRAMDATA PROGRAMFILES".split(" "),
]);

/** The variables for checks, the command of --notify and our own helpers. Names match in any case. */
export function childEnvironment(env: Variables): Record<string, string> {
  return filtered(env, (name) => PASSED.has(name) || name.startsWith("LC_"));
}

/**
 * The variables for an account's `secretCommand`. The user wrote it for the `exo` CLI and it may need any variable, so
 * it gets all except our own secrets and those of the service manager.
 */
export function secretCommandEnvironment(env: Variables): Record<string, string> {
  const ours = /^(IF|EXOSCALE|CLOUDSTACK)_.*SECRET(?!.*_FILE$)/;
  const supervision = /^(NOTIFY_SOCKET|WATCHDOG_PID|WATCHDOG_USEC)$/;
  return filtered(
    env,
    (name) =>
      !ours.test(name) && !supervision.test(name) && name !== "IF_CHECK" && name !== "IF_NOTIFY",
  );
}

function filtered(env: Variables, passes: (upperName: string) => boolean): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && passes(name.toUpperCase())) kept[name] = value;
  }
  return kept;
}
