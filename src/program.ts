// One run of the program, from the arguments to the exit code; the caller provides machine and cloud.
import { flagOf } from "./options/all.ts";
import { isOn, readValues, UsageError } from "./options/parse.ts";
import { complain, fail, say, warningsOf } from "./commands/complaints.ts";
import { BARE, help, styleFor, topicOf } from "./commands/help.ts";
import { configure } from "./config/config.ts";
import { doubtfulOptions } from "./config/doubtful.ts";
import { collect, type Collected, complete, type Loaded } from "./config/load.ts";
import { settingLines, settingsOf } from "./commands/print_config.ts";
import { messageOf } from "./core/message_of.ts";
import { LINE_MAX_CHARS, plain } from "./core/plain.ts";
import { diagnose } from "./doctor/doctor.ts";
import { runDrill } from "./drill/command.ts";
import { handsHere } from "./drill/here.ts";
import type { Host } from "./host/host.ts";
import { findInstanceId } from "./host/metadata.ts";
import { runConfigured } from "./commands/run_mode.ts";
import { askedMoves, moveByWord } from "./commands/move.ts";
import { stopWatchdog, withPidFile } from "./commands/stop.ts";
import { printPolicy } from "./commands/print_iam_policy.ts";
import { askHistory } from "./commands/history.ts";
import { askStatus } from "./commands/status.ts";
import { endOf, unlessStopped } from "./startup/early_signals.ts";
import { withExtraAuthorities } from "./startup/with_extra_authorities.ts";
import { commit, VERSION } from "./version.ts";

/** Longest wait at the end for a mode's output; a command waits until its output is read. */
const PRINTED_MS = 500;
/** Exit codes of a command that a signal has ended, by the shell's convention. */
const INTERRUPTED = 130, HUNG_UP = 129;

/** Runs once; never throws. */
export async function runProgram(argv: readonly string[], host: Host): Promise<number> {
  const watches = asksToWatch(argv, host.env);
  const signal = endOf(host.signals, { watches });
  let begun = false;
  // Before a mode begins, nothing needs to be undone.
  const early = unlessStopped(new Promise<never>(() => {}), signal).then(() =>
    begun ? new Promise<never>(() => {}) : null
  );
  const begin = () => begun = !signal.aborted;
  const code = await Promise.race([early, runCommand(argv, { host, signal, begin })]);
  const problem = begun
    ? (await host.printed(PRINTED_MS), null)
    : await unlessStopped(host.printed(Infinity), signal);
  if (code === null || (!begun && signal.aborted)) {
    return watches ? 0 : signal.reason === "reload" ? HUNG_UP : INTERRUPTED;
  }
  if (problem === null) return code;
  complain(host, `cannot write to standard output: ${problem}`);
  await host.printed(PRINTED_MS);
  return code || 1;
}

/** Commands that take precedence over the mode. */
const COMMANDS = ("h version stop status history demote promote drain undrain print-iam-policy " +
  "print-config doctor drill n").split(" ");

/** Commands of which one run can carry out only one. */
const ONE_OF = COMMANDS.filter((name) => !["h", "version"].includes(name));

function asksToWatch(argv: readonly string[], env: Host["env"]): boolean {
  try {
    const { given } = readValues(argv, env);
    return isOn(given.get("W")) && !COMMANDS.some((command) => isOn(given.get(command)));
  } catch {
    return false;
  }
}

/** What one run uses. */
interface Run {
  readonly host: Host;
  /** Aborted once the process is told to end. */
  readonly signal: AbortSignal;
  /** From now on the running mode reacts to a stop itself; false when the stop has already come. */
  readonly begin: () => boolean;
}

