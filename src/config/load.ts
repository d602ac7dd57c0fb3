// Everything that was given, from wherever: flags, the file of variables, the environment, the configuration file, and
// what files and the `exo` CLI add. Done at the start, and again at each reload.
import { readValues, type Values } from "../options/parse.ts";
import { messageOf } from "../core/message_of.ts";
import { parseConfigFile } from "./config_file.ts";
import { type Config, configure, type Findings, nameOf } from "./config.ts";
import { parseEnvFile, PROBLEMS_MAX } from "./env_file.ts";
import type { Host } from "../host/host.ts";
import { isSecret, OPTIONS } from "../options/all.ts";
import { CONFIGURES, doubtsOf } from "./file_doubts.ts";
import { meantVariable, misspelt, unknownVariables } from "./unknown_variables.ts";
import { findValues } from "./sources.ts";
import type { Environment } from "../world.ts";
import { SECRET_VARIABLE } from "../options/security.ts";

/** What gathering needs of the machine. */
export type Source = Pick<Host, "env" | "os" | "readTextFile" | "fileAccess" | "machine">;

/** All that was given. */
export interface Loaded extends Collected {
  readonly findings: Findings;
}

/** The same without what other programs know, which costs time. */
export interface Collected {
  readonly values: Values;
  /** The environment with the file of variables. */
  readonly env: Environment;
  /** Files that could not be read, and what is wrong in them. */
  readonly problems: readonly string[];
  /** What is allowed and yet not what one wants. */
  readonly warnings: readonly string[];
  /** Whether the files that have options could be read; otherwise a missing option proves nothing. */
  readonly readable: boolean;
  /** What the file of variables has, empty without one. */
  readonly fileVariables: Environment;
}

/** Gathers. Rejects with a `UsageError` for what no configuration could mean; see `collect` for `atStart`. */
export async function load(
  argv: readonly string[],
  host: Source,
  atStart: Environment = {},
): Promise<Loaded> {
  return await complete(await collect(argv, host, atStart), host);
}

/** Whether anything but arguments and environment was read at the start. */
export function readsFiles({ values: { given }, findings }: Loaded): boolean {
  const files = OPTIONS.filter(({ name, value }) => value === "FILE" && name !== "pid-file");
  const { account, sharedSecret } = findings;
  const credential = sharedSecret !== undefined && sharedSecret.source !== SECRET_VARIABLE;
  return account !== undefined || credential || files.some(({ name }) => given.has(name));
}

/**
 * Reads what was given at the start as it is now: a configuration, or all that is wrong with it. Never rejects, and no
 * file that hangs is waited for.
 */
export async function readAgain(
  argv: readonly string[],
  host: Source & Pick<Host, "rereadTextFile">,
  { fileVariables }: Pick<Loaded, "fileVariables">,
): Promise<{ config: Config; warnings: readonly string[] } | { problems: readonly string[] }> {
  try {
    // What a pipe has said at the start it does not say again.
    const { rereadTextFile: readTextFile = host.readTextFile } = host;
    const loaded = await load(argv, { ...host, readTextFile }, fileVariables);
    const config = configure(loaded.values, loaded.findings);
    const problems = [...loaded.problems, ...("problems" in config ? config.problems : [])];
    if ("problems" in config || problems.length > 0) return { problems };
    return { config, warnings: loaded.warnings };
  } catch (error) {
    return { problems: [messageOf(error)] };
  }
}

/** Adds what the secret file and the `exo` CLI know. */
export async function complete(collected: Collected, host: Source): Promise<Loaded> {
  const { values, env, problems, warnings } = collected;
  const [findings, unreadable, doubts] = await findValues(values, { ...host, env });
  return {
    ...collected,
    findings,
    problems: [...problems, ...unreadable],
    warnings: [...warnings, ...doubts],
  };
}

/**
 * Reads flags, environment and files of ours. Rejects with a `UsageError` for what no configuration could mean. At a
 * reload, `atStart` is what the file of variables had at the start: systemd has put that into our environment as well,
 * where it would outlive its line.
 */
export async function collect(
  argv: readonly string[],
  host: Source,
  atStart: Environment = {},
): Promise<Collected> {
  const problems: string[] = [], warnings: string[] = [];
  let readable = true;
  const inherited = Object.entries(host.env).filter(([name, value]) => atStart[name] !== value);
  const file = readValues(argv, { IF_ENV_FILE: host.env.IF_ENV_FILE }).given.get("env-file");
  const fileVariables = file ? await readVariables(file.text) : {};
  const env = { ...Object.fromEntries(inherited), ...fileVariables };
  for (const name of misspelt(Object.fromEntries(inherited))) {
    // systemd reads the same file into our environment, too.
    if (fileVariables[name] === undefined) {
      warnings.push(`unknown variable ${name}${meantVariable(name)}`);
    }
  }
  const { given: flags, ignored } = readValues(argv, env);
  const given = new Map(flags);
  if (file) given.set("env-file", file);
  const config = given.get("config");
  for (const [name, value] of config ? await readConfig(config.text) : []) {
    if (!given.has(name)) given.set(name, value);
  }
  return { values: { given, ignored }, env, problems, warnings, readable, fileVariables };

  async function readVariables(path: string): Promise<Environment> {
    const text = await read("env-file", path);
    if (text === null) return {};
    const { variables, problems: wrong } = parseEnvFile(text);
    problems.push(...wrong.map((problem) => `${path}, ${problem}`));
    const secrets = OPTIONS.filter(({ name }) => isSecret(name)).flatMap((each) => each.variables);
    // A misspelt one would leave what it was meant for at its default, in silence.
    const strange = unknownVariables(variables);
    const some = strange.slice(0, PROBLEMS_MAX).map((name) => `${name}${meantVariable(name)}`);
    const more = strange.length > some.length ? " and others" : "";
    const what = strange.length === 1 ? "unknown variable" : "unknown variables";
    if (some.length > 0) warnings.push(`${path}: ${what} ${some.join(", ")}${more}`);
    const secret = [...secrets, SECRET_VARIABLE].some((name) => variables[name]);
    warnings.push(...await doubtsOf(path, { secret, use: CONFIGURES }, host));
    return variables;
  }

  async function readConfig(path: string) {
    const text = await read("config", path);
    if (text === null) return [];
    const { given: found, problems: wrong } = parseConfigFile(text, path);
    problems.push(...wrong);
    const secret = [...found.keys()].some(isSecret);
    warnings.push(...await doubtsOf(path, { secret, use: CONFIGURES }, host));
    return found;
  }

  async function read(option: string, path: string): Promise<string | null> {
    try {
      return await host.readTextFile(path);
    } catch (error) {
      readable = false;
      const reason = messageOf(error);
      problems.push(`${nameOf(option)}: cannot read ${path}: ${reason}`);
      return null;
    }
  }
}
