// A request to the cloud as its sender sees it: what it can ask for, how it reached its origin, and why it got no
// answer, in words that name the party at fault: name server, proxy, this machine, or the server.

/** What a request says in addition to `fetch`'s options. */
export interface TransportInit extends RequestInit {
  /** A request to that origin hangs: use a new connection. */
  readonly fresh?: boolean;
  /** Use a connection of its own, though nothing speaks against idle ones. */
  readonly alone?: boolean;
  /** Called when the request goes out on a reused connection. */
  readonly onKept?: () => void;
  /** Headers made when the request leaves, such as its signature. */
  readonly lateHeaders?: () => Promise<Readonly<Record<string, string>>>;
  /** Called when the connection is open. Resolves when the request may leave, rejects when it must not any more. */
  readonly mayLeave?: () => Promise<void>;
}

/** How an origin was last reached. */
export interface Route {
  /** The address that answered, null where the runtime chose it. */
  readonly address: string | null;
  readonly protocol: Protocol;
  readonly tls: boolean;
  /** `the proxy HOST:PORT (HTTPS_PROXY)`, null without one. */
  readonly proxy: string | null;
}

/** Each request offers only one of them, so the protocol in use is known. */
export type Protocol = "HTTP/1.1" | "HTTP/2";

/** What failed: the name lookup, the server's proof of identity, the connection; or we gave up. */
export type FailureKind = "name-resolution" | "untrusted" | "unreachable" | "aborted";

/** A request without an answer. The message has no URL and no secret. */
export class TransportFailure extends Error {
  override readonly name = "TransportFailure";
  /** Whether the request may still reach the server, now or later: part of it has left. */
  readonly sent: boolean;
  /** Whether a reused connection broke before the server sent anything. */
  readonly stale: boolean;

  constructor(
    readonly kind: FailureKind,
    message: string,
    { sent = false, stale = false, cause }: { sent?: boolean; stale?: boolean; cause?: unknown } =
      {},
  ) {
    super(message, { cause });
    this.sent = sent;
    this.stale = stale;
  }
}

/** The kind, and the reason in a few words, of an error from the runtime while connecting or exchanging. */
export function failureOf(error: unknown): readonly [FailureKind, string] {
  const text = textOf(error);
  if (outOfFiles(text)) return ["unreachable", `this process ${OUT_OF_FILES}`];
  if (/dns error|name resolution|lookup address/i.test(text)) {
    return ["name-resolution", "host name not found"];
  }
  const certificate = /peer certificate: ([^;:]{1,80})/.exec(text)?.[1];
  if (certificate) return ["untrusted", `TLS certificate not accepted (${certificate})`];
  if (/InvalidContentType|corrupt message/.test(text)) {
    return ["untrusted", "it does not speak TLS"];
  }
  const alert = /fatal alert: (\w{1,40})/.exec(text)?.[1];
  if (alert) return ["untrusted", `TLS handshake refused (${alert})`];
  if (/handshake eof/i.test(text)) return ["unreachable", BROKEN_OFF];
  if (/\btls\b|certificate|handshake/i.test(text)) {
    return ["untrusted", "TLS certificate not accepted"];
  }
  for (const [pattern, reason] of REASONS) if (pattern.test(text)) return ["unreachable", reason];
  return ["unreachable", "connection failed"];
}

const BROKEN_OFF = "connection broke off";
const OUT_OF_FILES = "has too many open files (raise `ulimit -n` or LimitNOFILE=)";

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/connection refused|os error 111\b/i, "connection refused"],
  [/network is unreachable|no route to host|host is unreachable|os error 11[03]\b/i, "no route"],
  [/timed out/i, "connection timed out"],
  [/reset|broken pipe|closed|eof|end of file|aborted/i, BROKEN_OFF],
];

/** Whether no file descriptor was left, here (EMFILE) or in the whole machine (ENFILE). */
function outOfFiles(text: string): boolean {
  return /too many open files|os error 2[34]\b|\bE[MN]FILE\b/i.test(text);
}

function textOf(error: unknown): string {
  const texts: string[] = [];
  for (let each = error; each instanceof Error && texts.length < 5; each = each.cause) {
    texts.push(each.message);
  }
  // A URL of API v1 contains a signature, in which any letters may stand.
  return texts.join(": ").replace(/https?:\/\/\S+/g, "");
}

/** Whether the server refused every protocol that we offered: it may speak HTTP/2 alone. */
export function wantsOtherProtocol(error: unknown): boolean {
  return /NoApplicationProtocol|speaks HTTP\/2 alone/.test(textOf(error));
}
