// How one answer is fetched: a request waits for its turn, and one that hangs is repeated beside the first, not instead
// of it. So a slow answer still counts, and a dead connection delays nothing for longer than a few seconds. The first
// good answer wins.
import type { Clock } from "../world.ts";
import { CloudError, type CloudErrorKind } from "./cloud_error.ts";
import type { HttpAnswer } from "./http.ts";
import type { End, RateLimiter, Settle } from "./rate_limiter.ts";

/** Longest wait before a request without an answer is repeated, on a connection of its own. */
export const REPEAT_MAX_MS = 4_000;
/** Shortest wait. A change is repeated later than a read, because at best its second arrival is refused. */
const REPEAT_READ_MIN_MS = 1_000, REPEAT_CHANGE_MIN_MS = 3_000;
/** An answer is late when it takes this many times as long as the latest one. */
const LATE = 3;
/** Errors of answers that the API cannot have sent. */
const ODD: ReadonlySet<CloudErrorKind> = new Set(["empty-answer", "not-json", "truncated-json"]);
/** Requests per answer, at most. */
const ATTEMPTS_MAX = 4;
/** A connection that has waited longer than this for a request to leave proves nothing any more. */
const RIPE_MS = 250;

/** The kind of request. */
export interface Turn {
  /** It changes something, so it is queued before reads. */
  readonly writes: boolean;
  /** It changes nothing; by default the opposite of `writes`. */
  readonly asks?: boolean;
  /**
   * Throws when the request must not leave any more: the wait for its turn can be long. A request that can become
   * unwanted goes out on a new connection: on a dead one it would arrive much later.
   */
  readonly before?: (() => void) | undefined;
  readonly signal: AbortSignal;
}

/** How to make one request: the part that `exchange` needs. */
export interface AttemptOptions {
  readonly signal: AbortSignal;
  /** A request hangs, or may: do not reuse a connection. */
  readonly fresh: boolean;
  /** Use a connection of its own. */
  readonly alone: boolean;
  /** Called when the request goes out on a reused connection. */
  readonly onKept: () => void;
  readonly clock: Clock;
  /** Called when the request is about to leave. Resolves when it may, throws when it must not any more. */
  readonly mayLeave: () => Promise<void>;
}

/** One request. */
export type Attempt = (options: AttemptOptions) => Promise<HttpAnswer>;

/** An answer, and the time from its request to its end. */
export interface Answered {
  readonly answer: HttpAnswer;
  readonly tookMs: number;
}

/** Makes requests within the rate limit, and repeats them. */
export class Attempts {
  readonly #clock: Clock;
  readonly #limiter: RateLimiter;
  /** How long the latest answer took, null before the first. */
  #tookMs: number | null = null;

  constructor(clock: Clock, limiter: RateLimiter) {
    this.#clock = clock;
    this.#limiter = limiter;
  }

  /** The first good answer, else the best one. Throws the `CloudError` of the first attempt that tells why. */
  async send(turn: Turn, attempt: Attempt): Promise<Answered> {
    const firstWaitMs = this.#firstWaitMs(turn);
    const options = { attempt, clock: this.#clock, limiter: this.#limiter, firstWaitMs };
    const answered = await new Call(turn, options).run();
    this.#tookMs = answered.tookMs;
    return answered;
  }

  #firstWaitMs({ writes }: Turn): number {
    const least = writes ? REPEAT_CHANGE_MIN_MS : REPEAT_READ_MIN_MS;
    const usual = this.#tookMs === null ? REPEAT_CHANGE_MIN_MS : this.#tookMs * LATE;
    return Math.min(Math.max(usual, least), REPEAT_MAX_MS);
  }
}

interface CallOptions {
  readonly attempt: Attempt;
  readonly clock: Clock;
  readonly limiter: RateLimiter;
  readonly firstWaitMs: number;
}

/** One wanted answer, and the requests for it. */
class Call {
  readonly #turn: Turn;
  readonly #options: CallOptions;
  readonly #ending = new AbortController();
  readonly #outcome = Promise.withResolvers<Answered>();
  #begun = 0;
  #running = 0;
  /** An answer from a server in trouble: better than nothing. */
  #poor: Answered | null = null;
  #failure: unknown = null;
  #repeatedBroken = false;
  #repeatedKept = false;

  constructor(turn: Turn, options: CallOptions) {
    this.#turn = turn;
    this.#options = options;
  }

  async run(): Promise<Answered> {
    const { signal } = this.#turn;
    const end = () => this.#ending.abort();
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    void this.#try();
    try {
      return await this.#outcome.promise;
    } finally {
      end();
      signal.removeEventListener("abort", end);
    }
  }

