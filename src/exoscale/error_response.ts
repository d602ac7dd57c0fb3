// From an HTTP error answer to the CloudError that names it.
import { plain } from "../core/plain.ts";
import { CloudError, type CloudErrorKind } from "./cloud_error.ts";
import type { HttpAnswer } from "./http.ts";
import { LIFETIME_MS } from "./signature.ts";

/** How much of each text from the cloud is quoted, and how much is searched for secrets. */
const QUOTE_MAX_CHARS = 200, SEARCH_MAX_CHARS = 8_000;
/** More details than this are only counted. */
const DETAILS_MAX = 3;

/**
 * What each status means; any other from 400 on is `refused`, from 500 on `server-error`. 408 and 425 ask for the same
 * request again; 412 and 423, like 409, say that the resource is busy or in another state just now: all of them are
 * temporary. 400 is a mistake in the request, but an attach also gets it while the instance is starting: -A and -D
 * repeat a change that gets it, and a watchdog repeats every change anyway.
 */
const KINDS: Readonly<Record<number, CloudErrorKind>> = {
  401: "unauthorized",
  403: "forbidden",
  404: "not-found",
  408: "timeout",
  409: "conflict",
  410: "deprecated",
  412: "conflict",
  423: "conflict",
  425: "conflict",
  429: "rate-limited",
};

/** The error for an answer with a status of 400 or more. */
export function refusal(answer: HttpAnswer, title: string, wallMs: number): CloudError {
  const { status, headers } = answer;
  const said = `${title}: HTTP ${status}: ${explanationOf(answer.json) || "no explanation"}`;
  if (status === 401 || status === 403) {
    const lateMs = (Date.parse(headers.get("date") ?? "") || wallMs) - wallMs;
    if (lateMs > LIFETIME_MS * 0.9) {
      const late = `the local clock is ${Math.round(lateMs / 1000)} s behind the cloud's, so that`;
      return new CloudError("clock-late", `${said}; ${late} signatures expire: set the clock`, {
        status,
        retryable: true,
      });
    }
  }
  const kind = KINDS[status] ?? (status >= 500 && status < 600 ? "server-error" : "refused");
  // An answer proves that the request has arrived.
  const options = { status, retryAfterMs: retryAfterMs(headers, wallMs), mayArrive: false };
  return new CloudError(kind, said, options);
}

/**
 * Throws if the cloud refuses a change because it has expired with the lease under which it was sent: not if the answer
 * is older than `expires`, in Unix seconds.
 */
export function refuseExpired(
  { status, headers, json }: HttpAnswer,
  title: string,
  { expires, wallMs }: { expires: number; wallMs: number },
): void {
  // Exoscale says so, but CloudStack says the same of a wrong secret.
  if (status !== 401 && status !== 403) return;
  if ((Date.parse(headers.get("date") ?? "") || wallMs) < expires * 1000) return;
  const said = `${title}: HTTP ${status}: ${explanationOf(json) || "no explanation"}`;
  const late = `${said}; it came after the lease for which it was signed`;
  throw new CloudError("late", late, { status, mayArrive: false });
}

/** `Retry-After` in ms (seconds or an HTTP date), null when absent or unreadable; the caller limits the wait. */
export function retryAfterMs(headers: Headers, wallMs: number): number | null {
  const value = headers.get("retry-after");
  if (value === null) return null;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const untilMs = Date.parse(value);
  return Number.isNaN(untilMs) ? null : Math.max(0, untilMs - wallMs);
}

/**
 * The cloud's own words, shortened: what happened, and the details. Its products write `{message, errors:
 * [{message}]}`, or RFC 9457: `{title, detail, errors}`, where an error is a text or `{detail, location}`.
 */
export function explanationOf(json: unknown): string {
  if (typeof json !== "object" || json === null) return "";
  const fields = json as Record<string, unknown>;
  const said = [
    firstText(fields, ["message", "title", "error", "errortext"]),
    firstText(fields, ["detail"]),
    ...detailsOf(fields.errors),
  ].filter(Boolean);
  return [...new Set(said)].join(": ");
}

/** The first of these that is a text. */
function firstText(fields: Record<string, unknown>, names: readonly string[]): string {
  for (const name of names) {
    const value = fields[name];
    if (typeof value === "string" && value.trim() !== "") return quoted(value);
  }
  return "";
}

function detailsOf(errors: unknown): string[] {
  if (!Array.isArray(errors)) return typeof errors === "string" ? [quoted(errors)] : [];
  const texts = errors.slice(0, DETAILS_MAX).map(detailOf).filter(Boolean);
  const rest = errors.length - DETAILS_MAX;
  return [[...new Set(texts), ...(rest > 0 ? [`and ${rest} more`] : [])].join("; ")];
}

function detailOf(error: unknown): string {
  if (typeof error === "string") return quoted(error);
  if (typeof error !== "object" || error === null) return "";
  const fields = error as Record<string, unknown>;
  const text = firstText(fields, ["detail", "message", "title", "reason"]);
  const place = firstText(fields, ["location", "pointer"]);
  return [text, place && `(${place})`].filter(Boolean).join(" ");
}

function quoted(text: string): string {
  return plain(redact(text).replace(/\s+/g, " "), QUOTE_MAX_CHARS).trim();
}

/** A page that echoes our request must not carry key and signature into a log. */
function redact(text: string): string {
  // A word that is cut might no longer be recognised.
  const head = text.length > SEARCH_MAX_CHARS
    ? text.slice(0, SEARCH_MAX_CHARS).replace(/\S+$/, "")
    : text;
  return head.replace(/https?:\/\/\S+/gi, "[address]")
    .replace(/EXO2-HMAC-SHA256\s+\S+/gi, "[authorization]")
    .replace(/\b(apikey|credential|signature)=[^\s&,]+/gi, "$1=[redacted]")
    .replace(/\bEXO[0-9a-z]{10,}\b/gi, "[key]");
}
