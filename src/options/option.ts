// How an option is declared: once, with everything that parser, help, man page, completions, files, configuration and
// reload need. `Config` is derived from the declarations (see src/config/config.ts).
import { didYouMean } from "./did_you_mean.ts";

/** The form of a value. A `list` and a `many` can have several values; one flag of a `list` can give more than one. */
export type OptionKind = "switch" | "text" | "list" | "many" | "integer" | "duration";

/** Groups of options. The key is the word after `-h`. */
export const GROUPS = {
  start: { title: "Start here", about: "what to do, and the options that every node needs" },
  peers: { title: "Peers", about: "who belongs together, and how the nodes reach each other" },
  cloud: { title: "Cloud", about: "key, endpoint, zone and identity of this instance" },
  timing: { title: "Timing", about: "how fast nodes notice, take over and hand over" },
  lease: { title: "Lease", about: "at most one holder, by a lease in an etcd" },
  health: { title: "Health", about: "checks of this node, and what runs when its role changes" },
  operation: { title: "Operation", about: "move the address by a word, for maintenance" },
  status: { title: "Status", about: "what you see of a running watchdog: status, log, metrics" },
  security: { title: "Security", about: "signed heartbeats and certificates" },
  packaging: { title: "Packaging", about: "files, for services and configuration management" },
} as const;

/** One group. */
export type Group = keyof typeof GROUPS;

/** The parts of a running watchdog that a new value can change; see `Runtime` in src/commands/reload.ts. */
export type Part =
  | "election"
  | "checks"
  | "credentials"
  | "leaseCredentials"
  | "peers"
  | "sharedSecrets"
  | "logLevel";

/**
 * The effect of a new value at a reload: it tells a part of the watchdog, asks for a restart, or another option's
 * comparison covers it.
 */
export type Reload = Part | "restart" | "elsewhere";

/** The rights that decide whether a reload can apply a change. */
export interface Rights {
  /** The process may run programs, because the first configuration did. */
  readonly run: boolean;
}

/** Reads the given values, and notes their problems. */
export interface OptionReader {
  /** The given value, null without one. */
  value(option: string): string | null;
  /** All given values, in their order; empty without any. */
  values(option: string): readonly string[];
  /** The given value, or the default. */
  text(option: string): string;
  /** Whether the switch is on. */
  on(option: string): boolean;
  /** A duration in ms between two limits, which are written as a user would. */
  span(option: string, ends: readonly [string, string]): number;
  /** A whole number between two limits. */
  count(option: string, ends: readonly [number, number]): number;
  /** Notes a problem of an option unless it is fine. */
  need(ok: boolean, option: string, problem: string): void;
}

/** One option, without its part in the configuration. */
export interface Option {
  /** As on the command line, without dashes. The parser accepts one or two dashes, as Go does. */
  readonly name: string;
  /** The heading in the help. */
  readonly group: Group;
  /** Environment variables, highest precedence first. */
  readonly variables: readonly string[];
  readonly kind: OptionKind;
  /** Placeholder of the value in the help. */
  readonly value: string;
  /** The default as it would be written, empty when there is none. */
  readonly fallback: string;
  readonly help: string;
  /** Its second name in a configuration file, null when the first is already a word. */
  readonly alias: string | null;
  /** `original` options are those of the Go tool. */
  readonly origin: "original" | "addition";
  /** Separates several values in one variable; flags and a file's list give them one by one. */
  readonly separator: string | RegExp;
  readonly reload: Reload;
  /** Fields of the configuration that follow from it, perhaps with other options. */
  readonly keys: readonly string[];
  /** The value that a reload compares. */
  readonly of: (config: object) => unknown;
  /** Whether this change needs a restart even though the option can be reloaded. */
  readonly restartIf: (old: object, next: object, rights: Rights) => boolean;
  /** The first configuration with what a reload takes from the next one; by default the fields. */
  readonly take: (config: object, next: object) => object;
}

/** An option from which one field of the configuration follows. */
export interface FieldOption<Key extends string, Value> extends Option {
  readonly key: Key;
  readonly read: (reader: OptionReader) => Value;
  /**
   * Only the watchdog uses it, so only there its problems count, as in the original. Other modes get the value that
   * `read` makes without input.
   */
  readonly watchdogOnly: boolean;
}

/** The fields that follow from these options. */
export type FieldsOf<Options extends readonly Option[]> = {
  readonly [
    Each in Options[number] as Each extends FieldOption<infer Key, unknown> ? Key : never
  ]: Each extends FieldOption<string, infer Value> ? Value : never;
};

/** The part that every declaration has. */
interface Words {
  readonly name: string;
  readonly group: Group;
  readonly variables?: readonly string[];
  readonly value?: string;
  readonly fallback?: string;
  readonly help: string;
  readonly alias?: string;
  readonly origin?: Option["origin"];
  readonly separator?: Option["separator"];
}

