// Which requests go through a proxy, by HTTPS_PROXY and NO_PROXY. Plain HTTP never does (host/proxy.ts).
import { canonicalIp, isIpv4 } from "../core/ip.ts";

/** A proxy for our requests. */
export interface Proxy {
  /** For messages, without password: `the proxy proxy.example:3128 (HTTPS_PROXY)`. */
  readonly title: string;
  readonly hostname: string;
  readonly port: number;
  /** The value of `Proxy-Authorization`, null without a password. */
  readonly authorization: string | null;
  /** Whether we can talk to it ourselves; TLS to the proxy and SOCKS need the runtime. */
  readonly plain: boolean;
}

/** The environment's settings for proxies. */
export interface ProxyVariables {
  readonly HTTPS_PROXY?: string | undefined;
  readonly https_proxy?: string | undefined;
  readonly NO_PROXY?: string | undefined;
  readonly no_proxy?: string | undefined;
}

/** A value of HTTPS_PROXY that is not a proxy. */
export class ProxyProblem extends Error {
  override readonly name = "ProxyProblem";
}

/** The proxy for that URL, null when the request goes directly. Throws `ProxyProblem`. */
export function proxyFor(url: URL, variables: ProxyVariables): Proxy | null {
  const [variable, text] = variables.HTTPS_PROXY
    ? ["HTTPS_PROXY", variables.HTTPS_PROXY]
    : ["https_proxy", variables.https_proxy ?? ""];
  if (text === "" || url.protocol !== "https:") return null;
  const excepted = variables.NO_PROXY || variables.no_proxy || "";
  if (isExcepted(url.hostname.replace(/^\[|\]$/g, ""), excepted)) return null;
  return parse(text, variable);
}

const SCHEMES = ["http:", "https:", "socks5:", "socks5h:"];
const PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

function parse(text: string, variable: string): Proxy {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (!url || !SCHEMES.includes(url.protocol) || url.hostname === "") {
    throw new ProxyProblem(
      `${variable} is not the address of a proxy (wanted http://HOST:PORT, https:// or socks5://)`,
    );
  }
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port) || (PORTS[url.protocol] ?? 1080);
  const user = decodeURIComponent(url.username), password = decodeURIComponent(url.password);
  const authorization = url.username === ""
    ? null
    : `Basic ${new TextEncoder().encode(`${user}:${password}`).toBase64()}`;
  const title = `the proxy ${url.hostname}:${port} (${variable})`;
  return { title, hostname, port, authorization, plain: url.protocol === "http:" };
}

/** Whether NO_PROXY covers the host. Its entries: a name, a domain suffix, an address, a network, or `*` for all. */
function isExcepted(host: string, list: string): boolean {
  return list.split(/[\s,]+/).filter(Boolean).some((entry) => {
    if (entry === "*") return true;
    const [network = "", bits] = entry.split("/");
    if (canonicalIp(host) !== null) return isInNetwork(host, network, bits);
    const domain = entry.replace(/^\*?\./, "").toLowerCase();
    return host.toLowerCase() === domain || host.toLowerCase().endsWith(`.${domain}`);
  });
}

function isInNetwork(host: string, network: string, bits: string | undefined): boolean {
  const one = canonicalIp(host), other = canonicalIp(network.replace(/^\[|\]$/g, ""));
  if (one === null || other === null) return false;
  if (bits === undefined || !isIpv4(one) || !isIpv4(other)) return one === other;
  const shift = 32 - Number(bits);
  return shift >= 0 && shift <= 32 &&
    number(one) >> BigInt(shift) === number(other) >> BigInt(shift);
}

function number(ipv4: string): bigint {
  return ipv4.split(".").reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
}
