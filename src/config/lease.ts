// The lease in the configuration: the store, and the options that go with it or contradict it.
import { LONGEST_TTL_MS } from "../core/lease/state.ts";
import { endpointProblem } from "../exoscale/endpoint.ts";
import { withoutPassword } from "../log/password.ts";
import { LEASE, type LeaseConfig } from "../options/lease.ts";
import { pairIn } from "./client_certificate.ts";
import { type ConfigReader, fallbackOf, nameOf } from "./config_reader.ts";

/** The contents of the files that the options of the lease name, as far as they could be read. */
export interface LeaseFiles {
  readonly leasePassword?: string;
  readonly leaseCert?: string;
  readonly leaseKey?: string;
}

/** The form of the value, and the most endpoints that are allowed. */
const FORM = "etcd:https://HOST:2379[,https://...]", ENDPOINTS_MAX = 20;
/** Options that have no effect without heartbeats, and why. Somebody who sets one must learn that. */
const WITHOUT_HEARTBEATS: Readonly<Record<string, string>> = {
  "p": "the nodes find each other in the store",
  "G": "the nodes find each other in the store",
  "heartbeat-network": "the nodes send none over any network",
  "heartbeat-format": "the nodes send none in any format",
  "shared-secret-file": "the nodes sign none",
  "accept-unsigned": "the nodes accept none",
};

/** The lease, null without one. Only the watchdog uses it. */
export function readLease(
  reader: ConfigReader,
  { counts, files, secret }: {
    counts: boolean;
    files: LeaseFiles;
    /** Whether a shared secret was found, in whichever place. */
    secret: boolean;
  },
): LeaseConfig | null {
  if (!reader.has("lease")) {
    if (counts) refuseStray(reader);
    return null;
  }
  const promote = `with a lease, only its owner may attach the Elastic IP: leave out -A, and run ` +
    "exoip --promote on the node that should hold it";
  reader.need(!reader.on("A"), "lease", promote);
  if (!counts) return null;
  refuseClashes(reader);
  const heartbeats = readHeartbeats(reader, secret);
  const { user, password } = readUser(reader, files);
  return {
    store: "etcd",
    endpoints: readEndpoints(reader),
    prefix: readPrefix(reader),
    ttlMs: readTtl(reader),
    failsafe: heartbeats && (!reader.has("lease-failsafe") || reader.on("lease-failsafe")),
    heartbeats,
    user,
    password,
    certificate: readCertificate(reader, files),
  };
}

/** Somebody who configures a lease and forgets the store must not believe that there is one. */
function refuseStray(reader: ConfigReader): void {
  // The value of --lease in the file was bad and is already reported, so the other options do belong to a lease.
  if (reader.refused("lease")) return;
  for (const { name } of LEASE) {
    const stray = reader.has(name) && !isDefault(reader, name);
    reader.need(!stray, name, `goes with ${nameOf("lease")} only`);
  }
}

/** Whether the given value is the default: files that --print-config wrote list defaults, too. */
function isDefault(reader: ConfigReader, name: string): boolean {
  const fallback = fallbackOf(name);
  return reader.value(name) === fallback || (fallback === "true" && reader.on(name));
}

function refuseClashes(reader: ConfigReader): void {
  const shadow =
    "a shadow changes nothing, so it takes no lease and writes nothing to the store: " +
    `leave out ${nameOf("lease")}`;
  reader.need(!reader.on("shadow"), "shadow", shadow);
  const shares = `${nameOf("lease")} lets one node hold, the one with the lower id among equals: ` +
    "leave this out";
  reader.need(!reader.has("exclusive") || reader.on("exclusive"), "exclusive", shares);
}

function readHeartbeats(reader: ConfigReader, secret: boolean): boolean {
  const text = reader.text("heartbeats");
  const known = ["udp", "none"].includes(text);
  reader.need(known, "heartbeats", `${JSON.stringify(text)} is not udp or none`);
  if (text !== "none") return true;
  const heard = "the failsafe needs heartbeats, by which a node hears all others: leave it out";
  reader.need(!reader.on("lease-failsafe"), "lease-failsafe", heard);
  for (const [name, why] of Object.entries(WITHOUT_HEARTBEATS)) {
    const given = reader.has(name) && !isDefault(reader, name);
    const found = name === "shared-secret-file" && secret;
    const off = name === "accept-unsigned" && !reader.on(name);
    reader.need(
      !(given || found) || off,
      name,
      `has no effect without heartbeats (${nameOf("heartbeats")}): ${why}`,
    );
  }
  return false;
}

