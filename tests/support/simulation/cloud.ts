// The simulated cloud of the cluster simulation: the holders, calls that take time, and calls that fail.
import { EVICT_WITHIN_MS } from "../../../src/exoscale/cloud_error.ts";
import { REPEAT_MAX_MS } from "../../../src/exoscale/attempts.ts";
import { OPERATION_TIMEOUT_MS } from "../../../src/exoscale/operation.ts";
import type { CallEnds } from "./machine.ts";
import type { Timeline } from "../timeline.ts";
import { CHANGE_LIFETIME_MS, type LeaseSpan } from "../../../src/core/lease/state.ts";
import type { Call, Setback } from "../../../src/core/ownership/call.ts";
import { CALL_TIMEOUT_MS } from "../../../src/exoscale/http.ts";

/**
 * How the cloud treats a caller. `lost`: it carries out the request, but the answer never arrives; `keeps`: it refuses
 * to evict; `denies`: it refuses every change; `pends`: it accepts changes, but does not finish them while the fault
 * lasts; `limits`: it refuses all calls for a few seconds; `late`: it answers no change, and carries it out at some time
 * until the request expires, with the lease of its sender at the latest.
 */
export type Fault =
  | "ok"
  | "fails"
  | "refuses"
  | "hangs"
  | "lost"
  | "keeps"
  | "denies"
  | "pends"
  | "limits"
  | "late";

/** The caller, and its callbacks. */
export interface Caller extends CallEnds {
  readonly instanceId: string;
  /** Continues with the next request of the same call as soon as the machine can; never if its process has ended. */
  readonly resume: (work: () => void) => void;
}

/** A request to change the holders. */
export interface ChangeRequest {
  readonly change: "attach" | "detach";
  readonly instanceId: string;
  /** The instance that sent it, null for an operator. */
  readonly by: string | null;
  /** When it left. */
  readonly sentAtMs: number;
  /** When the cloud began to carry it out. */
  readonly acceptedAtMs: number;
}

/** How often a client polls an operation. */
const CLIENT_POLL_MS = 2_000;
/** Longest wait that a rate-limiting cloud imposes. */
const LIMIT_MS = 4_000;

/** Holders and their changes. */
export class SimCloud {
  readonly holders = new Set<string>();
  /** Instances that are switched off. */
  readonly stopped: Set<string>;
  latencyMs = 5;
  operationMs = 0;
  /** How old the data of a reading may be. */
  staleMs = 0;
  fault: (instanceId: string) => Fault = () => "ok";
  /** When it last failed a caller. */
  troubledAtMs = -Infinity;
  /** When the holders last changed. */
  changedAtMs = -Infinity;
  /** When an operator last changed something. */
  handAtMs = -Infinity;
  /** Called when a change is accepted, before its duration. */
  onAccept: (change: "attach" | "detach", instanceId: string, by: string) => void = () => {};
  /** Called when a change is carried out, before the holders change. */
  onCarryOut: (request: ChangeRequest) => void = () => {};
  /** When it was last there again after it had been released. */
  backAtMs = -Infinity;
  /** Called after each change. */
  onChanged: () => void = () => {};
  readonly #first: SimCloud;
  readonly #timeline: Timeline;
  readonly #random: () => number;
  readonly #lostAtMs = new Map<string, number>();
  readonly #gotAtMs = new Map<string, number>();
  #released = false;
  #past: { atMs: number; holders: ReadonlySet<string> }[] = [];

  /** `first`: the cloud of another Elastic IP, which has the same machines. */
  constructor(timeline: Timeline, random: () => number, first: SimCloud | null = null) {
    this.#timeline = timeline;
    this.#random = random;
    this.#first = first ?? this;
    this.stopped = first?.stopped ?? new Set();
  }

  /** The longest time of one call without faults, until its result shows. */
  get callMs(): number {
    return 2 * this.latencyMs + this.operationMs + this.staleMs;
  }

  /** When the instance last held: now, or when it lost the address. */
  heldAtMs(instanceId: string): number {
    if (this.holders.has(instanceId)) return this.#timeline.nowMs;
    return this.#lostAtMs.get(instanceId) ?? -Infinity;
  }

  /** Since when the instance has held, Infinity if it does not. */
  heldSinceMs(instanceId: string): number {
    return this.#gotAtMs.get(instanceId) ?? Infinity;
  }

