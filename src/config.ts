// What the program is to do, checked: every problem that can be seen without asking anybody is found here,
// and all of them are reported together, each with its flag and its variable.
import type { Values } from "./cli.ts";
import { canonicalIp, isIpv6 } from "./core/ip.ts";
import { type AddressConfig, readAddresses } from "./config/addresses.ts";
import { type CloudConfig, type Findings, readCloud } from "./config/cloud.ts";
import { type ElectionConfig, readElection } from "./config/election.ts";
import { type OperatingConfig, readOperating } from "./config/operating.ts";
import { type PeersConfig, readPeers } from "./config/peers.ts";
import { nameOf, Reading } from "./config/reading.ts";
import { readSecurity, type SecurityConfig } from "./config/security.ts";
import { readService, type ServiceConfig } from "./config/service.ts";

export type { Findings } from "./config/cloud.ts";
export { fallbackOf, nameOf } from "./config/reading.ts";

/** A checked configuration. */
export interface Config
  extends CloudConfig, ElectionConfig, PeersConfig, OperatingConfig, SecurityConfig, ServiceConfig {
  readonly mode: Mode;
  /** At least one; in the modes that do one thing exactly one. */
  readonly addresses: readonly AddressConfig[];
}

/** `-W`, `-A` or `-D`. */
export type Mode = "watchdog" | "associate" | "dissociate";

/** A configuration, or what is wrong with it. */
export function configure(
  { given }: Values,
  findings: Findings,
): Config | { problems: string[] } {
  const reading = new Reading(given);
  const mode = readMode(reading);
  const watchdog = mode === "watchdog";
  // Who gave no mode, or too many, is told of all mistakes.
  const counts = watchdog || mode === null;
  const config = {
    addresses: readAddresses(reading),
    ...readCloud(reading, findings),
    ...readElection(reading, counts),
    ...readPeers(reading, { counts, watchdog }),
    ...readOperating(reading),
    ...readSecurity(reading, { counts, found: findings.sharedSecret ?? null }),
    ...readService(reading, counts),
  };
  const { length } = config.addresses;
  const single = `${length} Elastic IPs, wanted one: -A and -D move one at a time`;
  reading.need(counts || length <= 1, "xi", single);
  const addressed = config.api === "v2" ||
    config.addresses.every(({ elasticIp }) => canonicalIp(elasticIp) !== null);
  reading.need(addressed, "xi", "on CloudStack an Elastic IP is given by its IP address");
  refuseShort(reading, config);
  const { problems } = reading;
  return mode === null || problems.length > 0 ? { problems } : { mode, ...config };
}

/** What cannot be done with an IPv6 Elastic IP. */
function refuseShort(
  reading: Reading,
  { addresses, wire, api }: Pick<Config, "addresses" | "wire" | "api">,
): void {
  const long = addresses.find(({ elasticIp }) => isIpv6(elasticIp));
  if (!long) return;
  const plain = `the original's 24 bytes have no room for ${long.elasticIp} (${nameOf("xi")})`;
  reading.need(wire === "full", "wire", plain);
  reading.need(api === "v2", "xi", `${long.elasticIp}: API v1 has no IPv6 Elastic IPs`);
}

function readMode(reading: Reading): Mode | null {
  const modes: Readonly<Record<string, Mode>> = { W: "watchdog", A: "associate", D: "dissociate" };
  const asked = Object.keys(modes).filter((flag) => reading.on(flag));
  // Whoever asks the doctor without a mode is about to watch.
  if (asked.length === 0 && reading.on("doctor")) return "watchdog";
  if (asked.length === 1) return modes[asked[0] ?? ""] ?? null;
  const found = asked.map((flag) => `-${flag}`).join(" ") || "none";
  reading.problems.push(`give exactly one of -W, -A and -D, found: ${found}`);
  return null;
}
