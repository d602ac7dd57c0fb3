// What a new configuration changes while the watchdog runs, and what only a restart can: one row for each option that a
// file can set.
import type { Config } from "../config.ts";
import { OPTIONS } from "../options.ts";

/** What the process may still do. */
export interface Rights {
  /** It may run programs, because it did when it began. */
  readonly run: boolean;
}

/** What is different, by the names of the options. */
export interface Changes {
  /** In force at once. */
  readonly apply: readonly string[];
  readonly needsRestart: readonly string[];
}

type Key = keyof Config;

/** One option and its part of the configuration. */
interface Row {
  readonly option: string;
  readonly keys: readonly Key[];
  /** What is compared. */
  readonly of: (config: Config) => unknown;
  readonly restart: (old: Config, next: Config, rights: Rights) => boolean;
}

/** Can be changed at once; compared are the keys, unless something of them is. */
function now(option: string, keys: readonly Key[], of = partOf(keys)): Row {
  return { option, keys, of, restart: () => false };
}

/** Needs a restart. */
function later(option: string, keys: readonly Key[], of = partOf(keys)): Row {
  return { option, keys, of, restart: () => true };
}

function partOf(keys: readonly Key[]): (config: Config) => unknown {
  return (config) => keys.map((key) => config[key]);
}

const addressesOf = ({ addresses }: Config) => addresses.map(({ elasticIp }) => elasticIp);
const isStatic = ({ peers }: Config) => peers.kind === "static";

/** Whether the service needs programs to be run while the watchdog runs. */
export function runsPrograms(
  { checks, notify, addressOn }: Pick<Config, "checks" | "notify" | "addressOn">,
): boolean {
  return notify !== null || addressOn !== null || checks.some(({ kind }) => kind === "exec");
}

const ROWS: readonly Row[] = [
  now("P", ["priority"]),
  now("t", ["intervalMs"]),
  now("r", ["deadRatio"]),
  now("preempt-delay", ["preemptDelayMs"]),
  now("handover-timeout", ["handoverTimeoutMs"]),
  now("reconcile", ["reconcileMs"]),
  now("log-level", ["logLevel"]),
  now("xk", ["credentials"], ({ credentials }) => credentials.apiKey),
  now("xs", ["credentials"], ({ credentials }) => credentials.secret),
  {
    // Other addresses are other elections; another priority for one of them is not.
    option: "xi",
    keys: ["addresses"],
    of: ({ addresses }) => addresses,
    restart: (old, next) => `${addressesOf(old)}` !== `${addressesOf(next)}`,
  },
  {
    option: "p",
    keys: ["peers"],
    of: ({ peers }) => peers.kind === "static" ? peers.addresses : null,
    restart: (old, next) => !isStatic(old) || !isStatic(next),
  },
  {
    // One secret for another; with or without is another question.
    option: "shared-secret-file",
    keys: ["sharedSecrets"],
    of: ({ sharedSecrets }) => sharedSecrets,
    restart: (old, next) => (old.sharedSecrets.length > 0) !== (next.sharedSecrets.length > 0),
  },
  later("accept-unsigned", ["acceptUnsigned"]),
  later("G", ["peers"], ({ peers }) => peers.kind === "groups" ? peers.groups : null),
  later("xe", ["endpoint"]),
  later("api", ["api"]),
  later("zone", ["zone", "usualZone"]),
  later("ca-file", ["caCerts"]),
  later("account", ["directory"]),
  later("api-environment", ["environment"]),
  later("i", ["instanceId"]),
  later("l", ["listen"]),
  later("wire", ["wire"]),
  later("exclusive", ["exclusive"]),
  later("pid-file", ["pidFile"]),
  later("log-format", ["logFormat"]),
  later("listen-status", ["listenStatus"]),
  {
    option: "check",
    keys: ["checks"],
    of: ({ checks }) => checks,
    // Whoever has given up the right to run programs cannot run one.
    restart: (_, next, rights) => runsPrograms(next) && !rights.run,
  },
  now("check-interval", ["checkIntervalMs"]),
  now("check-timeout", ["checkTimeoutMs"]),
  now("check-rise", ["checkRise"]),
  now("check-fall", ["checkFall"]),
  later("notify", ["notify"]),
  later("notify-timeout", ["notifyTimeoutMs"]),
  later("address-on", ["addressOn"]),
];

/** Options that say the same as another, or where to read; what they lead to is compared. */
const INDIRECT = ["no-preempt", "api-secret-file", "config", "env-file", "insecure-endpoint"];

/** Options whose change a reload would not notice: must be none. What has no variable stays as it was given. */
export function unclassified(): string[] {
  const known = new Set([...ROWS.map(({ option }) => option), ...INDIRECT]);
  return OPTIONS.filter(({ name, variables }) => variables.length > 0 && !known.has(name))
    .map(({ name }) => name);
}

/** Compares two configurations. */
export function changesBetween(old: Config, next: Config, rights: Rights): Changes {
  const changed = ROWS.filter(({ of }) => !same(of(old), of(next)));
  const names = (wanted: boolean) =>
    changed.filter(({ restart }) => restart(old, next, rights) === wanted).map(({ option }) =>
      option
    );
  return { apply: names(false), needsRestart: names(true) };
}

/** The old configuration with what can be applied of the next. */
export function applied(old: Config, next: Config, rights: Rights): Config {
  const { apply } = changesBetween(old, next, rights);
  const keys = ROWS.filter(({ option }) => apply.includes(option)).flatMap((row) => row.keys);
  return { ...old, ...Object.fromEntries(keys.map((key) => [key, next[key]])) };
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one, spellInfinity) === JSON.stringify(other, spellInfinity);
}

function spellInfinity(_key: string, value: unknown): unknown {
  return value === Infinity ? "Infinity" : value;
}
