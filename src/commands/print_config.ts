// --print-config: each setting, its value and its source, as a file that --config can read.
import { shownCheck, shownCommand } from "../checks/spec.ts";
import { type Given, isOn } from "../options/parse.ts";
import { keysOf } from "../config/config_file.ts";
import { lends } from "../config/cloud.ts";
import { withoutPassword } from "../log/password.ts";
import type { Loaded } from "../config/load.ts";
import { parseKeyFile } from "../config/key_file.ts";
import { flagOf, isSecret, type Option, OPTIONS } from "../options/all.ts";

/** One setting in force. */
export interface Setting {
  readonly option: Option;
  /** As it would be written, masked if it is a secret; a value that is found out later is described. */
  readonly text: string;
  /** Flag, variable, file, account or `default`. */
  readonly source: string;
  /** Whether the text is the value itself. */
  readonly literal: boolean;
}

const ACCOUNT = "account of the exo CLI";

/** The visible part of a key. */
export function masked(apiKey: string): string {
  return `${apiKey.slice(0, 4)}...`;
}

/** Every setting in force, in the order of the option table; `instanceId` comes from the machine. */
export function settingsOf(loaded: Loaded, instanceId: string | null): Setting[] {
  const settings = OPTIONS.map((option) => settingOf(option, loaded, instanceId));
  return settings.filter((setting) => setting !== null);
}

function settingOf(option: Option, loaded: Loaded, instanceId: string | null): Setting | null {
  const { name, variables, fallback } = option;
  const { values: { given }, inputs: { secretFile, account } } = loaded;
  const own = given.get(name);
  const hidden = (source: string) => ({ option, text: "****", source, literal: false });
  const file = given.get("api-secret-file");
  const lent = lends({ given }) && secretFile === undefined;
  if (lent && name === "xs" && (account?.secret || account?.unasked)) {
    return hidden(account.unasked ? `${ACCOUNT}, by its secretCommand` : ACCOUNT);
  }
  if (lent && name === "xk" && account?.apiKey) {
    return { option, text: masked(account.apiKey), source: ACCOUNT, literal: false };
  }
  if (secretFile !== undefined && file) {
    const source = `file ${file.text}`;
    if (name === "xs") return hidden(source);
    const apiKey = keyIn(secretFile);
    if (name === "xk" && apiKey) return { option, text: masked(apiKey), source, literal: false };
  }
  if (own && isSecret(name)) return hidden(sourceOf(own.source, loaded));
  if (own && name === "xk") {
    return {
      option,
      text: masked(own.text),
      source: sourceOf(own.source, loaded),
      literal: false,
    };
  }
  // One-shot options have no variable: they show if they were given.
  const shows = variables.length > 0 || ["W", "A", "D", "O", "v"].includes(name);
  if (!shows || (variables.length === 0 && !isOn(own))) return null;
  if (own && name === "check") {
    const texts = own.texts.map((text) => text.trim()), shown = texts.map(shownCheck);
    const literal = texts.every((text, index) => text === shown[index]);
    return { option, text: shown.join("\n"), source: sourceOf(own.source, loaded), literal };
  }
  if (own) {
    const text = name === "notify" ? shownCommand(own.text) : withoutPassword(own.text);
    const literal = text === own.text && variables.length > 0 &&
      !["config", "env-file"].includes(name);
    return { option, text, source: sourceOf(own.source, loaded), literal };
  }
  const implied = impliedBy(name, given);
  if (implied) return { option, ...implied, literal: true };
  if (name === "zone" && account?.zone) {
    const source = `${ACCOUNT}, unless the metadata service tells`;
    return { option, text: account.zone, source, literal: false };
  }
  if (name === "i" && instanceId !== null) {
    return { option, text: instanceId, source: "this machine", literal: false };
  }
  const text = option.kind === "switch" ? fallback || "false" : fallback;
  if (text === "") return null;
  return { option, text, source: "default", literal: !/ /.test(fallback) };
}

/** The value that follows from another option; null if none decides it. */
function impliedBy(
  name: string,
  given: ReadonlyMap<string, Given>,
): { text: string; source: string } | null {
  const lease = given.get("lease"), heartbeats = given.get("heartbeats");
  if (name === "exclusive" && lease) return { text: "true", source: `with ${lease.source}` };
  const withoutHeartbeats = lease && heartbeats?.text === "none";
  return name === "lease-failsafe" && withoutHeartbeats
    ? { text: "false", source: `with ${heartbeats.source}` }
    : null;
}

/** The key in the secret's file, which overrides any other; null without one. */
function keyIn(secretFile: string): string | null {
  try {
    return parseKeyFile(secretFile).apiKey ?? null;
  } catch {
    return null;
  }
}

/** The source; for a variable from the file of variables, with the file's path. */
function sourceOf(source: string, { fileVariables, values: { given } }: Loaded): string {
  const inFile = fileVariables[source] !== undefined;
  return inFile ? `${source} in ${given.get("env-file")?.text}` : source;
}

/** The settings as TOML, each followed by its source; hidden or unknown values are comments. */
export function settingLines(settings: readonly Setting[]): string[] {
  const starts = settings.map(({ option, text, literal }) => {
    const key = keysOf(option).at(-1) ?? option.name;
    if (literal) return `${key} = ${toml(option, text)}`;
    return option.variables.length === 0 ? `# ${flagOf(option)}` : `# ${key} = ${text}`;
  });
  const width = Math.min(48, Math.max(...starts.map(({ length }) => length)));
  return settings.map(({ source }, index) => `${starts[index]?.padEnd(width)}  # ${source}`);
}

function toml({ kind }: Option, text: string): string {
  if (kind === "switch") return `${isOn({ text })}`;
  if (kind === "integer") return `${Number(text)}`;
  if (kind === "many") return JSON.stringify(text.split("\n"));
  return kind === "duration" && /^\d+(\.\d+)?$/.test(text)
    ? `${Number(text)}`
    : JSON.stringify(text);
}
