// SIGHUP: everything is read again, what can change at once does, and what is wrong changes nothing.
import { type Config, configure, nameOf } from "../config/config.ts";
import { SEVERITIES } from "../core/registry/events.ts";
import { load, type Loaded, type Source } from "../config/load.ts";
import { messageOf } from "../core/message_of.ts";
import type { HostLog } from "../host/log.ts";
import type { Host } from "../host/host.ts";
import type { PeerNames } from "../peers/peer_names.ts";
import { OPTIONS } from "../options/all.ts";
import { applyTo, changesBetween, type Rights, type Runtime } from "../config/reload.ts";
import { runsPrograms } from "../options/service.ts";
import { SECRET_VARIABLE } from "../options/security.ts";

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
    const { log, loaded, names } = this.#options;
    if (!readsFiles(loaded)) {
      const files = ["env-file", "config"].map(nameOf).join(" or ");
      const none = `there is nothing to read: no ${files} and no secret file is given`;
      const rest = names?.named ? "; the names of the peers are looked up again" : "";
      log.write("info", "reload", `${none}${rest}`);
      await this.#renew(this.#config);
      return;
    }
    const next = await this.#read();
    const problems = "problems" in next ? next.problems : await this.#renew(next);
    for (const problem of problems) {
      log.write("warning", "reload-refused", `the old configuration stays: ${problem}`);
    }
    if (!("problems" in next) && problems.length === 0) this.#switchTo(next);
  }

  /** Looks the peers' names up, all or none of which are in force then. */
  async #renew(next: Config): Promise<readonly string[]> {
    const { log, names } = this.#options;
    const { config: { peers } } = changesBetween(this.#config, next, this.#rights);
    if (peers.kind !== "static" || !names) return [];
    const { problems, news, stale } = await names.renew(peers.addresses);
    for (const text of news) log.write("info", "reload", text);
    for (const text of stale) log.write("warning", "reload", text);
    return problems.map((problem) => `${nameOf("p")}: ${problem}`);
  }

  /** Everything that was given at the start, as it is now. */
  async #read(): Promise<Config | { problems: readonly string[] }> {
    const { argv, host, log, loaded: { fileVariables } } = this.#options;
    try {
      // What a pipe has said at the start it does not say again.
      const { rereadTextFile: readTextFile = host.readTextFile } = host;
      const loaded = await load(argv, { ...host, readTextFile }, fileVariables);
      const config = configure(loaded.values, loaded.findings);
      const wrong = "problems" in config ? config.problems : [];
      if ("problems" in config || loaded.problems.length > 0) {
        return { problems: [...loaded.problems, ...wrong] };
      }
      for (const warning of loaded.warnings) log.write("warning", "configuration", warning);
      return config;
    } catch (error) {
      const reason = messageOf(error);
      return { problems: [reason] };
    }
  }

  #switchTo(next: Config): void {
    const { log, runtime, hide } = this.#options;
    const old = this.#config;
    const changes = changesBetween(old, next, this.#rights);
    this.#config = changes.config;
    // The lines about it go by the more talkative of both levels.
    const talkative = Math.min(SEVERITIES.indexOf(old.logLevel), SEVERITIES.indexOf(next.logLevel));
    log.setLevel(SEVERITIES[talkative] ?? "info");
    const { apply: inForce, needsRestart } = changes;
    if (inForce.length + needsRestart.length === 0) {
      log.write("info", "reload", "nothing has changed");
    }
    if (inForce.length > 0) log.write("info", "reload", `now in force: ${listed(inForce)}`);
    if (needsRestart.length > 0) {
      log.write(
        "warning",
        "reload",
        `restart to apply ${listed(needsRestart)}`,
      );
    }
    log.setLevel(this.#config.logLevel);
    hide(this.#config);
    applyTo(runtime, changes);
  }
}

function listed(options: readonly string[]): string {
  return options.map(nameOf).join(", ");
}

/** Whether anything but arguments and environment was read at the start. */
export function readsFiles({ values: { given }, findings }: Loaded): boolean {
  const files = OPTIONS.filter(({ name, value }) => value === "FILE" && name !== "pid-file");
  const { account, sharedSecret } = findings;
  const credential = sharedSecret !== undefined && sharedSecret.source !== SECRET_VARIABLE;
  return account !== undefined || credential || files.some(({ name }) => given.has(name));
}
