// One HTTP exchange with the cloud: bounded in time and size, JSON out, every other outcome a CloudError.
import { CloudError, type CloudErrorKind } from "./cloud_error.ts";

/**
 * Longest exchange, connection and body included: what hung when the cloud came back is over, and has been repeated,
 * within five seconds; a cloud that takes three for each answer still serves.
 */
export const REQUEST_TIMEOUT_MS = 4_000;
/** Largest answer: some ten thousand instances. */
const ANSWER_MAX_BYTES = 32 * 1024 * 1024;
/** How much of a plain-text error is quoted. */
const QUOTE_MAX_CHARS = 200;

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
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), REQUEST_TIMEOUT_MS);
  const init = {
    method: request.method,
    signal: AbortSignal.any([signal, late.signal]),
    redirect: "manual" as const,
    ...(request.headers && { headers: request.headers }),
    ...(request.body !== undefined && { body: request.body }),
  };
  let status = 0;
  try {
    const response = await fetch(request.url, init);
    status = response.status;
    const text = await readBounded(response, request.title);
    return { status, headers: response.headers, json: parse(text, response, request.title) };
  } catch (error) {
    if (error instanceof CloudError) throw error;
    throw transportError(error, { signal, timeout: late.signal, title: request.title, status });
  } finally {
    clearTimeout(timer);
  }
}

async function readBounded(response: Response, title: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "", size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > ANSWER_MAX_BYTES) {
      const message = `${title}: answer exceeds ${ANSWER_MAX_BYTES} bytes`;
      throw new CloudError("oversized-answer", message, { status: response.status });
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** JSON, or why it is none. A gateway's error page keeps its status: that says more than its form. */
function parse(text: string, response: Response, title: string): unknown {
  const { status, headers } = response;
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (status >= 400) return { message: text.trim().slice(0, QUOTE_MAX_CHARS) };
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
  { signal, timeout, title, status }: {
    signal: AbortSignal;
    timeout: AbortSignal;
    title: string;
    status: number;
  },
): CloudError {
  if (signal.aborted) return new CloudError("aborted", `${title}: given up`);
  if (timeout.aborted) {
    const what = status === 0 ? "no answer" : "answer did not end";
    return new CloudError("timeout", `${title}: ${what} within ${REQUEST_TIMEOUT_MS / 1000} s`);
  }
  const detail = detailOf(cause);
  const kind: CloudErrorKind = /dns error|name resolution|lookup address/i.test(detail)
    ? "name-resolution"
    : "unreachable";
  const reason = /connection refused/i.test(detail)
    ? "connection refused"
    : /certificate|\btls\b|handshake/i.test(detail)
    ? "TLS certificate not accepted"
    : status !== 0
    ? "connection broke off"
    : kind === "name-resolution"
    ? "host name not found"
    : "connection failed";
  // The cause itself names the URL, which on API v1 has key and signature in it.
  return new CloudError(kind, `${title}: ${reason}`);
}

/** What the runtime says went wrong, without the URL. Newer ones put it into the cause of the error. */
function detailOf(error: unknown): string {
  const texts: string[] = [];
  for (let each = error; each instanceof Error && texts.length < 5; each = each.cause) {
    texts.push(each.message);
  }
  return texts.join(": ").replace(/https?:\/\/\S+/g, "");
}

/** `Retry-After` in ms (seconds or an HTTP date), null when absent or unreadable. */
export function retryAfterMs(headers: Headers, wallMs: number): number | null {
  const value = headers.get("retry-after");
  if (value === null) return null;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const untilMs = Date.parse(value);
  return Number.isNaN(untilMs) ? null : Math.max(0, untilMs - wallMs);
}
