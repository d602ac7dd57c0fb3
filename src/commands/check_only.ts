// -n: checks whether this configuration could run, as far as this machine can tell without the network. Exits with 1
// for any problem that would also end the start; problems that the watchdog starts with anyway are warnings.
import { type Config, nameOf } from "../config/config.ts";
import { doubtfulOptions } from "../config/doubtful.ts";
import type { Loaded } from "../config/load.ts";
import { messageOf } from "../core/message_of.ts";
import { MESSAGE_MAX_CHARS, plain } from "../core/plain.ts";
import { findProgram } from "../host/find_program.ts";
import type { Host } from "../host/host.ts";
import { interfaceProblem } from "../host/ip_command.ts";
import { findInstanceId } from "../host/metadata.ts";
import { PATIENT_MS } from "../peers/look_ups.ts";
import { PeerNames } from "../peers/peer_names.ts";
import { complain, fail, say, warningsOf } from "./complaints.ts";
import { describe } from "./usage.ts";

/** Prints what would run, and whether it could. Resolves to the exit code. */
export async function checkConfigured(
  config: Config,
  { loaded, host }: { loaded: Loaded; host: Host },
): Promise<number> {
  const { values, warnings } = loaded;
  const wrong: string[] = [];
  const instanceId = config.instanceId ?? await findInstanceId(host.machine).catch((error) => {
    wrong.push(messageOf(error));
    return null;
  });
  for (const line of config.verbose && instanceId !== null ? describe(config, instanceId) : []) {
    host.print("out", plain(line, MESSAGE_MAX_CHARS));
  }
  const doubts = [...doubtfulOptions(config, values), ...await missingPrograms(config, host)];
  for (const warning of [...warningsOf(values), ...warnings, ...doubts]) complain(host, warning);
  wrong.push(...await checkNames(config, host), ...await checkInterface(config, host));
  if (wrong.length > 0) return await fail(wrong, { host, given: values.given });
  return say(host, "exoip: syntax valid; run --doctor to check the rest");
}

/** Prints the addresses behind the names of `-p`. Resolves to their problems. */
async function checkNames({ peers, listen: { hostname } }: Config, host: Host): Promise<string[]> {
  const addresses = peers.kind === "static" ? peers.addresses : [];
  const names = new PeerNames(addresses, { host, hostname, log: { write() {} } });
  const { addresses: left, missing } = await names.start(new AbortController().signal, PATIENT_MS);
  const wrong: string[] = [];
  for (const { usable, text } of names.describe()) {
    if (usable) say(host, `exoip: peer ${plain(text, MESSAGE_MAX_CHARS)}`);
    else wrong.push(`${nameOf("p")}: ${text}`);
  }
  if (addresses.length > 0 && wrong.length === 0 && left.length === 0 && missing.length === 0) {
    complain(host, `${nameOf("p")}: names this machine alone, so no peer is left`);
  }
  return wrong;
}

/** Why the start could not put the Elastic IP on the interface of --address-on. */
async function checkInterface({ addressOn }: Config, host: Host): Promise<string[]> {
  if (addressOn === null) return [];
  const problem = await interfaceProblem(addressOn, { host, names: namesOf(host) });
  return problem === null ? [] : [`${nameOf("address-on")}: ${addressOn}: ${problem}`];
}

function namesOf({ interfaces }: Pick<Host, "interfaces">): string {
  try {
    return [...new Set(interfaces().map(({ name }) => name))].join(", ") || "none";
  } catch {
    return "lo";
  }
}

/** The configured programs, each with the first option that names it. */
export function programsOf(
  { notify, checks }: Pick<Config, "notify" | "checks">,
): [program: string, option: "notify" | "check"][] {
  const wanted = new Map<string, "notify" | "check">();
  const want = ([program = ""]: readonly string[], option: "notify" | "check") => {
    if (!wanted.has(program)) wanted.set(program, option);
  };
  if (notify) want(notify, "notify");
  for (const check of checks) if (check.kind === "exec") want(check.words, "check");
  return [...wanted];
}

/** Programs that are missing or not executable; the watchdog starts without them. */
async function missingPrograms(config: Config, host: Host): Promise<string[]> {
  // Windows appends extensions to names, and has no execute permission to check.
  if (host.os === "windows") return [];
  const looks = programsOf(config).map(async ([program, option]) => {
    const found = await findProgram(program, host);
    return "problem" in found ? [`${nameOf(option)}: ${found.problem}`] : [];
  });
  return (await Promise.all(looks)).flat();
}
