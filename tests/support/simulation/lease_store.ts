// The simulated store of leases: one record, leases that expire by the store's own time, answers that come late or
// never, and a watch. It knows no watchdog, so checkers can take its word for who owns the lease.
import type {
  Candidate,
  LeaseAnswer,
  LeaseCall,
  LeaseSight,
} from "../../../src/core/lease/call.ts";
import type { Timeline } from "../timeline.ts";

/**
 * How the store treats a caller. `down`: a request is not carried out, and nothing answers; `fails`: nor is it, and an
 * error says so at once; `lost`: it is carried out, and nothing answers; `late`: it is carried out seconds later;
 * `held`: so is what changes the lease, while readings and the watch are quick; `slow`: the answer takes up to two
 * seconds; `silent`: the watch tells nothing; `behind`: the watch tells what was seconds ago.
 */
export type StoreFault =
  | "ok"
  | "down"
  | "fails"
  | "lost"
  | "late"
  | "held"
  | "slow"
  | "silent"
  | "behind";

/** Faults in which the watch tells changes. */
const WATCHED: readonly StoreFault[] = ["ok", "held", "behind"];
/** Calls that change the lease. */
const CHANGES: readonly LeaseCall["verb"][] = ["acquire", "renew", "release"];

/** Faults of the watch alone. */
const OF_WATCH: readonly StoreFault[] = ["ok", "silent", "behind"];

/** How late a late request is carried out, and how slow a slow answer is. */
const LATE_MS = 8_000, SLOW_MS = 2_000;

/** How a call ends; used once. */
export interface StoreEnds {
  readonly answer: (answer: LeaseAnswer) => void;
  readonly fail: () => void;
}

/** The caller as the store knows it. */
export interface StoreCaller {
  readonly instanceId: string;
  readonly limitMs: number;
}

interface Held {
  readonly instanceId: string;
  readonly releasedTo?: string;
  readonly token: string;
  readonly revision: string;
}

/** The store of one Elastic IP's lease. */
export class SimStore {
  latencyMs = 2;
  /** Called when somebody else owns the lease than before, or nobody. */
  onOwner: (owner: string | null) => void = () => {};
  #faults: ReadonlyMap<string, StoreFault> = new Map();
  #faultOfAll: StoreFault = "ok";
  /** When it last troubled a caller, or came back. */
  troubledAtMs = -Infinity;
  /** Calls so far, by instance. */
  readonly calls = new Map<string, number>();
  readonly #timeline: Timeline;
  readonly #random: () => number;
  readonly #ttlMs: number;
  readonly #watchers = new Map<string, (sight: LeaseSight) => void>();
  readonly #expiresAtMs = new Map<string, number>();
  readonly #candidates = new Map<string, { candidate: Candidate; session: string }>();
  #holder: Held | null = null;
  #version = 1;
  #tokens = 0;
  #allDown = false;

  constructor(timeline: Timeline, random: () => number, ttlMs: number) {
    this.#timeline = timeline;
    this.#random = random;
    this.#ttlMs = ttlMs;
  }

  /** The instance that owns the lease now, null without one. */
  get owner(): string | null {
    return this.#holder === null || this.#holder.releasedTo !== undefined
      ? null
      : this.#holder.instanceId;
  }

  /** Who may take the lease besides its owner: anybody (null), or the one to whom it was released. */
  get reserved(): string | null {
    return this.#holder?.releasedTo ?? null;
  }

