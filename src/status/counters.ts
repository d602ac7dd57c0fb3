// Counters that the loop keeps beside its decisions, each with the time of its last event.
import type { RefusedBefore } from "./address_view.ts";
import type { CloudErrorKind } from "../core/registry/error_kinds.ts";
import type { RejectReason } from "../core/registry/reject_reasons.ts";
import type { CallView, CountView } from "./snapshot.ts";
import { ageOf, type Instant } from "../core/age.ts";

/** Most senders whose rejected datagrams are counted separately; for others only the reasons are counted. */
const SENDERS_MAX = 256;

/** A counter. */
export class Count {
  count = 0;
  atMs: Instant = null;

  /** Adds one. */
  add(atMs: number): void {
    this.count += 1;
    this.atMs = atMs;
  }
}

/** Counters by word, from a fixed list. */
export class Counts<Word extends string> {
  readonly #counts = new Map<Word, Count>();

  /** Adds one for that word. */
  add(word: Word, atMs: number): void {
    const count = this.#counts.get(word) ?? new Count();
    this.#counts.set(word, count);
    count.add(atMs);
  }

  /** All counts so far. */
  views(nowMs: number): CountView<Word>[] {
    return [...this.#counts].map(([word, { count, atMs }]) => ({
      word,
      count,
      ageMs: ageOf(atMs, nowMs),
    }));
  }
}

/** Datagrams of the whole process. */
export class Datagrams {
  readonly sent = new Count();
  readonly received = new Count();
  readonly refused = new Counts<RejectReason>();
  readonly #senders = new Map<string, RefusedBefore>();

  /** The last rejected datagram of each sender. */
  get senders(): ReadonlyMap<string, RefusedBefore> {
    return this.#senders;
  }

  /** Counts a rejected datagram. */
  refuse(from: string, reason: RejectReason, atMs: number): void {
    this.refused.add(reason, atMs);
    const count = (this.#senders.get(from)?.count ?? 0) + 1;
    // The map is in order of arrival, and the oldest sender is dropped.
    this.#senders.delete(from);
    this.#senders.set(from, { reason, count, atMs });
    const [oldest] = this.#senders.keys();
    if (this.#senders.size > SENDERS_MAX && oldest !== undefined) this.#senders.delete(oldest);
  }
}

/** Calls to the cloud for one Elastic IP, or to another server with kinds of errors of its own. */
export class CallCounters<Kind extends string = CloudErrorKind> {
  readonly #done = new Map<string, Count & { tookMs?: number }>();
  readonly #errors = new Map<string, Counts<Kind>>();
  /** Evictions that took the address from a peer. */
  readonly evictions = new Count();
  /** Memberships received. */
  readonly lists = new Count();

  /** Counts a successful call. */
  done(verb: string, { tookMs, atMs }: { tookMs: number; atMs: number }): void {
    const count: Count & { tookMs?: number } = this.#done.get(verb) ?? new Count();
    this.#done.set(verb, count);
    count.add(atMs);
    count.tookMs = tookMs;
  }

  /** Counts a failed call. */
  failed(verb: string, kind: Kind, atMs: number): void {
    const counts = this.#errors.get(verb) ?? new Counts<Kind>();
    this.#errors.set(verb, counts);
    counts.add(kind, atMs);
  }

  /** All counts so far. */
  views(nowMs: number): CallView<Kind>[] {
    const verbs = [...new Set([...this.#done.keys(), ...this.#errors.keys()])];
    return verbs.map((verb) => {
      const done = this.#done.get(verb);
      return {
        verb,
        done: done?.count ?? 0,
        doneAgeMs: ageOf(done?.atMs ?? null, nowMs),
        tookMs: done?.tookMs ?? null,
        errors: this.#errors.get(verb)?.views(nowMs) ?? [],
      };
    });
  }
}
