// The checked configuration. Every problem that shows without asking the cloud or another machine is found here, and
// all of them are reported together, each with its flag and its variable.
import type { Values } from "../options/parse.ts";
import { canonicalIp, isIpv6 } from "../core/ip.ts";
import { readElasticIps, refuseImpossible } from "./elastic_ips.ts";
import { type ExternalInputs, readCloud } from "./cloud.ts";
import { needsLeases } from "../exoscale/private_networks.ts";
import { readLease } from "./lease.ts";
import { readPeers } from "./peers.ts";
import { ConfigReader, nameOf, unread } from "./config_reader.ts";
import { readSecurity } from "./security.ts";
import { DECLARED, type Fields } from "../options/all.ts";
import type { ElasticIpsConfig } from "../options/elastic_ips.ts";
import type { CloudConfig } from "../options/cloud.ts";
import type { LeaseSettings } from "../options/lease.ts";
import type { PeersConfig } from "../options/peers.ts";
import type { SecurityConfig } from "../options/security.ts";

export type { ExternalInputs } from "./cloud.ts";
export { fallbackOf, nameOf } from "./config_reader.ts";

/** A checked configuration: fields that follow from one option each, and fields that follow from several. */
export interface Config
  extends Fields, ElasticIpsConfig, CloudConfig, PeersConfig, SecurityConfig, LeaseSettings {
  readonly mode: Mode;
}

/** `-W`, `-A` or `-D`. */
export type Mode = "watchdog" | "associate" | "dissociate";

/** A configuration, or its problems. */
export function configure(
  { given, refused }: Values,
  inputs: ExternalInputs,
): Config | { problems: string[] } {
  const reader = new ConfigReader(given, refused);
  const mode = readMode(reader);
  const watchdog = mode === "watchdog";
  // Without exactly one mode, report the problems of all modes.
  const counts = watchdog || mode === null;
  const secret = inputs.sharedSecret !== undefined;
  const read = {
    elasticIps: readElasticIps(reader),
    ...readCloud(reader, inputs),
    ...readPeers(reader, { counts, watchdog }),
    ...readSecurity(reader, { counts, found: inputs.sharedSecret ?? null }),
    ...readFields(reader, counts),
    lease: readLease(reader, { counts, files: inputs, secret }),
  };
  // With a lease at most one holds, so equals cannot share.
  const config = { ...read, exclusive: read.exclusive || read.lease !== null };
  refuseStray(reader);
  refuseShadow(reader, watchdog);
  const { length } = config.elasticIps;
  const single = `${length} Elastic IPs, wanted one: -A and -D move one at a time`;
  reader.need(counts || length <= 1, "xi", single);
  const addressed = config.api === "v2" ||
    config.elasticIps.every(({ elasticIp }) => canonicalIp(elasticIp) !== null);
  reader.need(addressed, "xi", "on CloudStack an Elastic IP is given by its IP address");
  refuseImpossible(reader, config.api);
  const leased = config.api === "v2" || !needsLeases(config.heartbeatNetworks);
  reader.need(leased, "heartbeat-network", "private networks need API v2 (their leases)");
  refuseShort(reader, config);
  if (config.together) refuseSplit(reader, config);
  const { problems } = reader;
  return mode === null || problems.length > 0 ? { problems } : { mode, ...config };
}

/** The fields that follow from one option each. With `counts`, also those that only the watchdog uses. */
function readFields(reader: ConfigReader, counts: boolean): Fields {
  const nothing = unread();
  const entries = DECLARED.flatMap((option) => {
    if (!("read" in option)) return [];
    const { key, read, watchdogOnly } = option;
    return [[key, read(watchdogOnly && !counts ? nothing : reader)] as const];
  });
  // Each entry comes from its own option, which the compiler cannot follow through the list.
  return Object.fromEntries(entries) as unknown as Fields;
}

