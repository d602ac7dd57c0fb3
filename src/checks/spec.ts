// One --check as written: `tcp://host:port`, `http(s)://...` or `exec:command`.
import { plain } from "../core/plain.ts";
import { withoutArguments, withoutPassword } from "../log/password.ts";
import { splitCommand } from "../host/split_command.ts";

/** First and last status of a range. */
export type StatusRange = readonly [number, number];

/** A check. The title is the text as written, without passwords and arguments, for log and status. */
export type CheckSpec =
  & { readonly title: string }
  & (
    | { readonly kind: "tcp"; readonly hostname: string; readonly port: number }
    | {
      readonly kind: "http";
      /** Without our own parameters in its query. */
      readonly url: string;
      readonly statuses: readonly StatusRange[];
      /** Text that the answer must contain, null when only the status counts. */
      readonly body: string | null;
    }
    | { readonly kind: "exec"; readonly words: readonly string[] }
  );

/** A check, or its problem. */
export type ParsedCheck = { readonly spec: CheckSpec } | { readonly problem: string };

/** 2xx and 3xx: a redirection is not followed, and proves that the server answers. */
const USUAL: readonly StatusRange[] = [[200, 399]];
const EXEC = "exec:";
/** Longest title, in characters. */
const TITLE_MAX_CHARS = 500;
const FORMS = "wanted tcp://HOST:PORT, http://..., https://... or exec:COMMAND";

/** A check with its passwords masked: they are only for the server or program that it asks. */
export function shownCheck(text: string): string {
  if (!text.startsWith(EXEC)) return plain(withoutPassword(text), TITLE_MAX_CHARS);
  return EXEC + shownCommand(text.slice(EXEC.length));
}

/** A command without its arguments: any of them may be a password. */
export function shownCommand(text: string): string {
  // With an unclosed quote, take the text up to the first blank as the program.
  const words = splitCommand(text) ?? text.trim().split(/\s+/);
  return plain(withoutArguments(words), TITLE_MAX_CHARS);
}

/** Parses one check. */
export function parseCheck(text: string): ParsedCheck {
  const title = shownCheck(text);
  const refuse = (why: string): ParsedCheck => ({ problem: `${JSON.stringify(title)}: ${why}` });
  if (text.startsWith(EXEC)) {
    const words = splitCommand(text.slice(EXEC.length));
    if (words === null) return refuse("a quote does not end");
    if (!words[0]) return refuse("names no command");
    return { spec: { title, kind: "exec", words } };
  }
  if (!/^(tcp|https?):\/\//.test(text) || /\s/.test(text)) return refuse(FORMS);
  if (!URL.canParse(text)) return refuse(`is no valid address; ${FORMS}`);
  const url = new URL(text);
  return url.protocol === "tcp:" ? tcp(url, { title, refuse }) : http(url, { title, refuse });
}

interface Report {
  readonly title: string;
  readonly refuse: (why: string) => ParsedCheck;
}

function tcp(url: URL, { title, refuse }: Report): ParsedCheck {
  const { hostname, pathname, search, hash, username, password } = url;
  const port = Number(url.port);
  if (!(port >= 1)) return refuse("has no port between 1 and 65535");
  if (!/^([\w.-]+|\[[0-9a-f:.]+\])$/i.test(hostname)) return refuse("has no host");
  const more = search + hash + username + password;
  if (more !== "" || !["", "/"].includes(pathname)) return refuse("has more than host and port");
  return { spec: { title, kind: "tcp", hostname: hostname.replace(/^\[|\]$/g, ""), port } };
}

/** `status=` and `body=` are our parameters; write a server's own one with an escape (`%73tatus=`), which is kept. */
function http(url: URL, { title, refuse }: Report): ParsedCheck {
  const own = { status: [] as string[], body: [] as string[] };
  const others: string[] = [];
  for (const part of url.search.slice(1).split("&")) {
    const [, name] = /^(status|body)=/.exec(part) ?? [];
    const value = new URLSearchParams(part).get(name ?? "") ?? "";
    if (name === "status" || name === "body") own[name].push(value);
    else if (part !== "") others.push(part);
  }
  url.search = others.join("&");
  url.hash = "";
  if (own.status.length > 1 || own.body.length > 1) return refuse("has status or body twice");
  if (own.body[0] === "") return refuse("body= has no text");
  const statuses = own.status[0] === undefined ? USUAL : rangesOf(own.status[0]);
  if (statuses === null) {
    return refuse(`status=${own.status[0]} is no list of statuses such as 200 or 200-204,301`);
  }
  return { spec: { title, kind: "http", url: url.href, statuses, body: own.body[0] ?? null } };
}

function rangesOf(text: string): StatusRange[] | null {
  const ranges = text.split(",").map((part): StatusRange | null => {
    const [, low, high = low] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(part) ?? [];
    return low && high && low <= high ? [Number(low), Number(high)] : null;
  });
  return ranges.every((range) => range !== null) ? ranges : null;
}
