// Signed calls to API v2 and its operations. cloud_v2.ts says what they mean for an Elastic IP.
import type { ChangeLimits, Clock } from "../world.ts";
import { CHANGE_LIFETIME_MS, type LeaseSpan } from "../core/lease/state.ts";
import { CloudClock } from "./cloud_clock.ts";
import { CloudError, refused } from "./cloud_error.ts";
import { exchange, type Fetch } from "./http.ts";
import { type Fields, fieldsOf, idOf, textOf } from "./json.ts";
import { finish, type Progress } from "./operation.ts";
import { Attempts } from "./attempts.ts";
import { RateLimiter } from "./rate_limiter.ts";
import { refusal, refuseExpired } from "./error_response.ts";
import { authorizationV2, LIFETIME_MS, Signer } from "./signature.ts";

/** What a client of either API needs. */
export interface ClientOptions {
  /** Base URL, without a trailing slash. */
  readonly endpoint: string;
  readonly apiKey: string;
  readonly secret: string;
  /** Signs instead of key and secret, which it can replace. Shared with other clients. */
  readonly signer?: Signer;
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** Called for each successful answer, with the time that it took. */
  readonly onProgress: (tookMs: number) => void;
  /** Shared with other clients of the same key; by default its own. */
  readonly limiter?: RateLimiter;
}

/** Goes with a change. */
export interface ChangeOptions {
  /** Asks the cloud whether the change shows. */
  readonly achieved: () => Promise<boolean>;
  /** Called when the request is about to leave. Throws when the change is not wanted any more. */
  readonly before?: (() => void) | undefined;
  readonly lease?: ChangeLimits["lease"] | undefined;
  /** Called when the change has become an operation that is not done yet. */
  readonly accepted?: ChangeLimits["accepted"] | undefined;
  readonly signal: AbortSignal;
}

const RETRYABLE_REASONS = new Set(["busy", "conflict", "unavailable", "interrupted", "fault"]);

/** Signs, sends, waits. */
export class ClientV2 {
  readonly endpoint: string;
  readonly #options: ClientOptions;
  readonly #attempts: Attempts;
  readonly #signer: Signer;
  readonly #cloudClock: CloudClock;
  /**
   * How far the cloud's clock is ahead of our wall clock, by the latest answer; null before the first. Without a lease
   * a change must be valid also just after a sleep, when only the wall clock is right.
   */
  #serverAheadMs: number | null = null;

  constructor(options: ClientOptions) {
    this.endpoint = options.endpoint;
    this.#options = options;
    this.#attempts = new Attempts(options.clock, options.limiter ?? new RateLimiter(options.clock));
    this.#signer = options.signer ?? new Signer(options);
    this.#cloudClock = new CloudClock(options.clock);
  }

  /** Reads a resource. An urgent read is queued with the changes. */
  async get(
    path: string,
    signal: AbortSignal,
    query: Record<string, string> = {},
    { urgent = false }: { urgent?: boolean } = {},
  ): Promise<Fields> {
    return fieldsOf(await this.#call("GET", path, { query, urgent, signal }), `GET ${path}`);
  }

  /**
   * Makes a change and waits for the operation; a first answer can already be its end. `achieved` asks whether the
   * change shows: for a role that may not read operations, and after a refusal, which may only mean that there was
   * nothing left to do. Resolves to whether the cloud made the change now.
   */
  async put(
    path: string,
    body: unknown,
    { achieved, before, lease, accepted, signal }: ChangeOptions,
  ): Promise<boolean> {
    const title = `PUT ${path}`;
    try {
      const request = { body: JSON.stringify(body), before, lease, signal };
      const operation = await this.#call("PUT", path, request);
      const { clock } = this.#options;
      const poll = () => this.#poll(idOf(operation, "id"), { title, achieved, signal });
      const first = progressOf(operation, title);
      if ("done" in first && !first.done) accepted?.();
      await finish(first, { title, clock, signal, poll });
      return true;
    } catch (error) {
      if (!refused(error) || !await achieved().catch(() => false)) throw error;
      return false;
    }
  }

  async #poll(
    id: string,
    { title, achieved, signal }: {
      title: string;
      achieved: () => Promise<boolean>;
      signal: AbortSignal;
    },
  ): Promise<Progress> {
    if (id === "") {
      throw new CloudError("unexpected-answer", `${title}: an operation without a usable id`);
    }
    try {
      return progressOf(await this.get(`/operation/${id}`, signal), title);
    } catch (error) {
      const hidden = error instanceof CloudError && ["forbidden", "not-found"].includes(error.kind);
      if (!hidden) throw error;
      return { done: await achieved() };
    }
  }

