// A consensus store in memory, shared by the nodes of a test: leases and sessions that expire by the test's clock, a
// watch, and faults. It takes no word of the nodes for anything.
import { StoreError } from "../../src/leases/store_error.ts";
import type { Candidate, LeaseRecord, LeaseSight } from "../../src/core/lease/call.ts";
import type { Claim, LeaseStore } from "../../src/world.ts";
import { sleepIn } from "./clock.ts";
import type { VirtualClock } from "./clock.ts";

/** Time of a request and its answer. */
const ROUND_TRIP_MS = 4;

type Verb = "read" | "acquire" | "renew" | "release" | "announce" | "watch";

/** The lease as the store keeps it. */
interface Kept {
  readonly record: LeaseRecord;
  readonly token: string;
}

/** The store. */
export class MemoryStore {
  /** Nodes that get no answer from the store. */
  readonly cut = new Set<string>();
  /** While true nobody gets an answer; time goes on in the store. */
  away = false;
  /** Calls that arrived, by node. */
  readonly calls = new Map<string, Verb[]>();
  readonly #clock: VirtualClock;
  readonly #ttlMs: number;
  readonly #expiries = new Map<string, number>();
  readonly #candidates = new Map<string, { candidate: Candidate; session: string }>();
  readonly #watchers = new Map<(sight: LeaseSight) => void, string>();
  #kept: Kept | null = null;
  #version = 0;
  #numbers = 0;

  constructor(clock: VirtualClock, ttlMs: number) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
  }

  /** What everybody could read now. */
  get sight(): LeaseSight {
    const candidates = [...this.#candidates.values()].map(({ candidate }) => candidate)
      .toSorted((one, other) => one.instanceId < other.instanceId ? -1 : 1);
    return { record: this.#kept?.record ?? null, candidates, version: this.#version };
  }

  /** The instance that owns the lease, null while nobody does. */
  get owner(): string | null {
    const record = this.#kept?.record;
    return record && record.releasedTo === undefined ? record.instanceId : null;
  }

  /** The sessions that have not expired, of any node. */
  get sessions(): number {
    return this.#expiries.size - (this.#kept ? 1 : 0);
  }

  /** The store as that node reaches it. */
  clientOf(node: string): LeaseStore {
    const ask = <Value>(verb: Verb, signal: AbortSignal, work: () => Value) =>
      this.#ask(node, verb, { signal, work });
    return {
      name: "a store in memory",
      read: (signal) => ask("read", signal, () => this.sight),
      acquire: (claim, revision, signal) =>
        ask("acquire", signal, () => this.#acquire(claim, revision)),
      renew: (token, signal) => ask("renew", signal, () => this.#renew(token)),
      release: (token, to, signal) => ask("release", signal, () => this.#release(token, to)),
      announce: (candidate, session, signal) =>
        ask("announce", signal, () => this.#announce(candidate, session)),
      watch: (show, signal) => this.#watch(node, show, signal),
    };
  }

  async #ask<Value>(
    node: string,
    verb: Verb,
    { signal, work }: { signal: AbortSignal; work: () => Value },
  ): Promise<Value> {
    await this.#travel(node, signal);
    this.calls.set(node, [...this.calls.get(node) ?? [], verb]);
    const value = work();
    await this.#travel(node, signal);
    return value;
  }

  /** Hangs while the node gets no answer, as a packet filter makes it hang. */
  async #travel(node: string, signal: AbortSignal): Promise<void> {
    await sleepIn(this.#clock, ROUND_TRIP_MS / 2, signal);
    if (this.#lost(node) && !signal.aborted) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    }
    if (signal.aborted) throw new StoreError("unreachable", "no answer in time");
  }

  #lost(node: string): boolean {
    return this.away || this.cut.has(node);
  }

  #acquire(claim: Claim, revision: string | null) {
    if ((this.#kept?.record.revision ?? null) !== revision) {
      return { token: null, sight: this.sight };
    }
    if (this.#kept) this.#expiries.delete(this.#kept.token);
    const { wallMs: sinceWallMs, ...who } = claim;
    const token = this.#begin();
    this.#kept = { record: { ...who, sinceWallMs, revision: this.#number("revision") }, token };
    this.#changed();
    return { token, sight: this.sight };
  }

  #renew(token: string): boolean {
    const record = this.#kept?.token === token ? this.#kept.record : null;
    if (record === null || record.releasedTo !== undefined) return false;
    this.#keep(token);
    return true;
  }

  #release(token: string, to: string | null): void {
    if (this.#kept?.token !== token) return;
    if (to === null) return this.#expire(token);
    const record = { ...this.#kept.record, releasedTo: to, revision: this.#number("revision") };
    this.#kept = { record, token };
    this.#changed();
  }

  #announce(candidate: Candidate, session: string | null): string {
    const { instanceId } = candidate;
    const before = this.#candidates.get(instanceId);
    const kept = session !== null && this.#expiries.has(session) ? session : this.#begin();
    this.#keep(kept);
    this.#candidates.set(instanceId, { candidate, session: kept });
    const same = before?.session === kept &&
      JSON.stringify(before.candidate) === JSON.stringify(candidate);
    if (!same) this.#changed();
    return kept;
  }

  async #watch(
    node: string,
    show: (sight: LeaseSight) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#travel(node, signal).catch(() => {});
    if (signal.aborted) return;
    this.calls.set(node, [...this.calls.get(node) ?? [], "watch"]);
    this.#watchers.set(show, node);
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    this.#watchers.delete(show);
  }

  #number(what: string): string {
    return `${what}-${++this.#numbers}`;
  }

  #begin(): string {
    const name = this.#number("lease");
    this.#keep(name);
    return name;
  }

  #keep(name: string): void {
    const untilMs = this.#clock.nowMs() + this.#ttlMs;
    this.#expiries.set(name, untilMs);
    this.#clock.at(untilMs, () => {
      if (this.#expiries.get(name) === untilMs) this.#expire(name);
    });
  }

  /** Ends a lease with all that hangs on it. */
  #expire(name: string): void {
    this.#expiries.delete(name);
    let changed = this.#kept?.token === name;
    if (changed) this.#kept = null;
    for (const [instanceId, { session }] of this.#candidates) {
      if (session !== name) continue;
      this.#candidates.delete(instanceId);
      changed = true;
    }
    if (changed) this.#changed();
  }

  #changed(): void {
    this.#version += 1;
    const { sight } = this;
    for (const [show, node] of this.#watchers) {
      this.#clock.at(this.#clock.nowMs() + ROUND_TRIP_MS / 2, () => {
        if (!this.#lost(node) && this.#watchers.has(show)) show(sight);
      });
    }
  }
}
