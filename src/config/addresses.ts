// -xi: one Elastic IP or several, each with its own priority if it has one: `A/10,B/20`. Each is an IPv4 address, or a
// name for the cloud to look up: the Elastic IP's id, its description, or one of its labels as `key=value`.
import { isIpv4 } from "../core/ipv4.ts";
import type { Reading } from "./reading.ts";

/** An Elastic IP to watch. */
export interface AddressConfig {
  /** An IPv4 address; until the cloud was asked perhaps a name, too. */
  readonly elasticIp: string;
  /** Priority of this node for it, 0 to 255; null means that of the node. */
  readonly priority: number | null;
}

/** The Elastic IPs; at least one is wanted, and each only once. */
export function readAddresses(reading: Reading): AddressConfig[] {
  const text = reading.text("xi");
  reading.need(text !== "", "xi", "the Elastic IP is missing");
  const addresses = text === ""
    ? []
    : text.split(",").map((each) => addressOf(each.trim(), reading));
  const seen = new Set<string>();
  for (const { elasticIp } of addresses) {
    reading.need(!seen.has(elasticIp), "xi", `${elasticIp} is given twice`);
    seen.add(elasticIp);
  }
  return addresses;
}

function addressOf(text: string, reading: Reading): AddressConfig {
  const [, before = "", priority] = /^(.*)\/([^/]*)$/.exec(text) ?? [];
  // A description may have a slash, too.
  const ranked = priority !== undefined && (isIpv4(before) || /^\d+$/.test(priority));
  const elasticIp = ranked ? before : text;
  const problem = problemOf(elasticIp);
  reading.need(problem === null, "xi", `${JSON.stringify(elasticIp)} ${problem}`);
  if (!ranked) return { elasticIp, priority: null };
  const value = /^\d{1,3}$/.test(priority) ? Number(priority) : NaN;
  const beyond = `${JSON.stringify(text)}: the priority after / is not between 0 and 255`;
  reading.need(value <= 255, "xi", beyond);
  return { elasticIp, priority: value };
}

/** What looks like an address must be one; anything else is a name that the cloud may know. */
function problemOf(text: string): string | null {
  if (isIpv4(text)) return null;
  if (text === "") return "is empty, wanted an Elastic IP";
  if (/^[0-9a-f]*:[0-9a-f:.]*$/i.test(text)) return "is IPv6, wanted IPv4";
  return /^[\d.]+$/.test(text) ? "is not an IPv4 address" : null;
}