interface FieldWords<Key extends string> extends Words {
  readonly key: Key;
  readonly watchdogOnly?: boolean;
  /** The effect of a reload; `restart` by default. */
  readonly reload?: Reload;
  readonly restartIf?: Option["restartIf"];
}

/** The common part of every declaration, with its defaults. */
function option(words: Words, kind: OptionKind, reload: Reload): Option {
  const { name, group, variables = [], value = "", fallback = "", help, alias = null } = words;
  const { origin = "addition", separator = "," } = words;
  const base = {
    name,
    group,
    variables,
    kind,
    value,
    fallback,
    help,
    alias,
    origin,
    separator,
    reload,
  };
  return { ...base, keys: [], of: () => null, restartIf: () => false, take: takeFields([]) };
}

/** Takes whole fields. */
function takeFields(keys: readonly string[]): Option["take"] {
  return (config, next) => {
    const news = Object.entries(next).filter(([key]) => keys.includes(key));
    return { ...config, ...Object.fromEntries(news) };
  };
}

/** An option without a field of its own: what one run is to do, or where something is read. */
export function plain(words: Words & { readonly kind?: OptionKind }): Option {
  return option(words, words.kind ?? "switch", "elsewhere");
}

function field<Key extends string, Value>(
  words: FieldWords<Key>,
  kind: OptionKind,
  read: (reader: OptionReader) => Value,
): FieldOption<Key, Value> {
  const { key, watchdogOnly = false, reload = "restart", restartIf = () => false } = words;
  const of = (config: object) => (config as Readonly<Record<string, unknown>>)[key];
  const common = { keys: [key], of, restartIf, take: takeFields([key]) };
  return { ...option(words, kind, reload), ...common, key, read, watchdogOnly };
}

/** On or off. */
export function flag<const Key extends string>(words: FieldWords<Key>): FieldOption<Key, boolean> {
  return field(words, "switch", (reader) => reader.on(words.name));
}

/** A duration in ms. */
export function duration<const Key extends string>(
  words: FieldWords<Key> & {
    readonly ends: readonly [string, string];
    /** Its value when another option decides it. */
    readonly unless?: (reader: OptionReader) => number | null;
  },
): FieldOption<Key, number> {
  const { name, ends, unless = () => null } = words;
  return field(
    { value: "TIME", ...words },
    "duration",
    (reader) => unless(reader) ?? reader.span(name, ends),
  );
}

/** A whole number. */
export function count<const Key extends string>(
  words: FieldWords<Key> & { readonly ends: readonly [number, number] },
): FieldOption<Key, number> {
  const { name, ends } = words;
  const value = ends.join("..");
  return field({ value, ...words }, "integer", (reader) => reader.count(name, ends));
}

/** One of several words; `usual` by default. */
export function choice<
  const Key extends string,
  const Choice extends string,
  const Usual extends Choice | null,
>(
  words: FieldWords<Key> & { readonly choices: readonly Choice[]; readonly usual: Usual },
): FieldOption<Key, Choice | Usual> {
  const { name, choices, usual } = words;
  const shown = { value: choices.join("|"), ...(usual !== null && { fallback: usual }), ...words };
  return field(shown, "text", (reader) => {
    const text = reader.value(name);
    const chosen = choices.find((each) => each === text);
    const list = `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
    const wanted = list + didYouMean(text ?? "", choices);
    const problem = `${JSON.stringify(text)} is not ${wanted}`;
    reader.need(text === null || chosen !== undefined, name, problem);
    return chosen ?? usual;
  });
}

/** A text that is parsed into a value. */
export function parsed<const Key extends string, Value>(
  words: FieldWords<Key> & {
    readonly kind?: OptionKind;
    readonly read: (reader: OptionReader) => Value;
  },
): FieldOption<Key, Value> {
  return field(words, words.kind ?? "text", words.read);
}

/** An option that is read together with others, into some fields of the configuration. */
export function shared<Fields extends object>(
  words: Words & {
    readonly kind?: OptionKind;
    readonly reload?: Reload;
    readonly keys: readonly (keyof Fields & string)[];
    /** The value that a reload compares; by default the fields. */
    readonly of?: (config: Fields) => unknown;
    readonly restartIf?: (old: Fields, next: Fields, rights: Rights) => boolean;
    readonly take?: (config: Fields, next: Fields) => Fields;
  },
): Option {
  const { kind = "text", reload = "restart", keys, restartIf = () => false } = words;
  const { of = (config: Fields) => keys.map((key) => config[key]), take } = words;
  return {
    ...option(words, kind, reload),
    keys,
    of: (config) => of(config as Fields),
    restartIf: (old, next, rights) => restartIf(old as Fields, next as Fields, rights),
    take: take ? (config, next) => take(config as Fields, next as Fields) : takeFields(keys),
  };
}
