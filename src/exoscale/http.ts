// One HTTP exchange with the cloud: bounded in time, bytes and values, JSON out, every other outcome a CloudError.
import type { Clock } from "../world.ts";
import {
  failureOf,
  type Route,
  TransportFailure,
  type TransportInit,
} from "../transport/request.ts";
import { LinkedAbort } from "../transport/linked_abort.ts";
import { CloudError } from "./cloud_error.ts";

/** Longest wait for an answer, all repetitions included: a cloud that takes ten seconds for each still serves. */
export const CALL_TIMEOUT_MS = 15_000;

/** Sends a request. Tests can use `fetch` itself; the real one is src/transport. */
export interface Fetch {
  (input: URL, init: TransportInit): Promise<Response>;
  /** How this URL's origin was last reached, null if never or unknown. */
  readonly routeTo?: (url: URL) => Route | null;
  /** Whether it calls `mayLeave` itself, once its connection is open. */
  readonly asksToLeave?: boolean;
}

/** One request. */
export interface HttpRequest {
  readonly method: "GET" | "PUT";
  readonly url: URL;
  /** Its name in messages: never the URL, which carries key and signature on API v1. */
  readonly title: string;
  /** Made when the request leaves, because a signature is valid from then on. */
  readonly headers?: () => Promise<Readonly<Record<string, string>>>;
  readonly body?: string;
  /** Another request to this origin hangs: use a new connection. */
  readonly fresh?: boolean;
  /** Use a connection of its own. */
  readonly alone?: boolean;
  /** Called when the request goes out on a reused connection. */
  readonly onKept?: () => void;
  readonly clock: Clock;
  /** Called when the request is about to leave. Resolves when it may. */
  readonly mayLeave?: () => Promise<void>;
  /** Limits for the answer, shared by the pages of a listing; by default those of one answer. */
  readonly allowance?: Allowance;
}

/** A JSON answer of any status. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: unknown;
}

/** The same, and how long ago its request left. */
export interface TimedAnswer extends HttpAnswer {
  readonly tookMs: number;
}

/**
 * Limits for answers. Values count because they cost more than their text: 8 MiB of `{},{},...` become 300 MiB of
 * objects and half a second in which no heartbeat leaves. One instance takes about 1.3 kB and 50 values on API v2.
 */
export interface Allowance {
  bytes: number;
  values: number;
}

/** For one answer: some three thousand instances. Six at once, more than there ever are, take some 130 MiB. */
function answerAllowance(): Allowance {
  return { bytes: 4 * 1024 * 1024, values: 250_000 };
}

/** For all pages of one listing of API v1, where a machine takes some 4 kB. */
export function listingAllowance(): Allowance {
  return { bytes: 16 * 1024 * 1024, values: 600_000 };
}

/** Sends the request and reads the whole answer. JSON answers with a status from 400 on are left to the caller. */
export async function exchange(
  fetch: Fetch,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<TimedAnswer> {
  using ended = new LinkedAbort(signal);
  const { url, title, clock, allowance = answerAllowance() } = request;
  const bound = new Bound(clock, () => ended.abort());
  const ending = ended.signal;
  let leftAtMs = clock.nowMs();
  const mayLeave = async () => {
    await bound.without(request.mayLeave);
    leftAtMs = clock.nowMs();
  };
  const init = {
    method: request.method,
    signal: ending,
    redirect: "manual" as const,
    ...(request.fresh && { fresh: true }),
    ...(request.alone && { alone: true }),
    ...(request.onKept && { onKept: request.onKept }),
    ...(fetch.asksToLeave && { mayLeave, lateHeaders: request.headers ?? none }),
    ...(request.body !== undefined && { body: request.body }),
  };
  let status = 0;
  try {
    if (!fetch.asksToLeave) await mayLeave();
    const headers = fetch.asksToLeave ? {} : await request.headers?.() ?? {};
    const response = await fetch(url, { ...init, headers });
    status = response.status;
    const text = await readBody(response, { title, signal: ending, allowance });
    const json = parse(text, response, title);
    return { status, headers: response.headers, json, tookMs: clock.nowMs() - leftAtMs };
  } catch (error) {
    if (error instanceof CloudError) throw error;
    const { hostname } = url;
    throw transportError(error, { signal, ending, title, status, hostname });
  } finally {
    bound.end();
  }
}

const none = () => Promise.resolve({});

/** Time limit of an exchange. Waiting for a turn does not count, and restarts it. */
class Bound {
  readonly #clock: Clock;
  readonly #over: () => void;
  #running = new AbortController();

  constructor(clock: Clock, over: () => void) {
    this.#clock = clock;
    this.#over = over;
    this.#begin();
  }

  async without(work: (() => Promise<void>) | undefined): Promise<void> {
    if (!work) return;
    this.end();
    await work();
    this.#begin();
  }

  end(): void {
    this.#running.abort();
  }

  #begin(): void {
    const { signal } = this.#running = new AbortController();
    void this.#clock.sleep(CALL_TIMEOUT_MS, signal).then(() => signal.aborted || this.#over());
  }
}

