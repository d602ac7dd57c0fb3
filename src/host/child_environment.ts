// What programs that we run may know. Our environment is where secrets, proxies with passwords and tokens of others
// are, under names that nobody can list; so a list says what children get.

/** Variables by name. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** Where programs and files are, who runs, how to speak: of each system that we run on. */
const PASSED = new Set([
  ..."PATH HOME USER LOGNAME SHELL HOSTNAME TERM TZ LANG LANGUAGE TMPDIR TMP TEMP".split(" "),
  ..."XDG_RUNTIME_DIR LD_LIBRARY_PATH SSL_CERT_FILE SSL_CERT_DIR NO_COLOR".split(" "),
  ..."RUNTIME_DIRECTORY STATE_DIRECTORY CACHE_DIRECTORY LOGS_DIRECTORY".split(" "),
  ..."CONFIGURATION_DIRECTORY INVOCATION_ID".split(" "),
  ..."KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT".split(" "),
  ..."SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT USERNAME USERPROFILE".split(" "),
  ..."APPDATA LOCALAPPDATA PROGRAMDATA PROGRAMFILES".split(" "),
]);

/** What a check, the command of --notify and our own helpers get of an environment. Case counts for nothing. */
export function childEnvironment(env: Variables): Record<string, string> {
  return filtered(env, (name) => PASSED.has(name) || name.startsWith("LC_"));
}

/**
 * What an account's `secretCommand` gets, which the user has written for the `exo` CLI and which may need any variable
 * of his: all but our own secrets, and but what is between us and the service manager.
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
