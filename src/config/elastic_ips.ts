// -xi: one Elastic IP or several, each with an optional priority: `A/10,B/20`. Each is an IP address, or a name for the
// cloud to look up: the Elastic IP's id, its description, or one of its labels as `key=value`.
import { scopeOf } from "../core/address_scope.ts";
import { canonicalElasticIp, canonicalIp } from "../core/ip.ts";
import type { ElasticIpConfig } from "../options/elastic_ips.ts";
import type { ConfigReader } from "./config_reader.ts";

/** More than any account has; each is an election of its own. */
const ADDRESSES_MAX = 100;

/** The Elastic IPs: at least one, and each only once. */
export function readElasticIps(reader: ConfigReader): ElasticIpConfig[] {
  const text = reader.text("xi");
  reader.need(text !== "", "xi", "the Elastic IP is missing");
  reader.needUnquoted(text, "xi");
  const texts = text === "" ? [] : text.split(",");
  const few = texts.length <= ADDRESSES_MAX;
  reader.need(few, "xi", `${texts.length} Elastic IPs, wanted at most ${ADDRESSES_MAX}`);
  const all = few ? texts.map((each) => written(each.trim())) : [];
  refusePrefixes(all, reader);
  const elasticIps = all.map((each) => addressOf(each, reader));
  const seen = new Set<string>();
  for (const { elasticIp } of elasticIps) {
    reader.need(!seen.has(elasticIp), "xi", `${elasticIp} is given twice`);
    seen.add(elasticIp);
  }
  return elasticIps;
}

/** One Elastic IP as written. */
interface Written {
  readonly text: string;
  /** The text before the slash, if the slash separates a priority. */
  readonly address: string;
  readonly priority: string | null;
}

/**
 * Splits at the slash. A description may contain a slash, too; an Elastic IPv6 is written with `/96`; and an address
 * may be in brackets.
 */
function written(text: string): Written {
  const [, inBrackets, rest = ""] = /^\[([0-9a-f:.]+)\](.*)$/i.exec(text) ?? [];
  if (canonicalIp(inBrackets ?? "") !== null) return { ...written(inBrackets + rest), text };
  const [, before = "", after] = /^(.*)\/([^/]*)$/.exec(text) ?? [];
  const prefix = before.includes(":") && after === "96" && canonicalIp(before) !== null;
  const ranked = after !== undefined && !prefix &&
    (canonicalIp(before) !== null || /^\d+$/.test(after));
  return ranked
    ? { text, address: before, priority: after }
    : { text, address: text, priority: null };
}

function addressOf({ text, address, priority }: Written, reader: ConfigReader): ElasticIpConfig {
  const elasticIp = canonicalElasticIp(address) ?? address;
  reader.need(plausible(elasticIp), "xi", `${JSON.stringify(address)} is not an IP address`);
  const [first = "", ...slashed] = elasticIp.split("/");
  const odd = slashed.length > 0 && canonicalIp(first) !== null;
  const form = `${JSON.stringify(text)} has more than one /: wanted ${first}, or ${first}/PRIORITY`;
  reader.need(!odd, "xi", form);
  if (priority === null) return { elasticIp, priority: null };
  const quoted = JSON.stringify(text);
  if (canonicalIp(priority) !== null) {
    reader.need(
      false,
      "xi",
      `${quoted}: the number after / is a priority, and a netmask is not wanted`,
    );
    return { elasticIp, priority: null };
  }
  const value = /^\d{1,3}$/.test(priority) ? Number(priority) : NaN;
  reader.need(value <= 255, "xi", `${quoted}: the priority after / is not between 0 and 255`);
  return { elasticIp, priority: value };
}

/**
 * Whether the number is a prefix length that people write after an address on an interface. The IPv6 ones are unusual
 * as priorities.
 */
function isPrefixLength({ address, priority }: Written): boolean {
  const length = /^\d{1,3}$/.test(priority ?? "") ? Number(priority) : NaN;
  if (canonicalIp(address) === null) return false;
  return address.includes(":") ? [48, 56, 64, 128].includes(length) : length >= 8 && length <= 32;
}

/**
 * `A/24` is how keepalived, vip-manager and others write an address; as a priority it would go unnoticed. It is refused
 * if all addresses have the same number, since `-P` says the same and cannot be misread. It is also refused if another
 * address has no number, since that one can be given one; except 10, 20 and 30, which are usual as priorities and rare
 * as prefix lengths. Different numbers can only be priorities, unless they are the prefix length of a single address.
 */
function refusePrefixes(all: readonly Written[], reader: ConfigReader): void {
  const numbers = new Set(all.map(({ priority }) => priority));
  const bare = all.find(({ priority }) => priority === null);
  for (const each of all.filter(isPrefixLength)) {
    const { text, address, priority } = each;
    const usual = bare !== undefined && Number(priority) % 10 === 0;
    const single = isPrefixLength(each) && (address.includes(":") || priority === "32");
    const number = bare === undefined
      ? `give the priority ${priority} as -P ${priority} (IF_HOST_PRIORITY)`
      : `give each its own: ${address}/${priority},${bare.address}/${reader.text("P")}`;
    const meant =
      `${JSON.stringify(text)}: the number after / is a priority, not a prefix length: ` +
      `write ${address}, and ${number}`;
    const clear = numbers.size > 1 && (bare === undefined || usual);
    reader.need(!single && clear, "xi", meant);
  }
}

/** A text that looks like an address must be one; any other text is a name that the cloud may know. */
function plausible(text: string): boolean {
  const looks = /^[\d.]*$/.test(text) || /^[0-9a-f]*:[0-9a-f:.]*$/i.test(text);
  return !looks || canonicalIp(text) !== null;
}

/**
 * Refuses addresses that no cloud can assign; a private cloud (CloudStack) may use private addresses as public ones.
 * Checks them as written, since an Elastic IPv6 stands for all addresses of its network.
 */
export function refuseImpossible(reader: ConfigReader, api: "v1" | "v2"): void {
  for (const text of reader.text("xi").split(",")) {
    const address = canonicalIp(written(text.trim()).address);
    const scope = address === null ? null : scopeOf(address);
    const possible = scope === null || (api === "v1" && scope.isPrivate);
    const what = `${address} is ${scope?.name} address (${scope?.network}), never an Elastic IP`;
    reader.need(possible, "xi", what);
  }
}

/** All texts by which a role's policy may have to name the Elastic IPs: our spelling, and the one that was written. */
export function spellingsOf(reader: ConfigReader): string[] {
  const texts = reader.text("xi").split(",").map((each) => written(each.trim()).address);
  const spellings = texts.flatMap((
    text,
  ) => [canonicalElasticIp(text) ?? text, canonicalIp(text) === null ? [] : text]);
  return [...new Set(spellings.flat())];
}
