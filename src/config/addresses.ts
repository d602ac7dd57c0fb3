// -xi: one Elastic IP or several, each with its own priority if it has one: `A/10,B/20`. Each is an IP address, or a
// name for the cloud to look up: the Elastic IP's id, its description, or one of its labels as `key=value`.
import { canonicalIp } from "../core/ip.ts";
import type { Reading } from "./reading.ts";

/** An Elastic IP to watch. */
export interface AddressConfig {
  /** In canonical form; until the cloud was asked perhaps a name, too. */
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
  const ranked = priority !== undefined && (canonicalIp(before) !== null || /^\d+$/.test(priority));
  const given = ranked ? before : text;
  const elasticIp = canonicalIp(given) ?? given;
  reading.need(plausible(elasticIp), "xi", `${JSON.stringify(given)} is not an IP address`);
  if (!ranked) return { elasticIp, priority: null };
  const value = /^\d{1,3}$/.test(priority) ? Number(priority) : NaN;
  const prefixes = elasticIp.includes(":") ? ["96", "128"] : ["32"];
  const meant =
    `${JSON.stringify(text)}: what follows / is a priority and no prefix length: leave ` +
    `it out, or give another priority than ${priority}`;
  reading.need(canonicalIp(given) === null || !prefixes.includes(priority), "xi", meant);
  const beyond = `${JSON.stringify(text)}: the priority after / is not between 0 and 255`;
  reading.need(value <= 255, "xi", beyond);
  return { elasticIp, priority: value };
}

/** What looks like an address must be one; anything else is a name that the cloud may know. */
function plausible(text: string): boolean {
  const looks = /^[\d.]*$/.test(text) || /^[0-9a-f]*:[0-9a-f:.]*$/i.test(text);
  return !looks || canonicalIp(text) !== null;
}
