// What the program is to do, checked: every problem that can be seen without asking anybody is found here,
// and all of them are reported together, each with its flag and its variable.
import { type Given, isOn, parseDuration, type Values } from "./cli.ts";
import { isIpv4 } from "./core/ipv4.ts";
import { isUuid } from "./core/uuid.ts";
import type { PeerSource } from "./exoscale/peer_source.ts";
import { flagOf, OPTIONS } from "./options.ts";

/** Credentials for the cloud. */
export interface Credentials {
  readonly apiKey: string;
  readonly secret: string;
}

/** What was found outside of flags and variables. */
export interface Findings {
  /** Content of the secret file, if one was named and goes before the secret that was given. */
  readonly secretFile?: string;
  /** Account of the `exo` CLI's configuration file. */
  readonly account?: Partial<Credentials> & { readonly zone?: string };
}

/** A checked configuration. */
export interface Config {
  readonly mode: "watchdog" | "associate" | "dissociate";
  readonly elasticIp: string;
  readonly credentials: Credentials;
  readonly api: "v1" | "v2";
  /** Without a slash at its end; null means: from the zone. */
  readonly endpoint: string | null;
  readonly zone: string | null;
  /** Zone of the `exo` CLI's account, for a machine whose metadata does not tell. */
  readonly usualZone: string | null;
  /** Lower case; null means: ask the machine. */
  readonly instanceId: string | null;
  /** IPv4 addresses or host names, or a group. */
  readonly peers: PeerSource;
  readonly priority: number;
  readonly intervalMs: number;
  readonly deadRatio: number;
  readonly listen: { readonly hostname: string; readonly port: number };
  readonly verbose: boolean;
  readonly checkOnly: boolean;
  readonly stdout: boolean;
  readonly exclusive: boolean;
  /** Infinity with `--no-preempt`. */
  readonly preemptDelayMs: number;
  readonly handoverTimeoutMs: number;
  readonly reconcileMs: number;
  readonly wire: "full" | "plain";
  /** Path of the PID file, null without one. */
  readonly pidFile: string | null;
}

/** The default endpoint of the original, used with `--api v1` alone. */
const V1_ENDPOINT = "https://api.exoscale.ch/compute";

/** For the modes that need none. */
const NO_PEERS: PeerSource = { kind: "static", addresses: [] };

/** A configuration, or what is wrong with it. */
export function configure(
  { given }: Values,
  { secretFile, account }: Findings,
): Config | { problems: string[] } {
  const problems: string[] = [];
  const need = (ok: boolean, option: string, problem: string) => {
    if (!ok) problems.push(`${nameOf(option)}: ${problem}`);
  };
  const text = (option: string) => given.get(option)?.text ?? fallbackOf(option);
  const span = (option: string, [least, most]: [string, string]) => {
    const ms = parseDuration(text(option)) ?? NaN;
    const [low, high] = [parseDuration(least) ?? 0, parseDuration(most) ?? 0];
    need(ms >= low && ms <= high, option, `${text(option)} is not between ${least} and ${most}`);
    return ms;
  };
  const count = (option: string, [low, high]: [number, number]) => {
    const value = Number(text(option));
    need(value >= low && value <= high, option, `${value} is not between ${low} and ${high}`);
    return value;
  };

  const modes = ["W", "A", "D"].filter((name) => isOn(given.get(name)));
  const found = modes.map((name) => `-${name}`).join(" ") || "none";
  if (modes.length !== 1) problems.push(`give exactly one of -W, -A and -D, found: ${found}`);
  const watchdog = modes[0] === "W";

  const elasticIp = text("xi");
  need(elasticIp !== "", "xi", "the Elastic IP is missing");
  const form = elasticIp.includes(":") ? "is IPv6, wanted IPv4" : "is not an IPv4 address";
  need(elasticIp === "" || isIpv4(elasticIp), "xi", `${JSON.stringify(elasticIp)} ${form}`);

  const instanceId = text("i");
  need(!given.has("i") || isUuid(instanceId), "i", `${JSON.stringify(instanceId)} is not a UUID`);

  const lone = !given.has("xk") && !given.has("xs") && secretFile === undefined;
  const apiKey = given.get("xk")?.text ?? (lone ? account?.apiKey : undefined) ?? "";
  const secretText = secretFile ?? given.get("xs")?.text ?? (lone ? account?.secret : undefined);
  const secret = (secretText ?? "").trim();
  need(apiKey !== "", "xk", "the API key is missing");
  need(secret !== "", "xs", `the API secret is missing (or in ${nameOf("api-secret-file")})`);

  const { api, endpoint } = cloudOf(given, need);
  const zone = given.get("zone")?.text ?? null;
  need(
    zone === null || /^[a-z0-9-]+$/.test(zone),
    "zone",
    `${JSON.stringify(zone)} is no zone name`,
  );

  // Only the watchdog cares for the rest, so only its mistakes there count, as in the original.
  const timing = watchdog || modes.length !== 1;
  const settings = {
    priority: timing ? count("P", [0, 255]) : 10,
    intervalMs: timing ? span("t", ["10ms", "1h"]) : 1_000,
    deadRatio: timing ? count("r", [1, 1_000]) : 3,
    preemptDelayMs: isOn(given.get("no-preempt"))
      ? Infinity
      : timing
      ? span("preempt-delay", ["0s", "1d"])
      : 0,
    handoverTimeoutMs: timing ? span("handover-timeout", ["0s", "10min"]) : 10_000,
    reconcileMs: timing ? span("reconcile", ["5s", "5min"]) : 30_000,
    peers: timing ? peersOf(given, { watchdog, need }) : NO_PEERS,
    listen: timing ? listenOf(text("l"), need) : { hostname: "0.0.0.0", port: 0 },
    wire: timing ? wireOf(text("wire"), need) : "full" as const,
  };
  if (problems.length > 0) return { problems };
  return {
    ...settings,
    mode: watchdog ? "watchdog" : modes[0] === "A" ? "associate" : "dissociate",
    elasticIp,
    credentials: { apiKey, secret },
    api,
    endpoint,
    zone,
    usualZone: account?.zone ?? null,
    instanceId: instanceId && given.has("i") ? instanceId.toLowerCase() : null,
    verbose: isOn(given.get("v")),
    checkOnly: isOn(given.get("n")),
    stdout: isOn(given.get("O")),
    exclusive: isOn(given.get("exclusive")),
    pidFile: given.get("pid-file")?.text ?? null,
  };
}

