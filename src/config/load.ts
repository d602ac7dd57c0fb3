// Loads all settings: flags, the file of variables, the environment, the configuration file, and what files and the
// `exo` CLI add. Runs at the start, and again at each reload.
import { readValues, type Values } from "../options/parse.ts";
import { messageOf } from "../core/message_of.ts";
import { parseConfigFile } from "./config_file.ts";
import { type Config, configure, type ExternalInputs, nameOf } from "./config.ts";
import { parseEnvFile, PROBLEMS_MAX } from "./env_file.ts";
import type { Host } from "../host/host.ts";
import { isSecret, OPTIONS } from "../options/all.ts";
import { CONFIGURES, doubtsOf } from "./file_doubts.ts";
import { meantVariable, misspelt, unknownVariables } from "./unknown_variables.ts";
import { findValues } from "./sources.ts";
import type { Environment } from "../world.ts";
import { SECRET_VARIABLE } from "../options/security.ts";

/** What loading needs of the machine. */
export type Source = Pick<Host, "env" | "os" | "readTextFile" | "fileAccess" | "machine">;

/** All settings. */
export interface Loaded extends Collected {
  readonly inputs: ExternalInputs;
}

/** All settings except those from other programs, which take time. */
export interface Collected {
  readonly values: Values;
  /** The environment with the file of variables. */
  readonly env: Environment;
  /** Unreadable files, and problems in the readable ones. */
  readonly problems: readonly string[];
  /** Settings that are allowed but probably not wanted. */
  readonly warnings: readonly string[];
  /** Whether the files that have options could be read; otherwise a missing option proves nothing. */
  readonly readable: boolean;
  /** The variables in the file of variables, empty without one. */
  readonly fileVariables: Environment;
}

/** Loads all settings. Rejects with a `UsageError` if no configuration could mean them; see `collect` for `atStart`. */
export async function load(
  argv: readonly string[],
  host: Source,
  atStart: Environment = {},
): Promise<Loaded> {
  return await complete(await collect(argv, host, atStart), host);
}

/** Whether the start read anything besides arguments and environment. */
export function readsFiles({ values: { given }, inputs }: Loaded): boolean {
  const files = OPTIONS.filter(({ name, value }) => value === "FILE" && name !== "pid-file");
  const { account, sharedSecret } = inputs;
  const credential = sharedSecret !== undefined && sharedSecret.source !== SECRET_VARIABLE;
  return account !== undefined || credential || files.some(({ name }) => given.has(name));
}

/**
 * Reads the sources given at the start again: a configuration, or all its problems. Never rejects, and does not wait
 * for a file that hangs.
 */
export async function readAgain(
  argv: readonly string[],
  host: Source & Pick<Host, "rereadTextFile">,
  { fileVariables }: Pick<Loaded, "fileVariables">,
): Promise<{ config: Config; warnings: readonly string[] } | { problems: readonly string[] }> {
  try {
    // A pipe does not repeat what it delivered at the start.
    const { rereadTextFile: readTextFile = host.readTextFile } = host;
    const loaded = await load(argv, { ...host, readTextFile }, fileVariables);
    const config = configure(loaded.values, loaded.inputs);
    const problems = [...loaded.problems, ...("problems" in config ? config.problems : [])];
    if ("problems" in config || problems.length > 0) return { problems };
    return { config, warnings: loaded.warnings };
  } catch (error) {
    return { problems: [messageOf(error)] };
  }
}

/** Adds the secret file and the values of the `exo` CLI. */
export async function complete(collected: Collected, host: Source): Promise<Loaded> {
  const { values, env, problems, warnings } = collected;
  const [inputs, unreadable, doubts] = await findValues(values, { ...host, env });
  return {
    ...collected,
    inputs,
    problems: [...problems, ...unreadable],
    warnings: [...warnings, ...doubts],
  };
}

/**
 * Reads flags, environment and our own files. Rejects with a `UsageError` if no configuration could mean them. At a
 * reload, `atStart` is the content of the file of variables at the start: systemd has put it into our environment as
 * well, where a line would outlive its removal.
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
    // systemd puts the same file into our environment, too.
    if (fileVariables[name] === undefined) {
      warnings.push(`unknown variable ${name}${meantVariable(name)}`);
    }
  }
  const { given: flags, ...stray } = readValues(argv, env);
  const given = new Map(flags), refused = new Set<string>();
  if (file) given.set("env-file", file);
  const config = given.get("config");
  for (const [name, value] of config ? await readConfig(config.text) : []) {
    if (!given.has(name)) given.set(name, value);
  }
  return { values: { ...stray, given, refused }, env, problems, warnings, readable, fileVariables };

  async function readVariables(path: string): Promise<Environment> {
    const text = await read("env-file", path);
    if (text === null) return {};
    const { variables, problems: wrong } = parseEnvFile(text);
    problems.push(...wrong.map((problem) => `${path}, ${problem}`));
    const secrets = OPTIONS.filter(({ name }) => isSecret(name)).flatMap((each) => each.variables);
    // A misspelt variable would silently leave its option at the default.
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
    const { given: found, refused: useless, problems: wrong } = parseConfigFile(text, path);
    problems.push(...wrong);
    for (const name of useless) refused.add(name);
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