function readEndpoints(reader: ConfigReader): readonly string[] {
  reader.needUnquoted(reader.value("lease") ?? "", "lease");
  const texts = reader.values("lease");
  const few = texts.length <= ENDPOINTS_MAX;
  reader.need(few, "lease", `names ${texts.length} endpoints, wanted at most ${ENDPOINTS_MAX}`);
  if (!few) return [];
  const [scheme = ""] = /^[a-z][a-z0-9+.-]*(?=:)/i.exec(texts[0] ?? "") ?? [];
  const bare = ["", "http", "https"].includes(scheme);
  const shown = JSON.stringify(withoutPassword(texts[0] ?? ""));
  const what = bare
    ? `${shown} names no kind of store`
    : `${scheme}: is not a supported store, only etcd is`;
  reader.need(scheme === "etcd", "lease", `${what}: wanted ${FORM}`);
  if (scheme !== "etcd") return [];
  const urls = texts.map((text) => text.replace(/^etcd:/, ""));
  for (const url of urls) {
    const problem = problemOf(url, reader);
    reader.need(problem === null, "lease", `${JSON.stringify(withoutPassword(url))} ${problem}`);
  }
  const origins = urls.map((url) => URL.parse(url)?.origin ?? url);
  const twice = origins.find((each, index) => origins.indexOf(each) < index);
  reader.need(
    twice === undefined,
    "lease",
    `names ${JSON.stringify(withoutPassword(twice ?? ""))} twice`,
  );
  return origins;
}

/** Why an endpoint of the store must not be used; null when it may. */
function problemOf(text: string, reader: ConfigReader): string | null {
  const url = URL.parse(text);
  const other = /^(?!https?:)[a-z][a-z0-9+.-]*:(?=.*:\/\/)/i.test(text);
  if (other) return `is of another store than etcd, and only one has the lease: wanted ${FORM}`;
  if (url === null || text === "") return `is not an http(s) address: wanted ${FORM}`;
  const problem = endpointProblem(url, { insecure: reader.on("insecure-endpoint") });
  if (problem?.includes("plain HTTP")) {
    return `${problem}: anyone who sees a request can take the lease; allow that with ${
      nameOf("insecure-endpoint")
    }`;
  }
  if (problem?.includes("http(s)")) return `${problem}: wanted ${FORM}`;
  if (problem?.includes("user name")) {
    const files = [nameOf("lease-user"), nameOf("lease-password-file")].join(" and ");
    return `${problem}: use ${files}`;
  }
  if (problem) return problem;
  return url.pathname === "/" ? null : "has a path: wanted the address of the store alone";
}

function readPrefix(reader: ConfigReader): string {
  const text = reader.text("lease-prefix");
  const prefix = text.replace(/\/{1,100}$/, "");
  const shown = JSON.stringify(text);
  reader.need(text.startsWith("/"), "lease-prefix", `${shown} does not begin with a slash`);
  const usual = /^[!-~]{0,200}$/.test(text);
  const other = `${shown} is too long, or has a blank or another character than visible ASCII: ` +
    "wanted at most 200 characters, as in /exoip";
  reader.need(usual, "lease-prefix", other);
  const named = !text.startsWith("/") || prefix !== "";
  reader.need(named, "lease-prefix", `${shown} has no name in it, wanted one such as /exoip`);
  return prefix;
}

function readTtl(reader: ConfigReader): number {
  const ttlMs = reader.span("lease-ttl", ["3s", "5min"]);
  const whole = !(ttlMs >= 3_000 && ttlMs <= LONGEST_TTL_MS) || ttlMs % 1_000 === 0;
  const text = `${reader.text("lease-ttl")} is not in whole seconds, in which the store counts`;
  reader.need(whole, "lease-ttl", text);
  return ttlMs;
}

function readUser(
  reader: ConfigReader,
  { leasePassword }: LeaseFiles,
): Pick<LeaseConfig, "user" | "password"> {
  const user = reader.value("lease-user"), named = reader.has("lease-password-file");
  reader.needUnquoted(user ?? "", "lease-user");
  reader.need(user !== "", "lease-user", "it is empty");
  reader.need(user === null || named, "lease-user", `needs ${nameOf("lease-password-file")}, too`);
  reader.need(user !== null || !named, "lease-password-file", `needs ${nameOf("lease-user")}, too`);
  // An unreadable file has been reported already.
  if (leasePassword === undefined) return { user, password: null };
  const password = leasePassword.replace(/\r?\n$/, "");
  const path = reader.text("lease-password-file"),
    wanted = "wanted the password alone, on one line";
  reader.need(password.trim() !== "", "lease-password-file", `${path} is empty: ${wanted}`);
  const line = password.length <= 4_096 && !/[\p{Cc}\ufffd]/u.test(password);
  reader.need(line, "lease-password-file", `${path} is not one line of text: ${wanted}`);
  return { user, password };
}

function readCertificate(
  reader: ConfigReader,
  { leaseCert: cert, leaseKey: key }: LeaseFiles,
): LeaseConfig["certificate"] {
  for (const [one, other] of [["cert", "key"], ["key", "cert"]] as const) {
    const alone = reader.has(`lease-${one}-file`) && !reader.has(`lease-${other}-file`);
    reader.need(!alone, `lease-${one}-file`, `needs ${nameOf(`lease-${other}-file`)}, too`);
  }
  // An unreadable file has been reported already.
  if (cert === undefined || key === undefined) return null;
  const pair = pairIn({ cert, key });
  if (!("problems" in pair)) return pair;
  const paths = { cert: reader.text("lease-cert-file"), key: reader.text("lease-key-file") };
  for (const { file, text } of pair.problems) {
    const both = `${paths.key} ${text} ${paths.cert} (${nameOf("lease-cert-file")})`;
    if (file === "both") reader.need(false, "lease-key-file", both);
    else reader.need(false, `lease-${file}-file`, `${paths[file]} ${text}`);
  }
  return null;
}
