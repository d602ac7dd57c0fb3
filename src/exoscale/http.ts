// One HTTP exchange with the cloud: bounded in time and size, JSON out, every other outcome a CloudError.
import { type Allowance, answerAllowance, readBody } from "./body.ts";
import { CloudError, type CloudErrorKind } from "./cloud_error.ts";

/**
 * Longest exchange, connection and body included: what hung when the cloud came back is over, and has been repeated,
 * within five seconds; a cloud that takes three for each answer still serves.
 */
export const REQUEST_TIMEOUT_MS = 4_000;

/** The part of `fetch` that we use. */
export type Fetch = (input: URL, init: RequestInit) => Promise<Response>;

/** One request. */
export interface HttpRequest {
  readonly method: "GET" | "PUT";
  readonly url: URL;
  /** What messages call it: never the URL, which carries key and signature on API v1. */
  readonly title: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** What the answer may take, shared by the pages of a listing; by default that of one answer. */
  readonly allowance?: Allowance;
}

/** A JSON answer of any status. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: unknown;
}

/** Sends the request and reads the whole answer. Statuses from 400 on are left to the caller if they are JSON. */
export async function exchange(
  fetch: Fetch,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  // `AbortSignal.any` would leave something of each request with a signal that lives as long as the process.
  const ended = new AbortController(), end = () => ended.abort();
  const timer = setTimeout(end, REQUEST_TIMEOUT_MS);
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  const { url, title, allowance = answerAllowance() } = request;
  const ending = ended.signal;
  const init = {
    method: request.method,
    signal: ending,
    redirect: "manual" as const,
    ...(request.headers && { headers: request.headers }),
    ...(request.body !== undefined && { body: request.body }),
  };
  let status = 0;
  try {
    const response = await fetch(url, init);
    status = response.status;
    const text = await readBody(response, { title, signal: ending, allowance });
    return { status, headers: response.headers, json: parse(text, response, title) };
  } catch (error) {
    if (error instanceof CloudError) throw error;
    const { hostname } = url;
    throw transportError(error, { signal, ending, title, status, hostname });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

/** JSON, or why it is none. A gateway's error page keeps its status: that says more than its form. */
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
    /** Aborted as well when the time is over. */
    ending: AbortSignal;
    title: string;
    status: number;
    hostname: string;
  },
): CloudError {
  if (signal.aborted) return new CloudError("aborted", `${title}: given up`);
  if (ending.aborted) {
    const what = status === 0 ? "no answer" : "answer did not end";
    return new CloudError("timeout", `${title}: ${what} within ${REQUEST_TIMEOUT_MS / 1000} s`);
  }
  const [kind, reason] = failureOf(detailOf(cause), status);
  // Of the URL only the host: on API v1 the rest has key and signature in it, and so has the cause itself.
  return new CloudError(kind, `${title}: ${reason}: ${hostname}`);
}

function failureOf(detail: string, status: number): [CloudErrorKind, string] {
  if (/dns error|name resolution|lookup address/i.test(detail)) {
    return ["name-resolution", "host name not found"];
  }
  if (/certificate|\btls\b|handshake/i.test(detail)) {
    const why = /peer certificate: ([^;:]{1,80})/.exec(detail)?.[1];
    return ["untrusted", `TLS certificate not accepted${why ? ` (${why})` : ""}`];
  }
  if (/connection refused/i.test(detail)) return ["unreachable", "connection refused"];
  return ["unreachable", status !== 0 ? "connection broke off" : "connection failed"];
}

/** What the runtime says went wrong, without the URL. Newer ones put it into the cause of the error. */
function detailOf(error: unknown): string {
  const texts: string[] = [];
  for (let each = error; each instanceof Error && texts.length < 5; each = each.cause) {
    texts.push(each.message);
  }
  return texts.join(": ").replace(/https?:\/\/\S+/g, "");
}

/** `Retry-After` in ms (seconds or an HTTP date), null when absent or unreadable; whoever waits caps it. */
export function retryAfterMs(headers: Headers, wallMs: number): number | null {
  const value = headers.get("retry-after");
  if (value === null) return null;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const untilMs = Date.parse(value);
  return Number.isNaN(untilMs) ? null : Math.max(0, untilMs - wallMs);
}