  /** Changes the holders. */
  change(change: "attach" | "detach", instanceId: string): void {
    this.changedAtMs = this.#timeline.nowMs;
    this.#past.push({ atMs: this.#timeline.nowMs, holders: new Set(this.holders) });
    this.#past = this.#past.filter(({ atMs }) => atMs > this.#timeline.nowMs - this.staleMs);
    const had = this.holders.has(instanceId);
    if (change === "attach") {
      this.holders.add(instanceId);
      if (!had) this.#gotAtMs.set(instanceId, this.#timeline.nowMs);
    } else if (this.holders.delete(instanceId)) {
      this.#lostAtMs.set(instanceId, this.#timeline.nowMs);
      this.#gotAtMs.delete(instanceId);
    }
    this.onChanged();
  }

  /** An operator's manual change. */
  changeByHand(change: "attach" | "detach", instanceId: string): void {
    this.handAtMs = this.#first.handAtMs = this.#timeline.nowMs;
    const { nowMs } = this.#timeline, when = { sentAtMs: nowMs, acceptedAtMs: nowMs };
    this.onCarryOut({ change, instanceId, by: null, ...when });
    this.change(change, instanceId);
  }

  /** Whether the Elastic IP was released. */
  get released(): boolean {
    return this.#released;
  }

  set released(is: boolean) {
    if (this.#released && !is) this.backAtMs = this.#timeline.nowMs;
    this.#released = is;
  }

  /** Serves one call, step by step as the real client makes its requests. */
  call(call: Call, caller: Caller): void {
    const { instanceId: self } = caller;
    switch (call.verb) {
      case "prepare":
        return this.#request(caller, () => {
          const holds = this.#shows(self);
          caller.answer({ verb: "prepare", holds, selfId: self, instanceId: self, addresses: [] });
        });
      case "look":
        return this.#request(caller, () => {
          const others = call.others ? this.#othersThan(self) : null;
          if (this.released) {
            return caller.answer({ verb: "look", holds: false, others, released: RELEASED });
          }
          caller.answer({ verb: "look", holds: this.#shows(self), others });
        });
      case "inspect":
        return this.#request(caller, () => {
          caller.answer({ verb: "inspect", holds: this.#shows(call.instanceId) });
        });
      case "attach":
        if (!caller.wanted()) {
          return this.#timeline.at(this.#timeline.nowMs, () => caller.fail(LATE));
        }
        return this.#operation(caller, ["attach", self], () => caller.answer({ verb: "attach" }));
      case "detach-self":
        return this.#operation(caller, ["detach", self], () => {
          caller.answer({ verb: "detach-self" });
        });
      case "evict":
        return this.#evict(call, caller);
      default:
        return call satisfies never;
    }
  }

  #evict(
    { instanceId, onlyIfStopped }: Extract<Call, { verb: "evict" }>,
    caller: Caller,
  ): void {
    const beganMs = this.#timeline.nowMs;
    this.#request(caller, () => {
      if (!this.#shows(instanceId)) return caller.answer({ verb: "evict", outcome: "absent" });
      if (onlyIfStopped && !this.stopped.has(instanceId)) {
        return caller.answer({ verb: "evict", outcome: "running" });
      }
      caller.resume(() => {
        if (this.#timeline.nowMs >= beganMs + EVICT_WITHIN_MS) return caller.fail(RETRYABLE);
        if (!caller.wanted()) return caller.fail(RETRYABLE);
        if (this.#faultOf(caller) === "keeps") return caller.fail(REFUSED);
        this.#operation(caller, ["detach", instanceId], () => {
          // The earlier reading may be old: detaching what is not attached evicts nothing.
          const taken = this.heldAtMs(instanceId) >= beganMs;
          caller.answer({ verb: "evict", outcome: taken ? "taken" : "gone" });
        });
      });
    });
  }

  #operation(
    caller: Caller,
    [change, id]: ["attach" | "detach", string],
    done: () => void,
  ): void {
    const { nowMs } = this.#timeline;
    const by = caller.instanceId;
    const begin = (sentAtMs: number, ended = () => {}, inMs = 0) => {
      const { nowMs: acceptedAtMs } = this.#timeline;
      this.onAccept(change, id, by);
      this.#timeline.at(acceptedAtMs + inMs + this.operationMs, () => {
        this.onCarryOut({ change, instanceId: id, by, sentAtMs, acceptedAtMs });
        this.change(change, id);
        ended();
      });
    };
    const answer = () =>
      this.#timeline.at(this.#timeline.nowMs + this.latencyMs, () => {
        caller.progress(this.latencyMs);
        done();
      });
    // One's own hold may be given up at any time.
    const own = change === "detach" && id === by;
    const expiresAtMs = own ? Infinity : expiryOf(caller.lease());
    if (expiresAtMs <= nowMs) return this.#timeline.at(nowMs, () => caller.fail(LATE));
    if (this.#faultOf(caller) === "late") {
      const lateMs = this.latencyMs + this.#random() * (CHANGE_LIFETIME_MS - this.latencyMs);
      if (nowMs + lateMs < expiresAtMs) this.#timeline.at(nowMs + lateMs, () => begin(nowMs));
      return this.#hang(caller, () => this.#operation(caller, [change, id], done));
    }
    if (this.#faultOf(caller) === "denies") {
      return this.#timeline.at(nowMs + this.latencyMs, () => caller.fail(REFUSED));
    }
    if (this.#faultOf(caller) === "lost") {
      begin(nowMs, () => {}, this.latencyMs);
      return this.#hang(caller, answer);
    }
    this.#request(caller, () => {
      if (this.released) return caller.fail({ ...REFUSED, released: RELEASED });
      if (this.#faultOf(caller) === "pends") {
        caller.accepted();
        return this.#pend(caller);
      }
      const { nowMs } = this.#timeline;
      if (expiresAtMs <= nowMs) return caller.fail(LATE);
      if (this.operationMs > 0) caller.accepted();
      begin(nowMs - this.latencyMs, answer);
    });
  }

  /** The operation stays pending while the fault lasts, as every poll shows; then it fails. */
  #pend(caller: Caller, sinceMs: number = this.#timeline.nowMs): void {
    const { nowMs } = this.#timeline;
    const over = this.#faultOf(caller) !== "pends";
    if (over || nowMs >= sinceMs + OPERATION_TIMEOUT_MS) return caller.fail(RETRYABLE);
    this.#timeline.at(nowMs + CLIENT_POLL_MS, () =>
      caller.resume(() => {
        caller.progress(this.latencyMs);
        this.#pend(caller, sinceMs);
      }));
  }

  /** No answer: the client repeats the request beside the first while it is still wanted, and gives up at last. */
  #hang(caller: Caller, answered: () => void, sinceMs: number = this.#timeline.nowMs): void {
    const endMs = sinceMs + CALL_TIMEOUT_MS;
    const nextMs = this.#timeline.nowMs + REPEAT_MAX_MS;
    if (nextMs >= endMs) return this.#timeline.at(endMs, () => caller.fail(RETRYABLE));
    this.#timeline.at(nextMs, () =>
      caller.resume(() => {
        if (!caller.wanted()) return caller.fail(RETRYABLE);
        const hangs = ["hangs", "lost", "late"].includes(this.#faultOf(caller));
        return hangs ? this.#hang(caller, answered, sinceMs) : answered();
      }));
  }

  #request(caller: Caller, answer: () => void): void {
    const { nowMs } = this.#timeline;
    const failAt = (atMs: number, setback: Setback) =>
      this.#timeline.at(atMs, () => caller.fail(setback));
    switch (this.#faultOf(caller)) {
      case "fails":
        return failAt(nowMs + this.latencyMs, RETRYABLE);
      case "refuses":
        return failAt(nowMs + this.latencyMs, REFUSED);
      case "limits": {
        const retryAfterMs = Math.ceil(this.#random() * LIMIT_MS);
        return failAt(nowMs + this.latencyMs, { retryable: true, retryAfterMs });
      }
      case "hangs":
      case "lost":
        return this.#hang(caller, () => this.#request(caller, answer));
      default:
        return this.#timeline.at(nowMs + this.latencyMs, () => {
          caller.progress(this.latencyMs);
          answer();
        });
    }
  }

  #faultOf({ instanceId }: Caller): Fault {
    const fault = this.fault(instanceId);
    if (fault !== "ok") this.troubledAtMs = this.#first.troubledAtMs = this.#timeline.nowMs;
    return fault;
  }

  #othersThan(self: string) {
    return [...this.#shown()].filter((id) => id !== self)
      .map((instanceId) => ({ instanceId, off: this.stopped.has(instanceId) }));
  }

  #shown(): ReadonlySet<string> {
    const sinceMs = this.#timeline.nowMs - this.staleMs;
    return this.#past.find(({ atMs }) => atMs > sinceMs)?.holders ?? this.holders;
  }

  #shows(instanceId: string): boolean {
    return this.#shown().has(instanceId);
  }
}

/** When a change expires that is signed now under that lease: the client leaves the cloud a second to count in. */
function expiryOf(span: LeaseSpan | null): number {
  return span === null ? Infinity : Math.floor(span.endsAtMs / 1_000) * 1_000;
}

const RELEASED = "the Elastic IP was released";
const RETRYABLE: Setback = { retryable: true, retryAfterMs: null };
const REFUSED: Setback = { retryable: false, retryAfterMs: null, open: false };
const LATE: Setback = { ...RETRYABLE, open: false };
