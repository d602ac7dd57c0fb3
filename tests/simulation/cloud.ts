// The simulated cloud of the cluster simulation: who holds, calls that take time, and calls that go wrong.
import type { Answer, Call } from "../../src/core/ownership_state.ts";
import type { Setback } from "../../src/core/lane.ts";
import { REQUEST_TIMEOUT_MS } from "../../src/exoscale/http.ts";
import { OPERATION_TIMEOUT_MS } from "../../src/exoscale/operation.ts";
import type { Timeline } from "./timeline.ts";

/**
 * How the cloud treats a caller. `lost`: it does what is asked, but the answer never arrives; `keeps`: it
 * refuses to take from others; `pends`: it accepts changes and never ends them.
 */
export type Mood = "ok" | "fails" | "refuses" | "hangs" | "lost" | "keeps" | "pends";

/** What becomes of a call. */
export interface Caller {
  readonly instanceId: string;
  /** Whether the caller still runs: a dead one sends no second request. */
  readonly alive: () => boolean;
  readonly progress: () => void;
  readonly answer: (answer: Answer) => void;
  readonly fail: (setback: Setback) => void;
}

/** The client gives up on a request, and on an operation, after this time. */
const CLIENT_TIMEOUT_MS = REQUEST_TIMEOUT_MS, CLIENT_PENDING_MS = OPERATION_TIMEOUT_MS;
/** How often it asks about an operation. */
const CLIENT_POLL_MS = 2_000;

/** Holders and their changes. */
export class SimCloud {
  readonly holders = new Set<string>();
  /** Instances that are switched off. */
  readonly stopped = new Set<string>();
  latencyMs = 5;
  operationMs = 0;
  /** How old what a reading shows may be. */
  staleMs = 0;
  mood: (instanceId: string) => Mood = () => "ok";
  /** Called when a change is accepted, before the time that it takes. */
  onAccept: (change: "attach" | "detach", instanceId: string, by: string) => void = () => {};
  /** Called after each change. */
  onChanged: () => void = () => {};
  readonly #timeline: Timeline;
  #past: { atMs: number; holders: ReadonlySet<string> }[] = [];

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** Changes who holds, by a node's operation or by hand. */
  change(change: "attach" | "detach", instanceId: string): void {
    this.#past.push({ atMs: this.#timeline.nowMs, holders: new Set(this.holders) });
    this.#past = this.#past.filter(({ atMs }) => atMs > this.#timeline.nowMs - this.staleMs);
    if (change === "attach") this.holders.add(instanceId);
    else this.holders.delete(instanceId);
    this.onChanged();
  }

  /** Serves one call, step by step as the real client makes its requests. */
  call(call: Call, caller: Caller): void {
    const { instanceId: self } = caller;
    switch (call.verb) {
      case "prepare":
        return this.#request(caller, () => {
          caller.answer({ verb: "prepare", holds: this.#shows(self), selfId: self });
        });
      case "look":
        return this.#request(caller, () => {
          const others = call.others
            ? [...this.#shown()].filter((id) => id !== self)
              .map((instanceId) => ({ instanceId, off: this.stopped.has(instanceId) }))
            : null;
          caller.answer({ verb: "look", holds: this.#shows(self), others });
        });
      case "inspect":
        return this.#request(caller, () => {
          caller.answer({ verb: "inspect", holds: this.#shows(call.instanceId) });
        });
      case "attach":
        return this.#operation(caller, ["attach", self], () => caller.answer({ verb: "attach" }));
      case "detach-self":
        return this.#operation(
          caller,
          ["detach", self],
          () => caller.answer({ verb: "detach-self" }),
        );
      case "evict":
        return this.#request(caller, () => {
          const { instanceId, onlyIfStopped } = call;
          if (!this.#shows(instanceId)) return caller.answer({ verb: "evict", outcome: "absent" });
          if (onlyIfStopped && !this.stopped.has(instanceId)) {
            return caller.answer({ verb: "evict", outcome: "running" });
          }
          caller.progress();
          if (this.mood(self) === "keeps") return caller.fail(REFUSED);
          this.#operation(caller, ["detach", instanceId], () => {
            caller.answer({ verb: "evict", outcome: "taken" });
          });
        });
      default:
        return call satisfies never;
    }
  }

  #operation(caller: Caller, [change, id]: ["attach" | "detach", string], done: () => void): void {
    const lost = this.mood(caller.instanceId) === "lost";
    const { nowMs } = this.#timeline;
    const apply = () => this.change(change, id);
    if (lost) {
      this.onAccept(change, id, caller.instanceId);
      this.#timeline.at(nowMs + this.latencyMs + this.operationMs, apply);
      return this.#timeline.at(nowMs + CLIENT_TIMEOUT_MS, () => caller.fail(RETRYABLE));
    }
    this.#request(caller, () => {
      caller.progress();
      if (this.mood(caller.instanceId) === "pends") return this.#pend(caller);
      this.onAccept(change, id, caller.instanceId);
      this.#timeline.at(this.#timeline.nowMs + this.operationMs, () => {
        apply();
        this.#timeline.at(this.#timeline.nowMs + this.latencyMs, done);
      });
    });
  }

  /** The operation never ends, and every poll says so. */
  #pend(caller: Caller, sinceMs: number = this.#timeline.nowMs): void {
    const { nowMs } = this.#timeline;
    if (nowMs >= sinceMs + CLIENT_PENDING_MS) return caller.fail(RETRYABLE);
    this.#timeline.at(nowMs + CLIENT_POLL_MS, () => {
      if (!caller.alive()) return;
      caller.progress();
      this.#pend(caller, sinceMs);
    });
  }

  #request(caller: Caller, answer: () => void): void {
    if (!caller.alive()) return;
    const { nowMs } = this.#timeline;
    const mood = this.mood(caller.instanceId);
    const failing = { fails: RETRYABLE, refuses: REFUSED }[mood as "fails" | "refuses"];
    if (failing) return this.#timeline.at(nowMs + this.latencyMs, () => caller.fail(failing));
    if (mood === "hangs" || mood === "lost") {
      return this.#timeline.at(nowMs + CLIENT_TIMEOUT_MS, () => caller.fail(RETRYABLE));
    }
    this.#timeline.at(nowMs + this.latencyMs, answer);
  }

  #shown(): ReadonlySet<string> {
    const sinceMs = this.#timeline.nowMs - this.staleMs;
    return this.#past.find(({ atMs }) => atMs > sinceMs)?.holders ?? this.holders;
  }

  #shows(instanceId: string): boolean {
    return this.#shown().has(instanceId);
  }
}

const RETRYABLE: Setback = { retryable: true, retryAfterMs: null };
const REFUSED: Setback = { retryable: false, retryAfterMs: null };
