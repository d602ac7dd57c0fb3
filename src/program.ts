// One run of the program: from the arguments to the exit code, with the machine and the cloud handed in.
import { associate } from "./associate.ts";
import { isOn, UsageError, type Values } from "./cli.ts";
import { type Config, configure, nameOf } from "./config.ts";
import { connectionFor } from "./connection.ts";
import { LINE_MAX_CHARS, MESSAGE_MAX_CHARS, plain } from "./core/plain.ts";
import { diagnose } from "./doctor/doctor.ts";
import { collect, type Collected, complete, type Gathered } from "./config/gather.ts";
import type { Host } from "./host.ts";
import { LOG_FORMATS } from "./host/log_format.ts";
import { findInstanceId } from "./host/metadata.ts";
import { PATIENT_MS } from "./peers/look_ups.ts";
import { PeerNames } from "./peers/peer_names.ts";
import { settleDown } from "./watch/least_privilege.ts";
import { stopWatchdog, withPidFile } from "./pid_file.ts";
import { settingLines, settingsOf } from "./config/print_config.ts";
import { printPolicy } from "./print_policy.ts";
import { redactedLog, Redaction, secretsOf } from "./log/redaction.ts";
import { askStatus } from "./status/ask_status.ts";
import { trusting } from "./trust.ts";
import { describe, usage } from "./usage.ts";
import { commit, VERSION } from "./version.ts";
import { ReloadRequests, watch, type WatchModeOptions } from "./watch/watch_mode.ts";

