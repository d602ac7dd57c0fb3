// API key and secret that change in their files while we run. We read them again when the cloud refuses them, and
// before a temporary key expires, because in a pod nothing sends SIGHUP. Only key and secret are taken from the files;
// everything else waits for a reload.
import { type Loaded, readAgain, readsFiles } from "../config/load.ts";
import { backoffMs } from "../core/backoff.ts";
import type { Credentials, Signer } from "../exoscale/signature.ts";
import type { Host } from "../host/host.ts";
import type { Log } from "../world.ts";

/** Time between two readings while the cloud refuses. */
const AGAIN = { firstMs: 10_000, capMs: 30_000 };
/** How long before a key expires we look for a new one in its file, and how often. */
const BEFORE_END_MS = 300_000, END_CHECK_MS = 15_000;

/** What a renewal needs. */
export interface RenewalOptions {
  readonly argv: readonly string[];
  readonly host: Pick<
    Host,
    "env" | "os" | "machine" | "clock" | "readTextFile" | "rereadTextFile" | "fileAccess"
  >;
  readonly log: Pick<Log, "write">;
  /** The configuration as loaded at the start. */
  readonly loaded: Loaded;
  /** The signer that all clients share. */
  readonly signer: Pick<Signer, "credentials" | "use">;
  /** Called with new credentials before they are used. */
  readonly hide: (credentials: Credentials) => void;
}

/** Replaces key and secret, by reading the files again or with those of a reload. */
export class Renewal {
  readonly #options: RenewalOptions;
  readonly #ending = new AbortController();
  #waiting = new AbortController();
  #reading: Promise<boolean> | null = null;
  #notBeforeMs = -Infinity;
  /** Consecutive readings without a change. */
  #repeats = 0;
  #problem = "";
  #ended: Credentials | null = null;

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#watch();
  }

  /** The cloud has refused the key: it may have been replaced in its file. */
  refused(): void {
    const { clock } = this.#options.host;
    if (!readsFiles(this.#options.loaded) || clock.nowMs() < this.#notBeforeMs) return;
    void this.#renew().then((renewed) => {
      this.#repeats = renewed ? 0 : this.#repeats + 1;
    });
    this.#notBeforeMs = clock.nowMs() + backoffMs(AGAIN, this.#repeats);
  }

  /** Uses this key and secret from the next request on. */
  use(credentials: Credentials): void {
    this.#options.signer.use(credentials);
    this.#watch();
  }

  /** Ends all waiting. */
  close(): void {
    this.#ending.abort();
    this.#waiting.abort();
  }

  /** Waits for the expiry of the credentials in use. */
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
      // A change starts a new wait.
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

  /** Reads them again; resolves to whether they changed. Never rejects; one reading at a time. */
  #renew(): Promise<boolean> {
    return this.#reading ??= this.#read().finally(() => this.#reading = null);
  }

  async #read(): Promise<boolean> {
    const { argv, host, loaded, signer, log, hide } = this.#options;
    // Reads everything as at the start, with the same bounds as a reload.
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
