// Whether security groups let heartbeats through. Source: Exoscale's documentation of security groups. Incoming traffic
// is forbidden unless a rule of any of the receiver's groups allows it. Outgoing traffic is allowed until one of the
// sender's groups has an egress rule; from then on only such rules allow it.
import { inNetwork } from "../core/ip.ts";

/** One rule. */
export interface Rule {
  readonly direction: "ingress" | "egress";
  /** Lower case; `all` on CloudStack. */
  readonly protocol: string;
  /** Null means all ports. */
  readonly ports: readonly [first: number, last: number] | null;
  /** Network of the other end, null when a group is given instead. */
  readonly network: string | null;
  /** Group of the other end, as `Party.groups` names it. */
  readonly group: string | null;
}

/** A security group. */
export interface Group {
  /** How rules refer to it: id on API v2, name on CloudStack. */
  readonly key: string;
  readonly name: string;
  readonly rules: readonly Rule[];
  /** Networks that count as members when the group is the other end of a rule. */
  readonly externalSources: readonly string[];
}

/** One end of a connection. */
export interface Party {
  readonly name: string;
  readonly address: string;
  readonly groups: readonly Group[];
}

/** A datagram on its way. */
export interface Passage {
  readonly from: Party;
  readonly to: Party;
  readonly port: number;
}

/** Whether the receiver's groups let it in. */
export function letsIn({ from, to, port }: Passage, all: Iterable<Group>): boolean {
  const known = [...all];
  return to.groups.some(({ rules }) =>
    rules.some((rule) =>
      rule.direction === "ingress" && matches(rule, { other: from, port, known })
    )
  );
}

/** Whether the sender's groups let it out. */
export function letsOut({ from, to, port }: Passage, all: Iterable<Group>): boolean {
  const known = [...all];
  const rules = from.groups.flatMap((group) => group.rules)
    .filter(({ direction }) => direction === "egress");
  return rules.length === 0 || rules.some((rule) => matches(rule, { other: to, port, known }));
}

function matches(
  { protocol, ports, network, group }: Rule,
  { other, port, known }: { other: Party; port: number; known: readonly Group[] },
): boolean {
  if (protocol !== "udp" && protocol !== "all") return false;
  if (ports && (port < ports[0] || port > ports[1])) return false;
  if (network !== null) return inNetwork(other.address, network);
  const external = known.find(({ key }) => key === group)?.externalSources ?? [];
  return other.groups.some(({ key }) => key === group) ||
    external.some((source) => inNetwork(other.address, source));
}

/** The `exo` CLI's command that lets the heartbeats in. Source: exoscale/cli, security_group_rule_add.go. */
export function openingCommand({ from, to, port }: Passage): string | null {
  const [group] = to.groups;
  if (!group) return null;
  // One rule for all members, if both are members; else for this machine alone.
  const shared = to.groups.find(({ key }) => from.groups.some((other) => other.key === key));
  const length = from.address.includes(":") ? 128 : 32;
  const source = shared
    ? `--security-group ${handleOf(shared)}`
    : `--network ${from.address}/${length}`;
  return `exo compute security-group rule add ${handleOf(shared ?? group)} --protocol udp ` +
    `--port ${port} ${source}`;
}

/** The name if a shell takes it without quotes, else the key. */
function handleOf({ name, key }: Group): string {
  return /^\w[\w.-]*$/.test(name) ? name : key;
}