/** The whole body as text. Throws `oversized-answer`, or the signal's reason if that comes first. */
async function readBody(
  response: Response,
  { title, signal, allowance }: { title: string; signal: AbortSignal; allowance: Allowance },
): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  // Cancel a body that does not end by itself: the pending read is then the last.
  const end = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", end, { once: true });
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return text + decoder.decode();
      allowance.bytes -= value.length;
      allowance.values -= valuesIn(value);
      if (allowance.bytes < 0 || allowance.values < 0) {
        const message = `${title}: the answer is too large: more bytes or values than are read`;
        throw new CloudError("oversized-answer", message, { status: response.status });
      }
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    end();
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
  }
}

const COMMA = 0x2c, BRACKET = 0x5b, BRACE = 0x7b;

/** How many values begin here if this is JSON. Those inside strings count, too, which errs on the safe side. */
function valuesIn(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) {
    if (byte === COMMA || byte === BRACKET || byte === BRACE) count += 1;
  }
  return count;
}

/** The JSON, or why it is not JSON. A gateway's error page keeps its status, which says more than its form. */
function parse(text: string, response: Response, title: string): unknown {
  const { status, headers } = response;
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (status >= 400) return { message: text.trim() };
    const options = { status, cause };
    if (text.trim() === "") {
      throw new CloudError("empty-answer", `${title}: empty answer with status ${status}`, options);
    }
    const type = headers.get("content-type") ?? "no content type";
    if (/^\s*[{[]/.test(text)) {
      throw new CloudError("truncated-json", `${title}: JSON breaks off or is malformed`, options);
    }
    throw new CloudError("not-json", `${title}: wanted JSON, got ${type}`, options);
  }
}

function transportError(
  cause: unknown,
  { signal, ending, title, status, hostname }: {
    signal: AbortSignal;
    /** Also aborted when the time is over. */
    ending: AbortSignal;
    title: string;
    status: number;
    hostname: string;
  },
): CloudError {
  const failure = cause instanceof TransportFailure ? cause : null;
  const mayArrive = failure?.sent ?? true;
  if (signal.aborted) return new CloudError("aborted", `${title}: given up`, { mayArrive });
  if (ending.aborted) {
    const what = status === 0 ? "no answer" : "answer did not end";
    const doing = failure ? ` (${failure.message})` : "";
    const text = `${title}: ${what} within ${CALL_TIMEOUT_MS / 1000} s${doing}`;
    return new CloudError("timeout", text, { mayArrive });
  }
  if (failure) {
    const { kind, message, stale, sent } = failure;
    return new CloudError(kind, `${title}: ${message}`, { stale, broken: sent });
  }
  const [kind, reason] = failureOf(cause);
  // Only the host of the URL: on API v1 the rest has key and signature in it, and so has the cause itself.
  return new CloudError(kind, `${title}: ${reason}: ${hostname}`);
}
