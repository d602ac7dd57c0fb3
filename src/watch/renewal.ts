// Key and secret that change in their files while we run: read again when the cloud refuses them, and before a key with
// an end ends. Nobody sends SIGHUP in a pod. Only key and secret are taken from the files; all else waits for a reload.
import type { Access } from "../startup/connection.ts";
import { configure } from "../config/config.ts";
import { load, type Loaded } from "../config/load.ts";
import { messageOf } from "../core/message_of.ts";
import { asCloudError, type CloudErrorKind } from "../exoscale/cloud_error.ts";
import type { Credentials } from "../exoscale/signer.ts";
import type { Host } from "../host/host.ts";
import type { Cloud, Log } from "../world.ts";
import { readsFiles } from "./reloader.ts";

/** What a refused key gets: a wrong signature is 403, too, and so is what a role does not allow. */
const REFUSALS: ReadonlySet<CloudErrorKind> = new Set(["unauthorized", "forbidden"]);
/** Time between two readings while the cloud refuses; it doubles, up to the second. */
const AGAIN_MS = 10_000, AGAIN_CAP_MS = 30_000;
/** How long before its end a key is looked for in its file, and how often. */
const BEFORE_END_MS = 300_000, END_CHECK_MS = 15_000;

/** What renewing needs. */
export interface RenewalOptions {
  readonly argv: readonly string[];
  readonly host: Pick<
    Host,
    "env" | "os" | "machine" | "clock" | "readTextFile" | "rereadTextFile" | "fileAccess"
  >;
  readonly log: Pick<Log, "write">;
  /** What was gathered at the start. */
  readonly loaded: Loaded;
  /** Where clients take them from. */
  readonly access: Pick<Access, "credentials">;
  /** Called with each that was read, before it is used. */
  readonly hide: (credentials: Credentials) => void;
}

/** Reads key and secret again. */
export class Renewal {
  readonly #options: RenewalOptions;
  readonly #ending = new AbortController();
  #waiting = new AbortController();
  #reading: Promise<boolean> | null = null;
  #notBeforeMs = -Infinity;
  #waitMs = AGAIN_MS;
  #problem = "";
  #ended: Credentials | null = null;

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.changed();
  }

  /** A cloud that tells of what it refuses. */
  around(cloud: Cloud): Cloud {
    const told = <T>(answer: Promise<T>): Promise<T> =>
      answer.catch((cause) => {
        if (REFUSALS.has(asCloudError(cause).kind)) this.#refused();
        throw cause;
      });
    return {
      name: cloud.name,
      prepare: (signal) => told(cloud.prepare(signal)),
      members: (signal) => told(cloud.members(signal)),
      look: (options, signal) => told(cloud.look(options, signal)),
      inspect: (id, signal) => told(cloud.inspect(id, signal)),
      attach: (signal) => told(cloud.attach(signal)),
      detachSelf: (signal) => told(cloud.detachSelf(signal)),
      evict: (id, options, signal) => told(cloud.evict(id, options, signal)),
    };
  }

  /** There are other credentials: their end counts now. */
  changed(): void {
    this.#waiting.abort();
    this.#waiting = new AbortController();
    void this.#watchEnd(this.#waiting.signal);
  }

  /** Ends all waiting. */
  close(): void {
    this.#ending.abort();
    this.#waiting.abort();
  }

  #refused(): void {
    const { clock } = this.#options.host;
    if (!readsFiles(this.#options.loaded) || clock.nowMs() < this.#notBeforeMs) return;
    void this.#renew().then((renewed) => {
      this.#waitMs = renewed ? AGAIN_MS : Math.min(this.#waitMs * 2, AGAIN_CAP_MS);
    });
    this.#notBeforeMs = clock.nowMs() + this.#waitMs;
  }

  async #watchEnd(signal: AbortSignal): Promise<void> {
    const { access, host: { clock }, log } = this.#options;
    const { credentials } = access;
    const { expiresAtMs } = credentials;
    if (expiresAtMs === undefined) return;
    while (!signal.aborted) {
      const leftMs = expiresAtMs - clock.wallMs();
      if (leftMs > BEFORE_END_MS) {
        await clock.sleep(Math.min(leftMs - BEFORE_END_MS, BEFORE_END_MS), signal);
        continue;
      }
      // Whatever changes it begins another watch.
      await this.#renew();
      if (signal.aborted) return;
      if (leftMs <= 0 && this.#ended !== credentials) {
        this.#ended = credentials;
        const when = new Date(expiresAtMs).toISOString();
        const text = `the API key ended at ${when}, and its file has no newer one`;
        log.write("critical", "credentials", text);
      }
      await clock.sleep(END_CHECK_MS, signal);
    }
  }

  /** Whether there are others now. Never rejects; one reading at a time. */
  #renew(): Promise<boolean> {
    return this.#reading ??= this.#read().finally(() => this.#reading = null);
  }

  async #read(): Promise<boolean> {
    const { access, log, hide } = this.#options;
    const next = await this.#credentials();
    if (this.#ending.signal.aborted) return false;
    if ("problem" in next) {
      if (next.problem !== this.#problem) {
        log.write("warning", "credentials", `the old ones stay: ${next.problem}`);
      }
      this.#problem = next.problem;
      return false;
    }
    this.#problem = "";
    const { apiKey, secret, expiresAtMs } = access.credentials;
    if (next.apiKey === apiKey && next.secret === secret && next.expiresAtMs === expiresAtMs) {
      return false;
    }
    hide(next);
    access.credentials = next;
    log.write("info", "credentials", "key or secret has changed in its file: used from now on");
    this.changed();
    return true;
  }

  /** Everything is read as at the start, with the same bounds as at a reload. */
  async #credentials(): Promise<Credentials | { problem: string }> {
    const { argv, host, loaded: { fileVariables } } = this.#options;
    try {
      // What a pipe has said at the start it does not say again.
      const { rereadTextFile: readTextFile = host.readTextFile } = host;
      return credentialsOf(await load(argv, { ...host, readTextFile }, fileVariables));
    } catch (error) {
      return { problem: messageOf(error) };
    }
  }
}

function credentialsOf(loaded: Loaded): Credentials | { problem: string } {
  const config = configure(loaded.values, loaded.findings);
  const problems = [...loaded.problems, ...("problems" in config ? config.problems : [])];
  const [problem] = problems;
  if ("problems" in config || problem !== undefined) return { problem: problem ?? "nothing fits" };
  return config.credentials;
}
