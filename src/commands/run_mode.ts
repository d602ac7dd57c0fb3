// From a configuration to its mode: first finds out what the mode must know about this machine.
import { associate } from "./associate.ts";
import { checkConfigured } from "./check_only.ts";
import { fail, warningsOf } from "./complaints.ts";
import type { Config } from "../config/config.ts";
import type { Loaded } from "../config/load.ts";
import { connectionFor } from "../startup/connection.ts";
import { messageOf } from "../core/message_of.ts";
import { MESSAGE_MAX_CHARS, plain } from "../core/plain.ts";
import { readOnlyFetch } from "../exoscale/read_only_fetch.ts";
import type { Host } from "../host/host.ts";
import { identify } from "../startup/identify.ts";
import { Redaction } from "../log/redaction.ts";
import { passwordsIn } from "../log/password.ts";
import { withExtraAuthorities } from "../startup/with_extra_authorities.ts";
import { describe } from "./usage.ts";
import { settleDown } from "../watch/least_privilege.ts";
import { watch, type WatchModeOptions } from "./watch.ts";
import { redactedLog, secretsOf } from "../startup/secrets.ts";

/** Runs the configured mode, or checks it. Resolves to the exit code. */
export async function runConfigured(
  config: Config,
  { argv, loaded, host: plainHost, signal }: {
    argv: readonly string[];
    loaded: Loaded;
    host: Host;
    /** Aborted once the process is told to end. */
    signal: AbortSignal;
  },
): Promise<number> {
  const { given } = loaded.values;
  let host = plainHost;
  try {
    host = withExtraAuthorities(config, plainHost);
  } catch (error) {
    return await fail([messageOf(error)], { host, given });
  }
  if (config.shadow) host = { ...host, fetch: readOnlyFetch(host.fetch) };
  if (config.checkOnly) return await checkConfigured(config, { loaded, host });
  const { stdout, logFormat: format, logLevel: level } = config;
  const proxies = [host.env.HTTPS_PROXY, host.env.https_proxy, host.env.ALL_PROXY];
  const passwords = passwordsIn(proxies.filter((text) => text !== undefined));
  const redaction = new Redaction([...secretsOf(config), ...passwords]);
  const log = redactedLog(host.openLog({ stdout, format, level }), redaction);
  const code = await runKnown(config, { host, log, argv, loaded, redaction, signal });
  await Promise.all([log.flush(), host.serviceManager?.flush()]);
  return code;
}

/** Runs a mode, now that the instance is known. */
async function runKnown(
  config: Config,
  options: Omit<WatchModeOptions, "configured" | "connection" | "instanceId">,
): Promise<number> {
  const { host, log, loaded, signal } = options;
  const stopped = config.mode === "watchdog" ? 0 : 1;
  const instanceId = config.instanceId ?? await identify(config, { host, log, signal });
  if (instanceId === null) return signal.aborted ? stopped : 1;
  const description = config.verbose ? describe(config, instanceId) : [];
  // In a log format, standard output has lines of that format only.
  for (const line of log.format === "text" ? description : []) {
    host.print("out", plain(line, MESSAGE_MAX_CHARS));
  }
  if (log.kind === "syslog" || log.format !== "text") {
    for (const line of description) log.write("info", "configuration", line);
  }
  for (const warning of warningsOf(loaded.values)) log.write("warning", "command-line", warning);
  for (const warning of loaded.warnings) log.write("warning", "configuration", warning);
  return await runMode(config, { ...options, instanceId });
}

async function runMode(
  config: Config,
  options: Omit<WatchModeOptions, "configured" | "connection">,
): Promise<number> {
  const { host, log, signal } = options;
  const connection = await connectionFor(config, options);
  if (signal.aborted) return config.mode === "watchdog" ? 0 : 1;
  if (connection === null) return 1;
  const { connect, elasticIps } = connection;
  if (config.mode === "watchdog") {
    return await watch({ ...config, elasticIps }, { ...options, configured: config, connection });
  }
  settleDown(config, { host, log, loaded: options.loaded });
  const elasticIp = elasticIps[0]?.elasticIp ?? "";
  const cloud = connect(elasticIp, () => {});
  return await associate(config.mode, { cloud, clock: host.clock, log, signal, elasticIp });
}
