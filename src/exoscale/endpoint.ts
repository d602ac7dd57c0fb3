// Where signed requests may go. Anybody who sees one can replay it for ten minutes, at any endpoint, since a signature
// does not cover the host.
import { isIpv4 } from "../core/ip.ts";

/** Why an endpoint must not be used, null when it may. Plain HTTP needs this machine, or permission. */
export function endpointProblem(endpoint: URL, { insecure }: { insecure: boolean }): string | null {
  if (endpoint.username + endpoint.password !== "") return "has a user name or a password in it";
  if (endpoint.search + endpoint.hash !== "") return "has a query or a fragment";
  if (endpoint.protocol === "https:") return null;
  if (endpoint.protocol !== "http:") return "is not an http(s) address";
  return insecure || isLoopback(endpoint.hostname) ? null : "is plain HTTP to another machine";
}

/** Whether a host name or address, as written in a URL, means this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" ||
    (isIpv4(hostname) && hostname.startsWith("127."));
}

/** Whether an endpoint named in an answer belongs to the sender of that answer: same host, or same domain. */
export function sameDomain(endpoint: URL, asked: URL): boolean {
  if (endpoint.hostname === asked.hostname) return true;
  const domain = asked.hostname.split(".").slice(1).join(".");
  return !isIpv4(asked.hostname) && domain.includes(".") &&
    endpoint.hostname.endsWith(`.${domain}`);
}

/** The text without trailing slashes, in linear time. */
export function withoutEndSlashes(text: string): string {
  let end = text.length;
  while (text[end - 1] === "/") end -= 1;
  return text.slice(0, end);
}
