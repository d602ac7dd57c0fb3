// Parses the head of a request to --listen-status, strictly: ambiguous requests are rejected.

/** More fields than any client sends. */
export const LINES_MAX = 100;
const FIELD = /^[!#$%&'*+.^_`|~\w-]+:[\t -~\x80-\xff]*$/;
const HOST = /^(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i;

/** Method, path and host; null when this is not a valid request. */
export function requestOf([line = "", ...fields]: readonly string[]): Request | null {
  const [, method = "", target = "", minor = ""] =
    /^([A-Z]{1,16}) (\/[!-~]*) HTTP\/1\.([01])$/.exec(line) ?? [];
  // Parsers disagree about a field name with a blank after it, so such a request is rejected.
  if (fields.length >= LINES_MAX || !fields.every((field) => FIELD.test(field))) return null;
  const hosts = fields.filter((field) => /^host:/i.test(field)).map((field) =>
    field.slice(5).trim()
  );
  const [host = "127.0.0.1"] = hosts;
  // HTTP/1.0, which some probes speak, needs no host.
  if (hosts.length > 1 || (hosts.length === 0 && minor !== "0") || !HOST.test(host)) return null;
  const url = `http://${host}${target}`;
  if (target === "" || ["CONNECT", "TRACE", "TRACK"].includes(method) || !URL.canParse(url)) {
    return null;
  }
  return new Request(url, { method });
}
