// Follows the keys of one Elastic IP: reads them once, then applies each change.
import type { LeaseSight } from "../../core/lease/call.ts";
import type { Clock } from "../../world.ts";
import { count, type Fields, fieldsOf, int64, listOf, odd } from "./fields.ts";
import type { Exchange, Gateway } from "./gateway.ts";
import { type Keys, type Pair, pairOf, sightOf } from "./records.ts";
import { Refusal } from "./refusal.ts";
import { StoreError } from "../store_error.ts";

/**
 * After this much silence a watch begins again, with a new reading: a connection whose other end has vanished is as
 * silent as one where nothing happens.
 */
const SILENCE_MS = 60_000;
/** How long etcd may take to confirm a watch. */
const BEGIN_MS = 10_000;
/** How often in a row the store may have compacted away the changes from which a watch must begin. */
const COMPACTED_MAX = 5;
const PERMISSION_DENIED = 7;

/** What a watch needs. */
export interface WatchOptions {
  readonly gateway: Gateway;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly show: (sight: LeaseSight) => void;
  /** Reads all keys. */
  readonly read: (exchange: Exchange) => Promise<{ pairs: readonly Pair[]; version: number }>;
}

/** Watches until the connection ends (then it rejects) or the signal aborts (then it resolves). */
export async function watchKeys(options: WatchOptions, signal: AbortSignal): Promise<void> {
  let compacted = 0;
  while (!signal.aborted) {
    const watch = new Watch(options);
    const end = () => watch.end();
    signal.addEventListener("abort", end);
    try {
      await options.gateway.attempt(watch.signal, (exchange) => watch.run(exchange));
      compacted = watch.changed ? 0 : compacted + 1;
    } catch (error) {
      if (signal.aborted) return;
      if (!watch.silent) throw error;
      if (!watch.stands) {
        throw new StoreError(
          "unreachable",
          `${options.gateway.name}: no watch within ${BEGIN_MS / 1_000} s`,
        );
      }
      compacted = 0;
    } finally {
      signal.removeEventListener("abort", end);
      watch.end();
    }
    if (compacted > COMPACTED_MAX) {
      const text = `${options.gateway.name}: it drops changes before a watch can begin`;
      throw new StoreError("unavailable", text);
    }
  }
}

/** One connection. */
class Watch {
  readonly #options: WatchOptions;
  readonly #ending = new AbortController();
  readonly #pairs = new Map<string, Pair>();
  #patience = new AbortController();
  /** Whether it ended because nothing came. */
  silent = false;
  /** Whether etcd has confirmed it. */
  stands = false;
  /** Whether a change has come. */
  changed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#wait(BEGIN_MS);
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  end(): void {
    this.#patience.abort();
    this.#ending.abort();
  }

  /** Resolves when the store has compacted the next changes away; rejects when the connection ends. */
  async run(exchange: Exchange): Promise<void> {
    const { keys, read, show } = this.#options;
    const { pairs, version } = await read(exchange);
    for (const pair of pairs) this.#pairs.set(pair.key, pair);
    show(sightOf(this.#pairs.values(), keys, version));
    const start = { ...keys.range, start_revision: `${version + 1}` };
    for await (const answer of exchange.follow("/v3/watch", { create_request: start })) {
      if (answer.canceled) {
        if (int64(answer.compact_revision, "the revision of a compaction") !== "0") return;
        throw new Refusal(
          codeOf(answer),
          200,
          `the watch was ended: ${answer.cancel_reason ?? ""}`,
        );
      }
      this.stands = true;
      this.#wait(SILENCE_MS);
      this.#apply(answer);
    }
    throw new StoreError("unreachable", "the connection of the watch has ended");
  }

  #apply(answer: Fields): void {
    const { keys, show } = this.#options;
    let version = 0;
    for (const event of listOf(answer.events, "the changes")) {
      const kv = fieldsOf(event.kv);
      if (kv === null) throw odd("a change has no key");
      const pair = pairOf(kv);
      if (event.type === "DELETE") this.#pairs.delete(pair.key);
      else this.#pairs.set(pair.key, pair);
      // Not the revision in the header, which may be that of a later change.
      version = Math.max(version, count(pair.modRevision, "the revision of a change"));
    }
    if (version === 0) return;
    this.changed = true;
    show(sightOf(this.#pairs.values(), keys, version));
  }

  /** Ends the watch unless this is called again in time. */
  #wait(ms: number): void {
    this.#patience.abort();
    const { signal } = this.#patience = new AbortController();
    void this.#options.clock.sleep(ms, signal).then(() => {
      if (signal.aborted) return;
      this.silent = true;
      this.end();
    });
  }
}

function codeOf({ cancel_reason: reason }: Fields): number {
  return /permission denied|auth token/i.test(`${reason}`) ? PERMISSION_DENIED : 14;
}
