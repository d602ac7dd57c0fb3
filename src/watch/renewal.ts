// Key and secret that change in their files while we run: read again when the cloud refuses them, and before a key with
// an end ends. Nobody sends SIGHUP in a pod. Only key and secret are taken from the files; all else waits for a reload.
import { type Loaded, readAgain, readsFiles } from "../config/load.ts";
import { backoffMs } from "../core/backoff.ts";
import { asCloudError, type CloudErrorKind } from "../exoscale/cloud_error.ts";
import type { Credentials, Signer } from "../exoscale/signer.ts";
import type { Host } from "../host/host.ts";
import type { Cloud, Log } from "../world.ts";

/** What a refused key gets: a wrong signature is 403, too, and so is what a role does not allow. */
const REFUSALS: ReadonlySet<CloudErrorKind> = new Set(["unauthorized", "forbidden"]);
/** Time between two readings while the cloud refuses. */
const AGAIN = { firstMs: 10_000, capMs: 30_000 };
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
  /** What all clients sign with. */
  readonly signer: Pick<Signer, "credentials" | "use">;
  /** Called with each that was read, before it is used. */
  readonly hide: (credentials: Credentials) => void;
}

/** Replaces key and secret: by what it reads again, and by what a reload has read. */
export class Renewal {
  readonly #options: RenewalOptions;
  readonly #ending = new AbortController();
  #waiting = new AbortController();
  #reading: Promise<boolean> | null = null;
  #notBeforeMs = -Infinity;
  /** Readings that brought nothing new, since the last one that did. */
  #repeats = 0;
  #problem = "";
  #ended: Credentials | null = null;

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#watch();
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
      members: (signal, addresses) => told(cloud.members(signal, addresses)),
      look: (options, signal) => told(cloud.look(options, signal)),
      inspect: (id, signal) => told(cloud.inspect(id, signal)),
      attach: (signal) => told(cloud.attach(signal)),
      detachSelf: (signal) => told(cloud.detachSelf(signal)),
      evict: (id, options, signal) => told(cloud.evict(id, options, signal)),
    };
  }

  /** Key and secret from the next request on. */
  use(credentials: Credentials): void {
    this.#options.signer.use(credentials);
    this.#watch();
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
      this.#repeats = renewed ? 0 : this.#repeats + 1;
    });
    this.#notBeforeMs = clock.nowMs() + backoffMs(AGAIN, this.#repeats);
  }

  /** Waits for the end of those that are in use now. */
  #watch(): void {
    this.#waiting.abort();
    this.#waiting = new AbortController();
    void this.#watchEnd(this.#waiting.signal);
  }

  async #watchEnd(signal: AbortSignal): Promise<void> {
    const { signer: { credentials }, host: { clock }, log } = this.#options;
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
    const { argv, host, loaded, signer, log, hide } = this.#options;
    // Everything is read as at the start, with the same bounds as at a reload.
    const read = await readAgain(argv, host, loaded);
    if (this.#ending.signal.aborted) return false;
    if ("problems" in read) {
      const [problem = ""] = read.problems;
      if (problem !== this.#problem) {
        log.write("warning", "credentials", `the old ones stay: ${problem}`);
      }
      this.#problem = problem;
      return false;
    }
    this.#problem = "";
    const { credentials: next } = read.config;
    const { apiKey, secret, expiresAtMs } = signer.credentials;
    if (next.apiKey === apiKey && next.secret === secret && next.expiresAtMs === expiresAtMs) {
      return false;
    }
    hide(next);
    log.write("info", "credentials", "key or secret has changed in its file: used from now on");
    this.use(next);
    return true;
  }
}
