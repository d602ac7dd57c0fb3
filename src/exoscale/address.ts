// Turns Elastic IPs given by id, description or label into addresses: heartbeats and the election know nothing else.
import { canonicalElasticIp, canonicalIp } from "../core/ip.ts";
import { isUuid } from "../core/uuid.ts";
import type { ClientV2 } from "./client_v2.ts";
import { CloudError } from "./cloud_error.ts";
import { elasticIpsOf, type Fields, objectOf, textOf } from "./json.ts";

/**
 * The address for each text, in the same order. A text is an address, or the id, description or label (`key=value`) of
 * an Elastic IP. One listing serves all texts; if all are addresses, no listing is made. Throws `no-such-address`,
 * `ambiguous-address`, and what the client throws.
 */
export async function resolveAddresses(
  texts: readonly string[],
  client: ClientV2,
  signal: AbortSignal,
): Promise<string[]> {
  const given = texts.map(canonicalIp);
  if (!given.includes(null)) return given.flatMap((address) => address ?? []);
  const list = await client.get("/elastic-ip", signal);
  const known = elasticIpsOf(list);
  const where = `API v2 at ${client.endpoint}`;
  const resolved = texts.map((text, index) => given[index] ?? addressOf(text, { known, where }));
  const again = resolved.findIndex((address, index) => resolved.indexOf(address) < index);
  if (again < 0) return resolved;
  const first = resolved.indexOf(resolved[again] ?? "");
  const message = `-xi (IF_ADDRESS): ${JSON.stringify(texts[first])} and ` +
    `${JSON.stringify(texts[again])} are the same Elastic IP, ${resolved[again]}`;
  throw new CloudError("ambiguous-address", message);
}

function addressOf(
  text: string,
  { known, where }: { known: readonly Fields[]; where: string },
): string {
  const found = known.filter((each) => names(text, each));
  const quoted = JSON.stringify(text);
  const [only, ...others] = found;
  if (!only) {
    const choice = known.map(shown).join(", ") || "none";
    const message = `-xi (IF_ADDRESS): no Elastic IP has the id, the description or the label ` +
      `${quoted} (${where}); there are: ${choice}`;
    throw new CloudError("no-such-address", message);
  }
  if (others.length > 0) {
    const message = `-xi (IF_ADDRESS): ${quoted} names ${found.length} Elastic IPs, give the ` +
      `address of one: ${found.map(shown).join(", ")}`;
    throw new CloudError("ambiguous-address", message);
  }
  const address = canonicalElasticIp(textOf(only, "ip"));
  if (address !== null) return address;
  const message = `the Elastic IP ${quoted} has the address ${JSON.stringify(only.ip)}`;
  throw new CloudError("unexpected-answer", message);
}

function names(text: string, address: Fields): boolean {
  if (isUuid(text)) return textOf(address, "id") === text.toLowerCase();
  const labels = Object.entries(objectOf(address, "labels") ?? {});
  return textOf(address, "description") === text ||
    labels.some(([key, value]) => typeof value === "string" && `${key}=${value}` === text);
}

function shown(address: Fields): string {
  const [ip, description] = [textOf(address, "ip"), textOf(address, "description")];
  return description === "" ? ip : `${ip} (${description})`;
}