/** Notes a problem of an option unless it is fine. */
export type Need = (ok: boolean, option: string, problem: string) => void;

/** The endpoint's path tells the API, unless `--api` does. */
function cloudOf(
  given: ReadonlyMap<string, Given>,
  need: Need,
): { api: "v1" | "v2"; endpoint: string | null } {
  const asked = given.get("api")?.text;
  need(asked === undefined || ["v1", "v2"].includes(asked), "api", `"${asked}" is not v1 or v2`);
  const text = given.get("xe")?.text;
  if (text === undefined) {
    return asked === "v1" ? { api: "v1", endpoint: V1_ENDPOINT } : { api: "v2", endpoint: null };
  }
  const url = URL.canParse(text) ? new URL(text) : null;
  const usable = url !== null && /^https?:$/.test(url.protocol) && url.search + url.hash === "";
  need(usable, "xe", `${JSON.stringify(text)} is not an http(s) address without query`);
  const path = (url?.pathname ?? "").replace(/\/+$/, "");
  const told = /\/v2$/.test(path)
    ? "v2"
    : /\/(compute|v1|client\/api)$/.test(path)
    ? "v1"
    : undefined;
  const ends =
    "ends neither in /v2 (API v2) nor in /compute or /v1 (CloudStack), and --api is not given";
  need(!usable || told !== undefined || asked !== undefined, "xe", `${text} ${ends}`);
  const clash = told !== undefined && asked !== undefined && told !== asked;
  need(!clash, "api", `${asked} contradicts the endpoint ${text} (-xe)`);
  return { api: (asked ?? told) === "v1" ? "v1" : "v2", endpoint: url && url.origin + path };
}

function peersOf(
  given: ReadonlyMap<string, Given>,
  { watchdog, need }: { watchdog: boolean; need: Need },
): PeerSource {
  const list = given.get("p"), group = given.get("G");
  if (watchdog) {
    need(!(list && group), "p", `excludes ${nameOf("G")}: give one of them`);
    need(
      Boolean(list || group),
      "p",
      `peers are missing: give them, or a group with ${nameOf("G")}`,
    );
  }
  if (group && !list) return { kind: "group", group: group.text };
  const addresses = [...new Set((list?.text ?? "").split(",").map((address) => address.trim()))];
  if (list) {
    for (const address of addresses) {
      const plausible = isIpv4(address) || /^(?=.*[a-z])[a-z0-9.-]+$/i.test(address);
      const problem = `${JSON.stringify(address)} is neither an IPv4 address nor a host name`;
      need(plausible, "p", problem);
    }
  }
  return { kind: "static", addresses: list ? addresses : [] };
}

function wireOf(text: string, need: Need): "full" | "plain" {
  need(text === "full" || text === "plain", "wire", `${JSON.stringify(text)} is not full or plain`);
  return text === "plain" ? "plain" : "full";
}

/** What `-l` says. */
export function listenOf(text: string, need: Need): Config["listen"] {
  const match = /^([^:]*):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  need(port >= 1 && port <= 65535, "l", `${JSON.stringify(text)} is not [ADDRESS]:PORT`);
  const hostname = match?.[1] || "0.0.0.0";
  need(!match || isIpv4(hostname), "l", `${JSON.stringify(hostname)} is not an IPv4 address`);
  return { hostname, port };
}

/** The option as a user knows it: flag and variable. */
export function nameOf(name: string): string {
  const option = OPTIONS.find((each) => each.name === name);
  if (!option) return name;
  const [variable] = option.variables;
  return variable ? `${flagOf(option)} (${variable})` : flagOf(option);
}

/** The default of an option as it would be written, empty when it has none. */
export function fallbackOf(name: string): string {
  return OPTIONS.find((option) => option.name === name)?.fallback ?? "";
}
