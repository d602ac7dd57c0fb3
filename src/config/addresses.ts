// -xi: one Elastic IP or several, each with its own priority if it has one: `A/10,B/20`.
import { canonicalIp } from "../core/ip.ts";
import type { Reading } from "./reading.ts";

/** An Elastic IP to watch. */
export interface AddressConfig {
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
  const [, address = "", priority] = /^(.*?)(?:\/([^/]*))?$/.exec(text) ?? [];
  const elasticIp = canonicalIp(address) ?? address;
  const known = canonicalIp(address) !== null;
  reading.need(known, "xi", `${JSON.stringify(address)} is not an IP address`);
  if (priority === undefined) return { elasticIp, priority: null };
  const value = /^\d{1,3}$/.test(priority) ? Number(priority) : NaN;
  const problem = `${JSON.stringify(text)}: the priority after / is not between 0 and 255`;
  reading.need(value <= 255, "xi", problem);
  return { elasticIp, priority: value };
}