  /** A majority is lost, or there again. Then every lease gets its whole time, as a new leader of etcd gives it. */
  set allDown(down: boolean) {
    this.troubledAtMs = this.#timeline.nowMs;
    if (this.#allDown && !down) {
      for (const token of this.#expiresAtMs.keys()) this.#extend(token);
    }
    this.#allDown = down;
  }

  get allDown(): boolean {
    return this.#allDown;
  }

  /** The way from that machine to the store. */
  fault(instanceId: string): StoreFault {
    return this.#faults.get(instanceId) ?? this.#faultOfAll;
  }

  /** Breaks or mends the ways from those machines, or from all. */
  setFault(fault: StoreFault, instanceIds: readonly string[]): void {
    if (instanceIds.length === 0) {
      this.#faultOfAll = fault;
      this.#faults = new Map();
    } else {
      this.#faults = new Map([...this.#faults, ...instanceIds.map((id) => [id, fault] as const)]);
    }
  }

  /** The majority is back, and knows how old each lease is: what should have expired meanwhile has. */
  expire(): void {
    if (!this.#allDown) return;
    this.troubledAtMs = this.#timeline.nowMs;
    this.#allDown = false;
    for (const [token, expiresAtMs] of this.#expiresAtMs) {
      if (expiresAtMs <= this.#timeline.nowMs) this.#expire(token, expiresAtMs);
    }
  }

  /** From now on the machine's watch shows changes to this function; null ends it. */
  watch(instanceId: string, show: ((sight: LeaseSight) => void) | null): void {
    if (show) this.#watchers.set(instanceId, show);
    else this.#watchers.delete(instanceId);
  }

  /** Serves one call. */
  call(call: LeaseCall, { instanceId, limitMs }: StoreCaller, { answer, fail }: StoreEnds): void {
    const { nowMs } = this.#timeline;
    this.calls.set(instanceId, (this.calls.get(instanceId) ?? 0) + 1);
    let over = false;
    const end = (work: () => void) => {
      if (!over) work();
      over = true;
    };
    this.#timeline.at(nowMs + limitMs, () => end(fail));
    const fault = this.#faultOf(instanceId);
    if (fault === "down") return;
    if (fault === "fails") return this.#timeline.at(nowMs + this.latencyMs, () => end(fail));
    const late = fault === "late" || (fault === "held" && CHANGES.includes(call.verb));
    const waitMs = late ? this.#random() * LATE_MS : this.latencyMs;
    this.#timeline.at(nowMs + waitMs, () => {
      if (this.#allDown) return;
      const result = this.#serve(call, instanceId);
      if (fault === "lost") return;
      const backMs = fault === "slow" ? this.#random() * SLOW_MS : this.latencyMs;
      this.#timeline.at(this.#timeline.nowMs + backMs, () => end(() => answer(result)));
    });
  }

  #faultOf(instanceId: string): StoreFault {
    const fault = this.#allDown ? "down" : this.fault(instanceId);
    if (!OF_WATCH.includes(fault)) this.troubledAtMs = this.#timeline.nowMs;
    return fault;
  }

  #serve(call: LeaseCall, instanceId: string): LeaseAnswer {
    const { verb } = call;
    switch (verb) {
      case "read":
        return { verb, sight: this.#sight() };
      case "acquire": {
        const free = (this.#holder?.revision ?? null) === call.revision;
        if (!free) return { verb, token: null, sight: this.#sight() };
        const token = `${instanceId} ${++this.#tokens}`;
        this.#extend(token);
        this.#change({ instanceId, token, revision: `${this.#version + 1}` });
        return { verb, token, sight: this.#sight() };
      }
      case "renew": {
        const ours = this.#owns(call.token);
        if (ours) this.#extend(call.token);
        return { verb, ours };
      }
      case "release":
        if (this.#owns(call.token)) {
          if (call.to === null) this.#change(null);
          else {
            this.#extend(call.token);
            const { token } = call, revision = `${this.#version + 1}`;
            this.#change({ instanceId, token, revision, releasedTo: call.to });
          }
        }
        return { verb };
      case "announce": {
        const session = call.session ?? `session ${instanceId} ${++this.#tokens}`;
        this.#candidates.set(instanceId, { candidate: { instanceId, says: call.says }, session });
        this.#extend(session);
        this.#tell();
        return { verb, session };
      }
      default:
        return call satisfies never;
    }
  }

  #owns(token: string): boolean {
    return this.#holder?.token === token && this.#holder.releasedTo === undefined;
  }

  #sight(): LeaseSight {
    const held = this.#holder;
    const record = held && {
      instanceId: held.instanceId,
      ...(held.releasedTo !== undefined && { releasedTo: held.releasedTo }),
      sinceWallMs: 0,
      revision: held.revision,
    };
    const candidates = [...this.#candidates.values()].map(({ candidate }) => candidate);
    return { record, candidates, version: this.#version };
  }

  #extend(token: string): void {
    const expiresAtMs = this.#timeline.nowMs + this.#ttlMs;
    this.#expiresAtMs.set(token, expiresAtMs);
    this.#timeline.at(expiresAtMs, () => this.#expire(token, expiresAtMs));
  }

  #expire(token: string, expiresAtMs: number): void {
    if (this.#allDown || this.#expiresAtMs.get(token) !== expiresAtMs) return;
    this.#expiresAtMs.delete(token);
    if (this.#holder?.token === token) this.#change(null);
    for (const [id, { session }] of this.#candidates) {
      if (session === token && this.#candidates.delete(id)) this.#tell();
    }
  }

  #change(holder: Held | null): void {
    const before = this.owner;
    this.#holder = holder;
    if (this.owner !== before) this.onOwner(this.owner);
    this.#tell();
  }

  #tell(): void {
    this.#version += 1;
    const sight = this.#sight();
    for (const [id, show] of this.#watchers) {
      const fault = this.fault(id);
      if (this.#allDown || !WATCHED.includes(fault)) continue;
      const waitMs = fault === "behind" ? this.#random() * LATE_MS : this.latencyMs;
      this.#timeline.at(this.#timeline.nowMs + waitMs, () => show(sight));
    }
  }
}
