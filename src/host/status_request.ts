// The head of a request to --listen-status, read strictly: what two readers could take for two things is none.

/** More fields than any client sends. */
export const LINES_MAX = 100;
const FIELD = /^[!#$%&'*+.^_`|~\w-]+:[\t -~\x80-\xff]*$/;
const HOST = /^(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i;

/** Method, path and host; null when that is no request. */
export function requestOf([line = "", ...fields]: readonly string[]): Request | null {
  const [, method = "", target = "", minor = ""] =
    /^([A-Z]{1,16}) (\/[!-~]*) HTTP\/1\.([01])$/.exec(line) ?? [];
  // A name with a blank behind it is a host to some, and to others none; what is odd is no request.
  if (fields.length >= LINES_MAX || !fields.every((field) => FIELD.test(field))) return null;
  const hosts = fields.filter((field) => /^host:/i.test(field)).map((field) =>
    field.slice(5).trim()
  );
  const [host = "127.0.0.1"] = hosts;
  // HTTP/1.0, as some probes speak it, needs none.
  if (hosts.length > 1 || (hosts.length === 0 && minor !== "0") || !HOST.test(host)) return null;
  const url = `http://${host}${target}`;
  if (target === "" || ["CONNECT", "TRACE", "TRACK"].includes(method) || !URL.canParse(url)) {
    return null;
  }
  return new Request(url, { method });
}
