// From an HTTP error answer to the CloudError that names it.
import { plain } from "../core/plain.ts";
import { CloudError, type CloudErrorKind } from "./cloud_error.ts";
import { type HttpAnswer, retryAfterMs } from "./http.ts";

/** How much of the cloud's words is quoted, and how much is looked through for what must not be. */
const QUOTE_MAX_CHARS = 200, SEARCH_MAX_CHARS = 8_000;

/** How long a signed request lives; the official clients choose the same. */
export const LIFETIME_MS = 600_000;

const KINDS: Readonly<Record<number, CloudErrorKind>> = {
  401: "unauthorized",
  403: "forbidden",
  404: "not-found",
  409: "conflict",
  410: "deprecated",
  429: "rate-limited",
};

/** The error for an answer with a status of 400 or more. */
export function refusal(answer: HttpAnswer, title: string, wallMs: number): CloudError {
  const { status, headers } = answer;
  const said = `${title}: HTTP ${status}: ${messageOf(answer.json) || "no explanation"}`;
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
  return new CloudError(kind, said, { status, retryAfterMs: retryAfterMs(headers, wallMs) });
}

/** The cloud's own words: the first of the fields that its products use, shortened. */
export function messageOf(json: unknown): string {
  if (typeof json !== "object" || json === null) return "";
  const fields = json as Record<string, unknown>;
  for (const name of ["message", "detail", "error", "title", "errortext"]) {
    const value = fields[name];
    if (typeof value === "string" && value !== "") {
      return plain(redact(value).replace(/\s+/g, " "), QUOTE_MAX_CHARS);
    }
  }
  return "";
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
