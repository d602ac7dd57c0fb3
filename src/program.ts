// One run of the program: from the arguments to the exit code, with the machine and the cloud handed in.
import { associate } from "./associate.ts";
import { type Environment, type Given, isOn, readValues, UsageError, type Values } from "./cli.ts";
import { type Config, configure, type Findings, nameOf } from "./config.ts";
import { readExoAccount } from "./exo_config.ts";
import { CloudV1 } from "./exoscale/cloud_v1.ts";
import { CloudV2 } from "./exoscale/cloud_v2.ts";
import { asCloudError } from "./exoscale/cloud_error.ts";
import type { Fetch } from "./exoscale/http.ts";
import { endpointOf, findEndpoint } from "./exoscale/zone.ts";
import type { HostLog } from "./host/log.ts";
import { findInstanceId, findZone, type Machine } from "./host/metadata.ts";
import type { HostSupervisor } from "./host/notify.ts";
import type { PidFiles } from "./host/pid_file.ts";
import { resolvePeers } from "./host/resolve.ts";
import { stopWatchdog, withPidFile } from "./pid_file.ts";
import { StartPatience } from "./start_patience.ts";
import { askStatus } from "./status.ts";
import { describe, usage } from "./usage.ts";
import { commit, VERSION } from "./version.ts";
import { runWatchdog } from "./watchdog.ts";
import type { Clock, Cloud, Link, Signals } from "./world.ts";

/** The computer that the program runs on. */
export interface Host {
  readonly env: Environment;
  readonly os: typeof Deno.build.os;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signals: Signals;
  readonly machine: Machine;
  readonly pidFiles: PidFiles;
  /** Null when no service manager wants to hear. */
  readonly supervisor: HostSupervisor | null;
  readonly fetch: Fetch;
  /** Prints one line to standard output or standard error. */
  readonly print: (stream: "out" | "err", line: string) => void;
  readonly readTextFile: (path: string) => string;
  readonly openLink: (hostname: string, port: number) => Link;
  readonly openLog: (options: { stdout: boolean }) => HostLog;
  /** IPv4 addresses of a host name. */
  readonly lookup: (name: string) => Promise<string>;
}

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
  const [findings, unreadable] = find(values, host);
  const configured = configure(values, findings);
  if ("problems" in configured || unreadable.length > 0) {
    const problems = "problems" in configured ? configured.problems : [];
    return fail(host, [...unreadable, ...problems]);
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

/** Reads the secret file and the CLI's configuration, if what they could say is not said already. */
function find({ given }: Values, host: Host): [Findings, string[]] {
  const findings: { secretFile?: string; account?: Findings["account"] & object } = {};
  const problems: string[] = [];
  const file = given.get("api-secret-file");
  if (file && goesBefore(file, given.get("xs"))) {
    try {
      findings.secretFile = host.readTextFile(file.text).trim();
    } catch (error) {
      const reason = error instanceof Error ? error.message : `${error}`;
      problems.push(`${nameOf("api-secret-file")}: cannot read ${file.text}: ${reason}`);
    }
  }
  const keyed = given.has("xk") && (given.has("xs") || file);
  const placed = given.has("zone") || given.has("xe") || given.get("api")?.text === "v1";
  if (!keyed || !placed) {
    const { account, problem } = readExoAccount(host.env, host);
    if (account) findings.account = account;
    if (problem && !keyed) problems.push(problem);
  }
  return [findings, problems];
}

/** A flag goes before a variable, ours before the CLI's, and the secret itself before its file. */
function goesBefore(file: Given, secret: Given | undefined): boolean {
  const rank = ({ source }: Given) => source.startsWith("-") ? 0 : source.startsWith("IF_") ? 1 : 2;
  return !secret || rank(file) < rank(secret);
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
  const endpoint = await endpointFor(config, { instanceId, host, log, signal: stopping.signal });
  if (stopping.signal.aborted) return config.mode === "watchdog" ? 0 : 1;
  if (endpoint === null) return 1;
  const { elasticIp, peers, credentials } = config;
  const connect = (onProgress: (tookMs: number) => void): Cloud => {
    const { fetch, clock } = host;
    const options = { endpoint, ...credentials, fetch, clock, onProgress };
    const assignment = { elasticIp, instanceId, peers };
    return config.api === "v1"
      ? new CloudV1(options, assignment)
      : new CloudV2(options, assignment);
  };
  if (config.mode !== "watchdog") {
    const { clock } = host;
    const cloud = connect(() => {});
    return await associate(config.mode, { cloud, clock, log, signal: stopping.signal, elasticIp });
  }
  early();
  let link: Link;
  try {
    link = host.openLink(config.listen.hostname, config.listen.port);
  } catch (error) {
    const reason = error instanceof Error ? error.message : `${error}`;
    const { hostname, port } = config.listen;
    log.write(
      "critical",
      "listen",
      `${nameOf("l")}: cannot listen on ${hostname}:${port}: ${reason}`,
    );
    return 1;
  }
  const { clock, random, signals, supervisor } = host;
  const settings = {
    ...config,
    port: config.listen.port,
    trailer: config.wire === "full",
    selfId: config.api === "v2" ? instanceId : null,
    addresses: peers.kind === "group"
      ? null
      : peers.addresses.filter((address) => !link.localAddresses.includes(address)),
  };
  return await runWatchdog(settings, { clock, random, link, signals, log, supervisor, connect });
}

/** The endpoint given, that of the zone, or the one where the instance is; the watchdog waits for an answer. */
async function endpointFor(
  config: Config,
  { instanceId, host, log, signal }: {
    instanceId: string;
    host: Host;
    log: HostLog;
    signal: AbortSignal;
  },
): Promise<string | null> {
  if (config.endpoint !== null) return config.endpoint;
  const zone = config.zone ?? await findZone(host.machine) ?? config.usualZone;
  if (zone !== null) return endpointOf(zone);
  const patience = new StartPatience();
  for (let waitMs = 1_000; !signal.aborted; waitMs = Math.min(waitMs * 2, 10_000)) {
    try {
      const { fetch, clock } = host;
      return await findEndpoint(instanceId, { ...config.credentials, fetch, clock, signal });
    } catch (cause) {
      const error = asCloudError(cause);
      const text = `cannot find the zone of this instance (give it with --zone): ${error.message}`;
      const ends = patience.endsWith(error, host.clock.nowMs());
      const final = ends || config.mode !== "watchdog";
      log.write(final ? "critical" : "warning", "no-zone", text);
      if (final) return null;
      await host.clock.sleep(waitMs, signal);
    }
  }
  return null;
}
