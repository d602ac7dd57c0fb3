// What a new configuration changes while the watchdog runs, and what only a restart can: each option says so itself.
import type { Config } from "./config.ts";
import { OPTIONS } from "../options/all.ts";
import type { Part, Rights } from "../options/option.ts";

export type { Rights } from "../options/option.ts";

/**
 * What a running watchdog does with a new configuration. The names of peers are looked up and the level of the log is
 * set by the reload itself, since the one can be refused and the other is for its own lines, too.
 */
export type Runtime = Readonly<
  Record<Exclude<Part, "peers" | "logLevel">, (next: Config) => void>
>;

/** What is different, by the names of the options. */
export interface Changes {
  /** In force at once. */
  readonly apply: readonly string[];
  readonly needsRestart: readonly string[];
  /** What has to be told. */
  readonly parts: ReadonlySet<Part>;
  /** The old configuration with what can be applied of the next. */
  readonly config: Config;
}

/** Compares two configurations. */
export function changesBetween(old: Config, next: Config, rights: Rights): Changes {
  const apply: string[] = [], needsRestart: string[] = [];
  const parts = new Set<Part>(), keys = new Set<string>();
  for (const { name, reload, of, restartIf, keys: own } of OPTIONS) {
    if (reload === "elsewhere" || same(of(old), of(next))) continue;
    if (reload === "restart" || restartIf(old, next, rights)) {
      needsRestart.push(name);
      continue;
    }
    apply.push(name);
    parts.add(reload);
    for (const key of own) keys.add(key);
  }
  const news = Object.entries(next).filter(([key]) => keys.has(key));
  return { apply, needsRestart, parts, config: { ...old, ...Object.fromEntries(news) } };
}

/** Tells the parts of the watchdog that have something new to know. */
export function applyTo(runtime: Runtime, { parts, config }: Changes): void {
  for (const part of parts) {
    if (part !== "peers" && part !== "logLevel") runtime[part](config);
  }
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one, spellInfinity) === JSON.stringify(other, spellInfinity);
}

function spellInfinity(_key: string, value: unknown): unknown {
  return value === Infinity ? "Infinity" : value;
}
