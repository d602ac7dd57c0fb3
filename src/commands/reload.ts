// SIGHUP: everything is read again, what can change at once does, and what is wrong changes nothing. What can change
// while the watchdog runs, and what has to be told of it, each option says itself (`reload`, in src/options).
import { type Config, nameOf } from "../config/config.ts";
import { type Loaded, readAgain, readsFiles, type Source } from "../config/load.ts";
import { SEVERITIES } from "../core/registry/events.ts";
import type { Host } from "../host/host.ts";
import type { HostLog } from "../host/log.ts";
import { OPTIONS } from "../options/all.ts";
import type { Part, Rights } from "../options/option.ts";
import { runsPrograms } from "../options/service.ts";
import type { PeerNames } from "../peers/peer_names.ts";

/**
 * What a running watchdog does with a new configuration. The names of peers are looked up and the level of the log is
 * set by the reload itself, since the one can be refused and the other is for its own lines, too.
 */
export type Runtime = Readonly<
  Record<Exclude<Part, "peers" | "logLevel">, (next: Config) => void>
>;

/** What reloading needs. */
export interface ReloaderOptions {
  readonly argv: readonly string[];
  readonly host: Source & Pick<Host, "rereadTextFile">;
  /** The peers of `-p`, null without any. */
  readonly names: Pick<PeerNames, "named" | "renew"> | null;
  readonly log: Pick<HostLog, "write" | "setLevel">;
  /** What was gathered at the start. */
  readonly loaded: Loaded;
  /** What is in force. */
  readonly config: Config;
  /** Told of each configuration that is about to be in force, as its secrets must not show. */
  readonly hide: (config: Config) => void;
  readonly runtime: Runtime;
}

/** Reads again as often as it is told to; one reading at a time. */
export class Reloader {
  readonly #options: ReloaderOptions;
  readonly #rights: Rights;
  #config: Config;
  #last: Promise<void> = Promise.resolve();
  #waiting = false;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#rights = { run: runsPrograms(this.#config) };
  }

  /** Resolves when what the files say now is in force, or refused. Never rejects. */
  reload(): Promise<void> {
    // One that has yet to begin will see what this one would.
    if (this.#waiting) return this.#last;
    this.#waiting = true;
    this.#last = this.#last.then(() => {
      this.#waiting = false;
      return this.#reload();
    });
    return this.#last;
  }

  async #reload(): Promise<void> {
    const { argv, host, log, loaded, names } = this.#options;
    if (!readsFiles(loaded)) {
      const files = ["env-file", "config"].map(nameOf).join(" or ");
      const none = `there is nothing to read: no ${files} and no secret file is given`;
      const rest = names?.named ? "; the names of the peers are looked up again" : "";
      log.write("info", "reload", `${none}${rest}`);
      await this.#renew(this.#config);
      return;
    }
    const read = await readAgain(argv, host, loaded);
    if ("problems" in read) return this.#refuse(read.problems);
    for (const warning of read.warnings) log.write("warning", "configuration", warning);
    const problems = await this.#renew(read.config);
    if (problems.length > 0) return this.#refuse(problems);
    this.#switchTo(read.config);
  }

  #refuse(problems: readonly string[]): void {
    for (const problem of problems) {
      this.#options.log.write(
        "warning",
        "reload-refused",
        `the old configuration stays: ${problem}`,
      );
    }
  }

  /** Looks the peers' names up, all or none of which are in force then. Resolves to what is wrong with them. */
  async #renew(next: Config): Promise<readonly string[]> {
    const { log, names } = this.#options;
    const { config: { peers } } = changesBetween(this.#config, next, this.#rights);
    if (peers.kind !== "static" || !names) return [];
    const { problems, news, stale } = await names.renew(peers.addresses);
    for (const text of news) log.write("info", "reload", text);
    for (const text of stale) log.write("warning", "reload", text);
    return problems.map((problem) => `${nameOf("p")}: ${problem}`);
  }

  #switchTo(next: Config): void {
    const { log, runtime, hide } = this.#options;
    const old = this.#config;
    const { config, parts, apply, needsRestart } = changesBetween(old, next, this.#rights);
    this.#config = config;
    // The lines about it go by the more talkative of both levels.
    const talkative = Math.min(SEVERITIES.indexOf(old.logLevel), SEVERITIES.indexOf(next.logLevel));
    log.setLevel(SEVERITIES[talkative] ?? "info");
    if (apply.length + needsRestart.length === 0) {
      log.write("info", "reload", "nothing has changed");
    }
    if (apply.length > 0) log.write("info", "reload", `now in force: ${listed(apply)}`);
    if (needsRestart.length > 0) {
      log.write(
        "warning",
        "reload",
        `restart to apply ${listed(needsRestart)}`,
      );
    }
    log.setLevel(config.logLevel);
    hide(config);
    for (const part of parts) if (part !== "peers" && part !== "logLevel") runtime[part](config);
  }
}

function listed(options: readonly string[]): string {
  return options.map(nameOf).join(", ");
}

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

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one, spellInfinity) === JSON.stringify(other, spellInfinity);
}

function spellInfinity(_key: string, value: unknown): unknown {
  return value === Infinity ? "Infinity" : value;
}