  /**
   * Until when a request is valid, in Unix seconds. The kernel may deliver a change long after we have given it up, and
   * it would then undo what has happened since. So it expires, by the cloud's own clock, soon after we would have its
   * answer, and no later than the lease.
   */
  #expires(method: "GET" | "PUT", span: LeaseSpan | null): number {
    const lastMs = span === null ? Infinity : this.#cloudClock.lastSecondOf(span);
    return Math.min(this.#usuallyExpires(method), lastMs / 1000);
  }

  #usuallyExpires(method: "GET" | "PUT"): number {
    const wallMs = this.#options.clock.wallMs();
    if (method === "GET" || this.#serverAheadMs === null) {
      return Math.floor((wallMs + LIFETIME_MS) / 1000);
    }
    return Math.ceil((wallMs + this.#serverAheadMs + CHANGE_LIFETIME_MS) / 1000);
  }

  async #call(
    method: "GET" | "PUT",
    path: string,
    { query = {}, urgent = method !== "GET", body, before, lease, signal }: {
      query?: Record<string, string>;
      urgent?: boolean;
      body?: string;
      before?: (() => void) | undefined;
      lease?: ChangeLimits["lease"] | undefined;
      signal: AbortSignal;
    },
  ): Promise<unknown> {
    const { endpoint, fetch, clock, onProgress } = this.#options;
    const title = `${method} ${path}`;
    const url = new URL(endpoint + path);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const turn = { writes: urgent, asks: method === "GET", before, signal };
    const headersUntil = async (expires: number) => {
      const { apiKey, secret } = this.#signer.now("SHA-256");
      const request = { method, url, body: body ?? "", expires };
      const authorization = await authorizationV2(request, { apiKey, secret: await secret });
      return { authorization, ...(body !== undefined && { "content-type": "application/json" }) };
    };
    const { answer, tookMs } = await this.#attempts.send(turn, async ({ signal, ...how }) => {
      let span: LeaseSpan | null = null, expires = Infinity;
      const mayLeave = async () => {
        await how.mayLeave();
        span = lease?.() ?? null;
        expires = this.#expires(method, span);
      };
      const headers = () => headersUntil(expires);
      const content = body === undefined ? {} : { body };
      const request = { method, url, title, ...how, mayLeave, headers, ...content };
      const answer = await exchange(fetch, request, signal);
      this.#cloudClock.note(answer);
      if (span !== null) refuseExpired(answer, title, { expires, wallMs: clock.wallMs() });
      return answer;
    });
    const dateMs = Date.parse(answer.headers.get("date") ?? "");
    if (!Number.isNaN(dateMs)) this.#serverAheadMs = dateMs - clock.wallMs();
    if (answer.status >= 300) throw refusal(answer, title, clock.wallMs());
    onProgress(tookMs);
    return answer.json;
  }
}

function progressOf(operation: unknown, title: string): Progress {
  const fields = fieldsOf(operation, title);
  const state = textOf(fields, "state");
  switch (state) {
    case "success":
      return { done: true };
    case "pending":
      return { done: false };
    case "failure":
    case "timeout": {
      const reason = textOf(fields, "reason");
      const why = [reason, textOf(fields, "message")].filter(Boolean).join(", ");
      return {
        failed: `the operation ended in ${state}: ${why || "no reason given"}`,
        retryable: state === "timeout" || RETRYABLE_REASONS.has(reason),
        open: state === "timeout",
      };
    }
    default:
      throw new CloudError("unexpected-answer", `${title}: operation state "${state}"`);
  }
}
