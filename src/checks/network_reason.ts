// Why a connection failed, in the same few words for all versions of the runtime.

const KNOWN: ReadonlyArray<readonly [RegExp, string]> = [
  [/connection refused/i, "connection refused"],
  [/dns error|lookup address|name resolution|ENOTFOUND|EAI_AGAIN/i, "host name not found"],
  [/unknownissuer/i, "certificate of an unknown authority"],
  [/certificate/i, "certificate not accepted"],
  [/tls|handshake/i, "no TLS"],
  [/closed before message completed/i, "connection closed without an answer"],
  [/network is unreachable|no route to host|host is unreachable/i, "no route to host"],
];

/** The reason, without the address, which may have a password in it. */
export function networkReason(error: unknown): string {
  const texts: string[] = [];
  // Newer versions put the message into the cause of the error.
  for (let each = error; each instanceof Error && texts.length < 5; each = each.cause) {
    texts.push(each.message);
  }
  const detail = texts.join(": ").replace(/https?:\/\/\S+/g, "").trim();
  return KNOWN.find(([pattern]) => pattern.test(detail))?.[1] ?? (detail || `${error}`);
}