/** Refuses switches that have a meaning only together with others. */
function refuseStray(reader: ConfigReader): void {
  const json = ["status", "history", "doctor", "drill", "shadow"].map(nameOf).join(", ");
  const printsJson = ["doctor", "drill", "shadow"].some((name) => reader.on(name));
  const any = `goes with ${json} or a command that moves the address only`;
  reader.need(printsJson || !reader.on("json"), "json", any);
  for (const name of ["probe", "drill-via"]) {
    const stray = reader.value(name) !== null && !reader.on("drill");
    reader.need(!stray, name, `goes with ${nameOf("drill")} only`);
  }
  const since = reader.value("since") === null;
  reader.need(since, "since", `goes with ${nameOf("history")} only`);
  const moving = `goes with ${nameOf("drain")} or ${nameOf("demote")} only`;
  reader.need(!reader.has("reason"), "reason", moving);
  for (const name of ["watch", "nagios"]) {
    reader.need(!reader.on(name), name, `goes with ${nameOf("status")} only`);
  }
}

/** Refuses what a shadow cannot do: change the cloud, and learn from the original's heartbeats who holds. */
function refuseShadow(reader: ConfigReader, watchdog: boolean): void {
  if (!reader.on("shadow")) return;
  const moving = ["A", "D"].find((mode) => reader.on(mode));
  reader.need(
    moving === undefined,
    "shadow",
    `a shadow changes nothing, and -${moving} would: give -W`,
  );
  const plain = "the original's 24 bytes do not say who holds: shadows need extended";
  const long = !watchdog || reader.value("heartbeat-format") !== "original";
  reader.need(long, "heartbeat-format", plain);
}

/** Refuses settings that an IPv6 Elastic IP does not support. */
function refuseShort(
  reader: ConfigReader,
  { elasticIps, heartbeatFormat, api }: Pick<Config, "elasticIps" | "heartbeatFormat" | "api">,
): void {
  const long = elasticIps.find(({ elasticIp }) => isIpv6(elasticIp));
  if (!long) return;
  const plain = `the original's 24 bytes have no room for ${long.elasticIp} (${nameOf("xi")})`;
  reader.need(heartbeatFormat === "extended", "heartbeat-format", plain);
  reader.need(api === "v2", "xi", `${long.elasticIp}: API v1 has no IPv6 Elastic IPs`);
}

/** Refuses what cannot move together. */
function refuseSplit(
  reader: ConfigReader,
  { elasticIps, priority: own, heartbeatFormat }: Pick<
    Config,
    "elasticIps" | "priority" | "heartbeatFormat"
  >,
): void {
  const { length } = elasticIps;
  const count = `${length} Elastic IP in ${nameOf("xi")}, wanted at least 2 that move together`;
  // A drill names one address, and the others move with it.
  reader.need(length !== 1 || reader.on("drill"), "together", count);
  const priorities = [...new Set(elasticIps.map(({ priority }) => priority ?? own))];
  const several = `different priorities in ${nameOf("xi")} (${priorities.join(", ")}), wanted ` +
    `one: give it as ${nameOf("P")}`;
  reader.need(priorities.length <= 1, "together", several);
  const needsExtended =
    `a node that sends the original's heartbeats (${nameOf("heartbeat-format")}) ` +
    "cannot say that it holds all, and nothing would be given up to it: wanted extended";
  reader.need(heartbeatFormat === "extended", "together", needsExtended);
  const alone = `a shadow compares each address by itself: leave out ${nameOf("shadow")}`;
  reader.need(!reader.on("shadow"), "together", alone);
}

function readMode(reader: ConfigReader): Mode | null {
  const modes: Readonly<Record<string, Mode>> = { W: "watchdog", A: "associate", D: "dissociate" };
  const asked = Object.keys(modes).filter((flag) => reader.on(flag));
  // A doctor run without a mode checks for the watchdog, and a drill is about one.
  if (asked.length === 0 && (reader.on("doctor") || reader.on("drill"))) return "watchdog";
  if (asked.length === 1) return modes[asked[0] ?? ""] ?? null;
  if (asked.length === 0 && reader.on("n")) {
    reader.problems.push("-n needs the mode that it should check: give -W, -A or -D, too");
    return null;
  }
  const found = asked.map((flag) => `-${flag}`).join(" ") || "none";
  reader.problems.push(`give exactly one of -W, -A and -D, found: ${found}`);
  return null;
}
