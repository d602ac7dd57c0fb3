// Which texts of a configuration are secret, and a log that hides them.
import type { CheckSpec } from "../checks/spec.ts";
import type { Config } from "../config/config.ts";
import type { HostLog } from "../host/log.ts";
import { passwordsIn } from "../log/password.ts";
import type { Redaction } from "../log/redaction.ts";

/** The secrets of a configuration. */
export function secretsOf({ credentials, sharedSecrets, checks, notify, lease }: Config): string[] {
  const words = checks.map((check) => check.kind === "exec" ? check.words : urlsOf(check));
  const passwords = [...words, notify ?? []].flatMap(passwordsIn);
  const leased = lease?.password ? [lease.password] : [];
  return [credentials.secret, credentials.apiKey, ...sharedSecrets, ...passwords, ...leased];
}

function urlsOf(check: CheckSpec): string[] {
  return check.kind === "http" ? [check.url] : [];
}

/** A log that hides secrets. */
export function redactedLog(log: HostLog, redaction: Redaction): HostLog {
  const write: HostLog["write"] = (severity, event, text, ...about) =>
    log.write(severity, event, redaction.hide(text), ...about);
  return {
    ...log,
    get kind() {
      return log.kind;
    },
    write,
  };
}