  async #try(): Promise<void> {
    const { attempt, clock, firstWaitMs } = this.#options;
    let kept = false;
    const onKept = () => void (kept = true);
    const fresh = this.#begun++ > 0 || this.#options.limiter.inDoubt;
    const alone = fresh || this.#turn.before !== undefined;
    this.#running += 1;
    const request = new LimitedRequest(this.#turn, this.#options.limiter, {
      fresh,
      repeatAfterMs: this.#begun > 1 ? REPEAT_MAX_MS : firstWaitMs,
      clock,
      repeat: () => this.#repeat(),
    });
    const end = () => request.giveUp();
    this.#ending.signal.addEventListener("abort", end);
    if (this.#ending.signal.aborted) end();
    try {
      const { signal } = request;
      const mayLeave = () => request.mayLeave();
      const options = { signal, fresh, alone, onKept, clock, mayLeave };
      this.#succeeded(await attempt(options), request, kept);
    } catch (error) {
      this.#failed(error, request, kept);
    } finally {
      this.#ending.signal.removeEventListener("abort", end);
    }
  }

  #repeat(): void {
    if (!this.#ending.signal.aborted && this.#begun < ATTEMPTS_MAX) void this.#try();
  }

  #succeeded(answer: HttpAnswer, request: LimitedRequest, kept: boolean): void {
    request.ended("answered");
    this.#running -= 1;
    const answered = { answer, tookMs: request.tookMs };
    if (mayBeOfConnection(answer, this.#turn.asks ?? !this.#turn.writes) && this.#blames(kept)) {
      this.#poor ??= answered;
      return void this.#try();
    }
    if (isGood(answer) || this.#running === 0) return this.#outcome.resolve(answered);
    this.#poor ??= answered;
  }

  /** Whether a reused connection may be at fault: another one is tried, once. */
  #blames(kept: boolean): boolean {
    if (!kept || this.#repeatedKept || this.#ending.signal.aborted) return false;
    return this.#repeatedKept = true;
  }

  #failed(error: unknown, request: LimitedRequest, kept: boolean): void {
    request.ended(error instanceof CloudError && !error.mayArrive ? "answered" : "doubtful");
    this.#running -= 1;
    const cloudError = error instanceof CloudError ? error : null;
    this.#failure ??= error;
    // The first request has used up its time, and so has the call.
    if (cloudError?.kind === "timeout" || cloudError?.kind === "aborted") return this.#give(error);
    if (request.needsConnection && !this.#ending.signal.aborted) {
      this.#begun -= 1;
      return void this.#try();
    }
    const harmless = cloudError?.stale || (cloudError?.broken && !this.#turn.writes);
    if (harmless && !this.#repeatedBroken && !this.#ending.signal.aborted) {
      this.#repeatedBroken = true;
      return void this.#try();
    }
    if (cloudError && ODD.has(cloudError.kind) && this.#blames(kept)) return void this.#try();
    if (this.#running === 0) this.#give(this.#failure);
  }

  #give(error: unknown): void {
    if (this.#poor) this.#outcome.resolve(this.#poor);
    else this.#outcome.reject(error);
  }
}

/** Statuses with which a server says that it is the wrong one, or in trouble. */
const TROUBLE: ReadonlySet<number> = new Set([408, 421, 500, 502, 503, 504]);
/** Statuses about the key: the same over every connection. */
const OF_KEY: ReadonlySet<number> = new Set([401, 403, 429]);

/** Whether another connection may bring a better answer. A question is asked again sooner than a change. */
function mayBeOfConnection({ status }: HttpAnswer, asks: boolean): boolean {
  return TROUBLE.has(status) || (asks && status >= 400 && !OF_KEY.has(status));
}

/** Whether the server was healthy when it answered. */
function isGood({ status }: HttpAnswer): boolean {
  return status < 500 && status !== 429;
}

/** When and how it is repeated. */
interface Repeating {
  readonly clock: Clock;
  readonly repeatAfterMs: number;
  readonly repeat: () => void;
}

/** One of the requests of a call: when it is repeated, and what it tells the rate limiter. */
class LimitedRequest {
  readonly #own = new AbortController();
  readonly #turn: Turn;
  readonly #limiter: RateLimiter;
  readonly #repeating: Repeating;
  readonly #fresh: boolean;
  #waiting = new AbortController();
  #settle: Settle | null = null;
  #leftAtMs: number;
  #needsConnection = false;

  constructor(
    turn: Turn,
    limiter: RateLimiter,
    { fresh, ...repeating }: Repeating & { fresh: boolean },
  ) {
    this.#fresh = fresh;
    this.#turn = turn;
    this.#limiter = limiter;
    this.#repeating = repeating;
    this.#leftAtMs = repeating.clock.nowMs();
    this.#repeatLater();
  }

  get signal(): AbortSignal {
    return this.#own.signal;
  }

  /** Whether it got its turn, but must not leave on its connection. */
  get needsConnection(): boolean {
    return this.#needsConnection;
  }

  /** Time since it left. */
  get tookMs(): number {
    return this.#repeating.clock.nowMs() - this.#leftAtMs;
  }

  async mayLeave(): Promise<void> {
    this.#waiting.abort(); // While it waits for its turn, repeating it does not help.
    const { clock } = this.#repeating;
    const openAtMs = clock.nowMs();
    this.#settle = await this.#limiter.turn(this.#turn.writes, this.signal);
    this.#leftAtMs = clock.nowMs();
    this.#turn.before?.();
    const old = !this.#fresh || this.#leftAtMs > openAtMs + RIPE_MS;
    if (old && this.#limiter.inDoubt) {
      // On a dead connection it would only add to the burst that arrives when packets get through again.
      this.ended("unused");
      this.#needsConnection = true;
      throw new CloudError("unreachable", "its connection may be dead", { stale: true });
    }
    this.#repeatLater();
  }

  giveUp(): void {
    this.#own.abort();
  }

  ended(end: End): void {
    this.#waiting.abort();
    this.#settle?.(end);
    this.#settle = null;
  }

  #repeatLater(): void {
    const { clock, repeatAfterMs, repeat } = this.#repeating;
    this.#waiting.abort();
    const waiting = this.#waiting = new AbortController();
    void clock.sleep(repeatAfterMs, waiting.signal).then(() => waiting.signal.aborted || repeat());
  }
}