async function runCommand(
  argv: readonly string[],
  { host, signal, begin }: Run,
): Promise<number | null> {
  let collected: Collected;
  try {
    collected = await collect(argv, host);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complain(host, error.message);
    complain(host, "-h lists the options");
    // A wrong call of a monitoring plugin is UNKNOWN; exit code 2 would raise an alarm.
    return argv.some((text) => /^--?status$/.test(text)) ? 3 : 2;
  }
  const { values } = collected;
  const asked = (command: string) => isOn(values.given.get(command));
  if (asked("h")) return printHelp(values.ignored[0], host);
  if (asked("version")) return say(host, `exoip ${VERSION} (commit ${commit()})`);
  const commands = ONE_OF.filter(asked).map((name) => flagOf({ name, origin: "addition" }));
  if (commands.length > 1) {
    complain(host, `${commands[0]} excludes ${commands.slice(1).join(" and ")}: give one of them`);
    return asked("status") ? 3 : 2;
  }
  // A mistake in a file must not keep an operator from asking the watchdog that runs with an older version of it.
  const moves = askedMoves(values);
  const asks = asked("stop") || asked("status") || asked("history") || moves.length > 0;
  for (const problem of asks ? collected.problems : []) {
    complain(host, problem);
  }
  if (asked("stop")) return await stopWatchdog(values, host);
  if (asked("status")) {
    if (asked("watch") && !begin()) return null;
    return await askStatus(values, host);
  }
  if (asked("history")) return await askHistory(values, host);
  if (moves.length > 0) return await moveByWord(values, { ...host, signal });
  if (asked("print-iam-policy")) return printPolicy(values, host);
  if (argv.length === 0) {
    const [problem, ...hints] = BARE;
    const code = await fail([problem], { host, given: values.given });
    for (const hint of hints) host.print("err", hint);
    return code;
  }
  const loaded = await complete(collected, host);
  const configured = configure(values, loaded.inputs);
  const wrong = "problems" in configured && loaded.readable ? configured.problems : [];
  const problems = [...loaded.problems, ...wrong];
  if (asked("print-config")) return await printConfig(loaded, { problems, host });
  if ("problems" in configured || problems.length > 0) {
    const code = await fail(problems, { host, given: values.given });
    // A misspelt variable may be why something is missing.
    for (const warning of loaded.warnings) complain(host, warning);
    return code;
  }
  if (asked("doctor")) {
    const doubts = doubtfulOptions(configured, values);
    for (const text of [...warningsOf(values), ...loaded.warnings, ...doubts]) complain(host, text);
    try {
      const trusted = withExtraAuthorities(configured, host);
      return await diagnose(configured, { host: trusted, json: asked("json"), signal });
    } catch (error) {
      return await fail([messageOf(error)], { host, given: values.given });
    }
  }
  if (asked("drill")) {
    // From now on a stop brings the address back first.
    if (!begin()) return null;
    const { elasticIps: [only, ...more] } = configured;
    const elasticIp = more.length === 0 ? only?.elasticIp ?? null : null;
    const here = handsHere(configured, host);
    try {
      const trusted = withExtraAuthorities(configured, host);
      const json = asked("json");
      return await runDrill(configured, { host: trusted, json, elasticIp, here, signal });
    } catch (error) {
      return await fail([messageOf(error)], { host, given: values.given });
    }
  }
  if (!configured.checkOnly && !begin()) return null;
  return await withPidFile(configured, {
    pidFiles: host.pidFiles,
    run: () => runConfigured(configured, { argv, loaded, host, signal }),
    refuse: (problem) => fail([problem], { host, given: values.given }),
  });
}

/** `-h`, and the word behind it. */
function printHelp(word: string | undefined, host: Host): number {
  const found = topicOf(word);
  if ("topic" in found) return say(host, help(found.topic, styleFor(host)).trimEnd());
  complain(host, found.problem);
  return 2;
}

/** The settings in force, as far as known, and their problems. */
async function printConfig(
  loaded: Loaded,
  { problems, host }: { problems: readonly string[]; host: Host },
): Promise<number> {
  let instanceId: string | null = null;
  const unknown: string[] = [];
  if (!loaded.values.given.has("i")) {
    try {
      instanceId = await findInstanceId(host.machine);
    } catch (error) {
      unknown.push(messageOf(error));
    }
  }
  for (const line of settingLines(settingsOf(loaded, instanceId))) {
    host.print("out", plain(line, LINE_MAX_CHARS));
  }
  const wrong = [...problems, ...unknown];
  const { values, warnings } = loaded;
  for (const line of [...wrong, ...warningsOf(values), ...warnings]) {
    complain(host, line);
  }
  return wrong.length > 0 ? 1 : 0;
}
