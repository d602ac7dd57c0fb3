// One run of the program: from the arguments to the exit code, with the machine and the cloud handed in.
import { associate } from "./associate.ts";
import { isOn, readValues, UsageError, type Values } from "./cli.ts";
import { type Config, configure, nameOf } from "./config.ts";
import { connectionFor } from "./connection.ts";
import { diagnose } from "./doctor/doctor.ts";
import type { Host } from "./host.ts";
import type { HostLog } from "./host/log.ts";
import { findInstanceId } from "./host/metadata.ts";
import { resolvePeers } from "./host/resolve.ts";
import { stopWatchdog, withPidFile } from "./pid_file.ts";
import { printPolicy } from "./print_policy.ts";
import { findValues } from "./sources.ts";
import { askStatus } from "./status.ts";
import { describe, usage } from "./usage.ts";
import { commit, VERSION } from "./version.ts";
import { watch } from "./watch_mode.ts";

/** Runs once; never throws. */
export async function runProgram(argv: readonly string[], host: Host): Promise<number> {
  let values: Values;
  try {
    values = readValues(argv, host.env);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    host.print("err", `exoip: ${error.message}`);
    host.print("err", "exoip: -h lists the options");
    return 2;
  }
  if (isOn(values.given.get("h"))) return say(host, usage().trimEnd());
  if (isOn(values.given.get("version"))) {
    return say(host, `exoip ${VERSION} (commit ${commit()})`);
  }
  if (isOn(values.given.get("stop"))) return await stopWatchdog(values, host);
  if (isOn(values.given.get("status"))) return await askStatus(values, host);
  if (isOn(values.given.get("print-iam-policy"))) return printPolicy(values, host);
  const [findings, unreadable] = await findValues(values, host);
  const configured = configure(values, findings);
  if ("problems" in configured || unreadable.length > 0) {
    const problems = "problems" in configured ? configured.problems : [];
    return fail(host, [...unreadable, ...problems]);
  }
  if (isOn(values.given.get("doctor"))) {
    for (const warning of warningsOf(values)) host.print("err", `exoip: ${warning}`);
    return await diagnose(configured, { host, json: isOn(values.given.get("json")) });
  }
  return await withPidFile(configured, {
    pidFiles: host.pidFiles,
    run: () => runConfigured(configured, { values, host }),
    refuse: (problem) => fail(host, [problem]),
  });
}

function say(host: Host, text: string): number {
  host.print("out", text);
  return 0;
}

/** To standard error for the person, and to syslog for a boot that nobody watches. */
async function fail(host: Host, problems: readonly string[]): Promise<number> {
  for (const problem of problems) host.print("err", `exoip: ${problem}`);
  const log = host.openLog({ stdout: false });
  if (log.kind === "syslog") {
    for (const problem of problems) log.write("critical", "configuration", problem);
    await log.flush();
  }
  return 1;
}

async function runConfigured(
  config: Config,
  { values, host }: { values: Values; host: Host },
): Promise<number> {
  let instanceId: string;
  let peers = config.peers;
  try {
    instanceId = config.instanceId ?? await findInstanceId(host.machine);
    peers = await resolvePeers(config.peers, host.lookup);
  } catch (error) {
    return await fail(host, [error instanceof Error ? error.message : `${error}`]);
  }
  const warnings = warningsOf(values);
  const description = config.verbose ? describe(config, instanceId) : [];
  for (const line of description) host.print("out", line);
  if (config.checkOnly) {
    for (const warning of warnings) host.print("err", `exoip: ${warning}`);
    return say(host, "exoip: the configuration is valid");
  }
  const log = host.openLog(config);
  if (log.kind === "syslog") {
    for (const line of description) log.write("info", "configuration", line);
  }
  for (const warning of warnings) log.write("warning", "command-line", warning);
  const code = await runMode({ ...config, peers }, { instanceId, host, log });
  await Promise.all([log.flush(), host.supervisor?.flush()]);
  return code;
}

/** What is allowed and yet not what one wants. No value is shown: it may be the secret. */
function warningsOf({ given, ignored }: Values): string[] {
  const visible = given.get("xs")?.source === "-xs"
    ? [`a secret in an argument shows in ps: use ${nameOf("api-secret-file")}`]
    : [];
  const stray = ignored.length === 0
    ? []
    : [`the last ${ignored.length} arguments are ignored, from the first that is no flag`];
  return [...visible, ...stray];
}

async function runMode(
  config: Config,
  { instanceId, host, log }: { instanceId: string; host: Host; log: HostLog },
): Promise<number> {
  const stopping = new AbortController();
  const early = host.signals.listen((signal) => signal === "stop" && stopping.abort());
  const { signal } = stopping;
  const connection = await connectionFor(config, { instanceId, host, log, signal });
  if (signal.aborted) return config.mode === "watchdog" ? 0 : 1;
  if (connection === null) return 1;
  const { connect, addresses } = connection;
  if (config.mode === "watchdog") {
    early();
    return await watch({ ...config, addresses }, { instanceId, host, log, connect });
  }
  const elasticIp = addresses[0]?.elasticIp ?? "";
  const cloud = connect(elasticIp, () => {});
  return await associate(config.mode, { cloud, clock: host.clock, log, signal, elasticIp });
}
