// The calls to the store of the lease, and the watch on it. The loop starts each call without waiting for it; its
// result comes back as an event of the node.
import { durationText } from "../core/age.ts";
import { messageOf } from "../core/message_of.ts";
import { backoffMs } from "../core/backoff.ts";
import type { LeaseAnswer, LeaseCall } from "../core/lease/call.ts";
import type { NodeEvent } from "../core/node/state.ts";
import { StoreError } from "../leases/store_error.ts";
import { LinkedAbort } from "../transport/linked_abort.ts";
import { RunningCalls } from "./running_calls.ts";
import type { RateLimitedLog } from "../log/rate_limited_log.ts";
import type { LeaseCounters } from "../status/lease_counters.ts";
import type { Claim, Clock, LeaseStore } from "../world.ts";

/** Waits before a watch that ended begins again. Meanwhile the readings go on. */
const WATCH_BACKOFF = { firstMs: 500, capMs: 10_000, jitter: 0.5 };
/** A watch that lasted this long does not count as a failure. */
const WATCH_LASTED_MS = 30_000;

/** What the calls need from the watchdog. */
export interface LeaseCallerOptions {
  readonly store: LeaseStore;
  readonly clock: Clock;
  /** Uniform in 0..1. */
  readonly random: () => number;
  readonly limitedLog: RateLimitedLog;
  readonly counters: LeaseCounters;
  /** Ends every call. */
  readonly ending: AbortSignal;
  readonly deliver: (event: NodeEvent) => void;
  /** Who asks for the lease. The core makes such calls only once the cloud has said which instance this is. */
  readonly claim: () => Claim;
}

/** The error of a call whose time is over: the message of an abort would explain nothing. */
function tooLate(name: string, limitMs: number, cause: unknown): StoreError {
  const text = `${name}: no answer within ${durationText(limitMs)}`;
  return new StoreError("unreachable", text, { cause });
}

/** The calls of one Elastic IP, and its watch. */
export class LeaseCalls {
  readonly #options: LeaseCallerOptions;
  readonly #running = new RunningCalls();

  constructor(options: LeaseCallerOptions) {
    this.#options = options;
  }

  /** Begins to watch, until the end. */
  watch(): void {
    this.#running.add(this.#watch());
  }

  /** Begins a call that the core asked for, with that time limit. */
  begin(id: number, call: LeaseCall, limitMs: number): void {
    this.#running.add(this.#call(id, call, limitMs));
  }

  /** Resolves when all calls have ended, which is soon after `ending`. */
  ended(): Promise<void> {
    return this.#running.ended();
  }

  async #call(id: number, call: LeaseCall, limitMs: number): Promise<void> {
    const { clock, random, ending, deliver, counters: { calls } } = this.#options;
    const { name } = this.#options.store;
    const startedAtMs = clock.nowMs();
    using over = new LinkedAbort(ending), done = new LinkedAbort(ending);
    const late = clock.sleep(limitMs, done.signal).then(() => {
      if (!done.signal.aborted) over.abort(new DOMException("late", "TimeoutError"));
    });
    try {
      const answer = await this.#ask(call, over.signal);
      const atMs = clock.nowMs();
      calls.done(call.verb, { tookMs: Math.round(atMs - startedAtMs), atMs });
      deliver({ kind: "store-answered", id, answer, roll: random() });
    } catch (error) {
      if (ending.aborted) return;
      this.#report(call.verb, over.signal.aborted ? tooLate(name, limitMs, error) : error);
      deliver({ kind: "store-failed", id, roll: random() });
    } finally {
      done.abort();
      await late;
    }
  }

  async #ask(call: LeaseCall, signal: AbortSignal): Promise<LeaseAnswer> {
    const { store, claim } = this.#options;
    const { verb } = call;
    switch (verb) {
      case "read":
        return { verb, sight: await store.read(signal) };
      case "acquire":
        return { verb, ...await store.acquire(claim(), call.revision, signal) };
      case "renew":
        return { verb, ours: await store.renew(call.token, signal) };
      case "release":
        await store.release(call.token, call.to, signal);
        return { verb };
      case "announce": {
        const { wallMs: _, ...self } = claim();
        const candidate = { ...self, says: call.says };
        return { verb, session: await store.announce(candidate, call.session, signal) };
      }
      default:
        return call satisfies never;
    }
  }

  async #watch(): Promise<void> {
    const { store, clock, random, ending, deliver } = this.#options;
    for (let failures = 0; !ending.aborted;) {
      const beganAtMs = clock.nowMs();
      try {
        await store.watch((sight) => deliver({ kind: "store-seen", sight }), ending);
      } catch (error) {
        this.#report("watch", error);
      }
      failures = clock.nowMs() < beganAtMs + WATCH_LASTED_MS ? failures + 1 : 0;
      await clock.sleep(backoffMs(WATCH_BACKOFF, failures, random()), ending);
    }
  }

  #report(verb: LeaseCall["verb"] | "watch", error: unknown): void {
    const { limitedLog, store, clock, ending, counters: { calls } } = this.#options;
    if (ending.aborted) return;
    const kind = error instanceof StoreError ? error.kind : "odd-answer";
    calls.failed(verb, kind, clock.nowMs());
    // The store's own errors already name the endpoint that failed.
    const where = error instanceof StoreError ? "" : `${store.name}: `;
    const text = `${verb}: ${where}${messageOf(error)} [${kind}]`;
    limitedLog.write(`store ${verb} ${kind}`, ["warning", "store-error", text]);
  }
}
