// Why etcd refused a request, from the answer of its JSON gateway. Those of etcd 3.4, 3.5 and 3.6 differ.
import { plain } from "../../core/plain.ts";
import { failureOf } from "../../transport/request.ts";
import { type Fields, fieldsOf } from "./fields.ts";
import { StoreError, type StoreErrorKind } from "../store_error.ts";

/** The error codes of gRPC that etcd uses. */
const INVALID_ARGUMENT = 3, NOT_FOUND = 5, PERMISSION_DENIED = 7, FAILED_PRECONDITION = 9;
const UNAUTHENTICATED = 16;
/** Unknown, deadline exceeded, resource exhausted, aborted, internal, unavailable. */
const PASSING = [2, 4, 8, 10, 13, 14];
const REASON_MAX_CHARS = 200;
/** In the gateway's refusal of a client certificate with a common name, once clients have to log in. */
const COMMON_NAME = /CommonName of client/;

/** An answer that is an error. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(readonly code: number, readonly status: number, reason: string) {
    super(plain(reason, REASON_MAX_CHARS).trim());
  }

  /** The lease has expired, or was revoked. */
  get leaseGone(): boolean {
    return this.code === NOT_FOUND && /lease not found/.test(this.message);
  }

  /** The login is not valid any more: etcd has restarted, its users have changed, or nothing was asked for too long. */
  get loginGone(): boolean {
    return this.code === UNAUTHENTICATED ||
      /invalid auth token|revision (of auth store|in header) is old|user name is empty/
        .test(this.message);
  }

  /** This etcd has no users. */
  get withoutLogin(): boolean {
    return this.code === FAILED_PRECONDITION && /authentication is not enabled/.test(this.message);
  }

  get kind(): StoreErrorKind {
    const { code, status, message } = this;
    if (code === UNAUTHENTICATED || code === PERMISSION_DENIED || [401, 403].includes(status)) {
      return "denied";
    }
    const login = /auth|user name|permission|password/i.test(message);
    if ((code === INVALID_ARGUMENT && login) || COMMON_NAME.test(message)) return "denied";
    return PASSING.includes(code) || status >= 500 || status === 429 ? "unavailable" : "odd-answer";
  }
}

/** The refusal in an answer with that status; null if the answer is a success. */
export function refusalIn(answer: Fields, status: number): Refusal | null {
  // The error of a stream is an object; that of a single answer is a text, or missing from 3.6 on.
  const inner = fieldsOf(answer.error);
  if (inner) {
    const code = Number(inner.grpc_code ?? inner.code ?? 0);
    return new Refusal(code, Number(inner.http_code ?? status), `${inner.message ?? ""}`);
  }
  if (status < 300 && answer.error === undefined) return null;
  const reason = `${answer.message ?? answer.error ?? `HTTP status ${status}`}`;
  return new Refusal(Number(answer.code ?? 0), status, reason);
}

/** A refusal in text instead of JSON: from something in front of etcd, or from etcd's own HTTP server. */
export function textRefusal(text: string, status: number): Refusal {
  const reason = status === 404
    ? "it does not know this path: wanted etcd 3.4 or later with its JSON gateway"
    : status >= 300 && status < 400
    ? `it redirects (HTTP status ${status})`
    : COMMON_NAME.test(text)
    ? "etcd takes no client certificate with a common name (CN) where users have to log in"
    : `HTTP status ${status}`;
  return new Refusal(COMMON_NAME.test(text) ? UNAUTHENTICATED : 0, status, reason);
}

/** The error for the caller; `where` is the endpoint. */
export function storeError(
  error: unknown,
  { where, user, signal }: { where: string; user: string | null; signal: AbortSignal },
): StoreError {
  if (signal.aborted) {
    const late = signal.reason instanceof DOMException && signal.reason.name === "TimeoutError";
    return late
      ? new StoreError("unreachable", `${where}: no answer in time`)
      : new StoreError("aborted", `${where}: given up while waiting for an answer`);
  }
  if (error instanceof StoreError) return error;
  if (error instanceof Refusal) {
    const { kind, message } = error;
    const who = kind === "denied" ? user === null ? " without a user" : ` as user ${user}` : "";
    return new StoreError(kind, `${where}${who}: ${message}`, { cause: error });
  }
  const [kind, reason] = failureOf(error);
  const told = kind === "untrusted" ? "tls" : "unreachable";
  return new StoreError(told, `${where}: ${reason}`, { cause: error });
}