/** Runs once; never throws. */
export async function runProgram(argv: readonly string[], host: Host): Promise<number> {
  let collected: Collected;
  try {
    collected = collect(argv, host);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complain(host, error.message);
    complain(host, "-h lists the options");
    return 2;
  }
  const { values } = collected;
  const asked = (command: string) => isOn(values.given.get(command));
  if (asked("h")) return say(host, usage().trimEnd());
  if (asked("version")) return say(host, `exoip ${VERSION} (commit ${commit()})`);
  // A file with a mistake must not keep anybody from asking the watchdog that runs with an older one.
  for (const problem of asked("stop") || asked("status") ? collected.problems : []) {
    complain(host, problem);
  }
  if (asked("stop")) return await stopWatchdog(values, host);
  if (asked("status")) return await askStatus(values, host);
  if (asked("print-iam-policy")) return printPolicy(values, host);
  const gathered = await complete(collected, host);
  const configured = configure(values, gathered.findings);
  const wrong = "problems" in configured ? configured.problems : [];
  const problems = [...gathered.problems, ...wrong];
  if (asked("print-config")) return await printConfig(gathered, { problems, host });
  if ("problems" in configured || problems.length > 0) {
    return await fail(problems, { host, given: values.given });
  }
  if (asked("doctor")) {
    for (const text of [...warningsOf(values), ...gathered.warnings]) complain(host, text);
    try {
      const trusted = trusting(configured, host);
      return await diagnose(configured, { host: trusted, json: asked("json") });
    } catch (error) {
      return await fail([messageOf(error)], { host, given: values.given });
    }
  }
  return await withPidFile(configured, {
    pidFiles: host.pidFiles,
    run: () => runConfigured(configured, { argv, gathered, host }),
    refuse: (problem) => fail([problem], { host, given: values.given }),
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : `${error}`;
}

function say(host: Host, text: string): number {
  host.print("out", text);
  return 0;
}

/** What it quotes may come from a file or a server, and goes to a terminal. */
function complain(host: Host, text: string): void {
  host.print("err", `exoip: ${plain(text, MESSAGE_MAX_CHARS)}`);
}

/** What is in force, as far as it can be known, and what is wrong with it. */
async function printConfig(
  gathered: Gathered,
  { problems, host }: { problems: readonly string[]; host: Host },
): Promise<number> {
  let instanceId: string | null = null;
  const unknown: string[] = [];
  if (!gathered.values.given.has("i")) {
    try {
      instanceId = await findInstanceId(host.machine);
    } catch (error) {
      unknown.push(messageOf(error));
    }
  }
  for (const line of settingLines(settingsOf(gathered, instanceId))) {
    host.print("out", plain(line, LINE_MAX_CHARS));
  }
  const wrong = [...problems, ...unknown];
  const { values, warnings } = gathered;
  for (const line of [...wrong, ...warningsOf(values), ...warnings]) {
    complain(host, line);
  }
  return wrong.length > 0 ? 1 : 0;
}

/** To standard error for the person, and to the log for a boot that nobody watches. */
async function fail(
  problems: readonly string[],
  { host, given }: { host: Host; given: Values["given"] },
): Promise<number> {
  // What is wrong may be the format itself.
  const wanted = isOn(given.get("O")) ? "text" : given.get("log-format")?.text;
  const format = LOG_FORMATS.find((each) => each === wanted) ?? null;
  const log = host.openLog({ stdout: false, format });
  // The journal has standard error, too.
  if (log.format !== "journald") {
    for (const problem of problems) complain(host, problem);
  }
  if (log.kind === "syslog" || log.format !== "text") {
    for (const problem of problems) log.write("critical", "configuration", problem);
    await log.flush();
  }
  return 1;
}

async function runConfigured(
  config: Config,
  { argv, gathered, host: plainHost }: { argv: readonly string[]; gathered: Gathered; host: Host },
): Promise<number> {
  const { given } = gathered.values;
  let host = plainHost;
  let instanceId: string;
  try {
    host = trusting(config, plainHost);
    instanceId = config.instanceId ?? await findInstanceId(host.machine);
  } catch (error) {
    return await fail([messageOf(error)], { host, given });
  }
  const warnings = warningsOf(gathered.values);
  const description = config.verbose ? describe(config, instanceId) : [];
  const printAll = () =>
    description.forEach((line) => host.print("out", plain(line, MESSAGE_MAX_CHARS)));
  if (config.checkOnly) {
    printAll();
    for (const warning of [...warnings, ...gathered.warnings]) {
      complain(host, warning);
    }
    return await checkNames(config, { host, given });
  }
  const { stdout, logFormat: format, logLevel: level } = config;
  const redaction = new Redaction(secretsOf(config));
  const log = redactedLog(host.openLog({ stdout, format, level }), redaction);
  // Lines of a format are the only ones on standard output.
  if (log.format === "text") printAll();
  if (log.kind === "syslog" || log.format !== "text") {
    for (const line of description) log.write("info", "configuration", line);
  }
  for (const warning of warnings) log.write("warning", "command-line", warning);
  for (const warning of gathered.warnings) log.write("warning", "configuration", warning);
  const code = await runMode(config, {
    ...{ instanceId, host, log, argv, gathered, redaction },
  });
  await Promise.all([log.flush(), host.supervisor?.flush()]);
  return code;
}

/** `-n`: what the names of `-p` stand for; valid if each of them can be used. */
async function checkNames(
  config: Config,
  { host, given }: { host: Host; given: Values["given"] },
): Promise<number> {
  const { peers, listen: { hostname } } = config;
  const log = { write() {} };
  const names = new PeerNames(peers.kind === "static" ? peers.addresses : [], {
    ...{ host, hostname, log },
  });
  await names.start(new AbortController().signal, PATIENT_MS);
  const wrong: string[] = [];
  for (const { usable, text } of names.describe()) {
    if (usable) say(host, `exoip: peer ${plain(text, MESSAGE_MAX_CHARS)}`);
    else wrong.push(`${nameOf("p")}: ${text}`);
  }
  if (wrong.length > 0) return await fail(wrong, { host, given });
  return say(host, "exoip: the configuration is valid");
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
  options: Omit<WatchModeOptions, "configured" | "connect" | "access" | "requests" | "signal">,
): Promise<number> {
  const { host, log } = options;
  const stopping = new AbortController();
  const requests = new ReloadRequests();
  host.signals.listen((name) => {
    // Who does one thing has nothing to read again: a terminal has been closed.
    if (name === "stop" || (name === "reload" && config.mode !== "watchdog")) stopping.abort();
    else if (name === "reload") requests.ask();
  });
  const { signal } = stopping;
  const access = { credentials: config.credentials, peers: config.peers };
  const connection = await connectionFor(config, { ...options, access, signal });
  if (signal.aborted) return config.mode === "watchdog" ? 0 : 1;
  if (connection === null) return 1;
  const { connect, addresses } = connection;
  if (config.mode === "watchdog") {
    return await watch({ ...config, addresses }, {
      ...options,
      configured: config,
      connect,
      access,
      requests,
      signal,
    });
  }
  settleDown(config, { host, log, gathered: options.gathered });
  const elasticIp = addresses[0]?.elasticIp ?? "";
  const cloud = connect(elasticIp, () => {});
  return await associate(config.mode, { cloud, clock: host.clock, log, signal, elasticIp });
}
