// The checks of this node's service, in parallel, each on its own schedule: a check that hangs delays no other check
// and no heartbeat. core/health.ts decides what the results mean.
import type { CheckSpec } from "./spec.ts";
import {
  type CheckHealth,
  type CheckResult,
  type Health,
  noteResult,
  startHealth,
  unhealthyReasons,
} from "../core/health.ts";
import { durationText } from "../core/age.ts";
import { messageOf } from "../core/message_of.ts";
import { BurstLog } from "../log/burst_log.ts";
import { type Line, RateLimitedLog } from "../log/rate_limited_log.ts";
import type { Probe } from "./probe.ts";
import type { Clock, Log } from "../world.ts";

/** How checks are made. */
export interface CheckSettings {
  readonly checks: readonly CheckSpec[];
  /** From the start of one run to the start of the next. */
  readonly intervalMs: number;
  /** Longest run. */
  readonly timeoutMs: number;
  /** Successes until a failing check passes. */
  readonly rise: number;
  /** Failures until a passing check fails. */
  readonly fall: number;
  /** How long a check without a result counts as passing. */
  readonly graceMs: number;
  /** Known results of checks with the same title. */
  readonly known?: readonly CheckHealth[];
}

/** What checks need of the process. */
export interface CheckWorld {
  readonly clock: Clock;
  readonly log: Log;
  readonly probe: Probe;
  /** Called with the first verdict, and whenever the verdict or its reason changes. */
  readonly tell: (healthy: boolean, why: string) => void;
}

/** Longest wait for running checks when closing. */
const CLOSE_MS = 2_000;

/** Checks that run from construction until they are closed. */
export class HealthChecks {
  readonly #settings: CheckSettings;
  readonly #world: CheckWorld;
  /** Aborted when this is closed. */
  readonly #waiting = new Set<AbortController>();
  readonly #loops: Promise<void>[];
  /** For checks that change all the time. */
  readonly #limitedLog: RateLimitedLog;
  readonly #burst: BurstLog;
  #health: Health;
  #closed = false;
  /** Why the node is unhealthy, as last reported; empty when healthy, null before the first verdict. */
  #told: string | null = null;

  constructor(settings: CheckSettings, world: CheckWorld) {
    const { checks, rise, fall, graceMs, known = [] } = settings;
    this.#settings = settings;
    this.#world = world;
    this.#limitedLog = new RateLimitedLog(world.log, world.clock);
    this.#burst = new BurstLog({ ...world, limitedLog: this.#limitedLog });
    const titles = checks.map(({ title }) => title);
    this.#health = startHealth(titles, { rise, fall }, {
      atMs: world.clock.nowMs(),
      graceMs,
      known,
    });
    this.#loops = checks.map((check, index) => this.#repeat(check, index));
    if (checks.length > 0) this.#loops.push(this.#endGrace());
  }

  /** Each check in its current state, in the order of the configuration; instants are those of the clock. */
  get checks(): readonly CheckHealth[] {
    return this.#health.checks;
  }

  /** Whether the node is healthy: each check passes, or is still within its grace time. */
  get healthy(): boolean {
    return unhealthyReasons(this.#health, this.#world.clock.nowMs()).length === 0;
  }

  /** Ends all runs; resolves when they are over, at the latest after two seconds. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#waiting) waiting.abort();
    await this.#within(Promise.all(this.#loops), CLOSE_MS);
    this.#limitedLog.close();
  }

  /** Repeats one check for ever, never twice at a time. */
  async #repeat(check: CheckSpec, index: number): Promise<void> {
    const { clock } = this.#world;
    while (!this.#closed) {
      const nextAtMs = clock.nowMs() + this.#settings.intervalMs;
      await this.#once(check, index);
      if (!this.#closed) await this.#sleep(Math.max(0, nextAtMs - clock.nowMs()));
    }
  }

  /** One run. Its result comes at the timeout at the latest; a run that does not end then fails again each interval. */
  async #once(check: CheckSpec, index: number): Promise<void> {
    const { clock, probe } = this.#world;
    const { timeoutMs } = this.#settings;
    const startedAtMs = clock.nowMs();
    const late = new AbortController();
    this.#waiting.add(late);
    const verdict = Promise.resolve().then(() => probe(check, late.signal))
      .then(() => "", messageOf);
    const reason = await this.#within(verdict, timeoutMs) ??
      `no result within ${durationText(timeoutMs)}`;
    late.abort();
    this.#waiting.delete(late);
    this.#note(index, { passing: reason === "", reason, tookMs: clock.nowMs() - startedAtMs });
    while (await this.#within(verdict, timeoutMs) === null && !this.#closed) {
      const stuck = "the run before was ended and does not end";
      this.#note(index, { passing: false, reason: stuck, tookMs: clock.nowMs() - startedAtMs });
    }
    await verdict;
  }

  /** The promise's value, null when it takes longer or this is closed. */
  async #within<T>(promise: Promise<T>, ms: number): Promise<T | null> {
    const over = new AbortController();
    const value = await Promise.race([promise, this.#sleep(ms, over).then(() => null)]);
    over.abort();
    return value;
  }

  /** Ends when `over` is aborted, or when this is closed. */
  async #sleep(ms: number, over = new AbortController()): Promise<void> {
    // `AbortSignal.any` with one common signal would keep them for ever (Deno 2.9).
    this.#waiting.add(over);
    await this.#world.clock.sleep(ms, over.signal);
    this.#waiting.delete(over);
  }

  #note(index: number, result: CheckResult): void {
    if (this.#closed) return;
    const atMs = this.#world.clock.nowMs();
    const before = this.#health.checks[index];
    this.#health = noteResult(this.#health, { index, result, atMs });
    const after = this.#health.checks[index];
    if (before && after && after.state !== before.state) {
      this.#burst.write(`check ${index}`, lineOf(before, after, result));
    }
    this.#limitedLog.settle(atMs);
    this.#conclude(atMs);
  }

  /** When the grace time is over, pending checks count. */
  async #endGrace(): Promise<void> {
    const { clock, log } = this.#world;
    await this.#sleep(this.#settings.graceMs);
    if (this.#closed) return;
    for (const { title } of this.#health.checks.filter(({ state }) => state === "pending")) {
      log.write(
        "warning",
        "check-pending",
        `${title}: no result yet, counts as failing until then`,
      );
    }
    this.#conclude(clock.nowMs());
  }

  #conclude(atMs: number): void {
    const why = unhealthyReasons(this.#health, atMs).join("; ");
    if (why === this.#told) return;
    this.#told = why;
    this.#world.tell(why === "", why || "all checks pass");
  }
}

function lineOf(
  before: CheckHealth,
  { title, changedAtMs }: CheckHealth,
  { passing, reason, tookMs }: CheckResult,
): Line<"check-failing" | "check-passing"> {
  if (!passing) return ["warning", "check-failing", `${title}: ${reason}`];
  const failed = before.state === "failing"
    ? `, was failing for ${durationText(changedAtMs - before.changedAtMs)}`
    : "";
  return ["info", "check-passing", `${title}: passed after ${durationText(tookMs)}${failed}`];
}
