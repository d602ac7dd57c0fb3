// SIGHUP: reads everything again and applies what can change at once; with any problem, nothing changes. Each option
// declares whether it can change while the watchdog runs, and which part needs to know (`reload`, in src/options).
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
 * How a running watchdog applies a new configuration. Two parts are missing: the reload itself looks up the names of
 * peers, since that can fail and refuse the configuration, and sets the log level, which is for its own lines, too.
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
  /** The settings loaded at the start. */
  readonly loaded: Loaded;
  /** The configuration in force. */
  readonly config: Config;
  /** Called for each configuration that is about to be in force, to hide its secrets. */
  readonly hide: (config: Config) => void;
  readonly runtime: Runtime;
}

/** Reloads on request; one reload at a time. */
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

  /** Resolves when the current content of the files is in force, or refused. Never rejects. */
  reload(): Promise<void> {
    // A reload that has not begun yet will read the same.
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

  /** Looks up the peers' names; either all of them take effect or none. Resolves to the problems. */
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
    // The lines about the reload use the more verbose of both levels.
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

/** The differences, by option name. */
export interface Changes {
  /** Applied at once. */
  readonly apply: readonly string[];
  readonly needsRestart: readonly string[];
  /** The parts that need to know. */
  readonly parts: ReadonlySet<Part>;
  /** The old configuration with the applicable changes of the next. */
  readonly config: Config;
}

/** Compares two configurations. */
export function changesBetween(old: Config, next: Config, rights: Rights): Changes {
  const apply: string[] = [], needsRestart: string[] = [];
  const parts = new Set<Part>();
  let config: object = old;
  for (const { name, reload, of, restartIf, take } of OPTIONS) {
    if (reload === "elsewhere" || same(of(old), of(next))) continue;
    if (reload === "restart" || restartIf(old, next, rights)) {
      needsRestart.push(name);
      continue;
    }
    apply.push(name);
    parts.add(reload);
    config = take(config, next);
  }
  // Whatever an option takes is of its own fields.
  return { apply, needsRestart, parts, config: config as Config };
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one, spellInfinity) === JSON.stringify(other, spellInfinity);
}

function spellInfinity(_key: string, value: unknown): unknown {
  return value === Infinity ? "Infinity" : value;
}
