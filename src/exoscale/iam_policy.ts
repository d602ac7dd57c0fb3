// The least that the API key's role must allow, as a policy for API v2. Listing zones needs no right, since that
// request is unsigned.
import { scopeOf } from "../core/address_scope.ts";
import { isUuid } from "../core/uuid.ts";
import type { PeerSource } from "./peer_source.ts";
import { PUBLIC } from "./private_networks.ts";

/** A role's policy as API v2 takes it. */
export interface IamPolicy {
  readonly "default-service-strategy": "allow" | "deny";
  readonly services: Readonly<Record<string, { type: "rules"; rules: readonly IamRule[] }>>;
}

/** The first rule whose expression is true decides. */
export interface IamRule {
  readonly action: "allow" | "deny";
  /** CEL. */
  readonly expression: string;
}

/** What the policy must allow. */
export interface Purpose {
  readonly attaches: boolean;
  readonly detaches: boolean;
  /** Where a watchdog finds its peers, null without a watchdog. */
  readonly peers: PeerSource | null;
  /** Names or ids of the networks for heartbeats; by default the public addresses. */
  readonly heartbeatNetworks?: readonly string[];
  /** Addresses of the Elastic IPs. */
  readonly elasticIps: readonly string[];
}

/** Operations that are optional, and what is lost without each. */
export const OPTIONAL_OPERATIONS: Readonly<Record<string, string>> = {
  "get-operation": "why a change failed; without it the instance is looked at instead",
  "get-instance-pool": "refusing an Elastic IP that the instance's own pool hands to all members",
  "get-security-group": "the doctor's look at the firewall rules",
};
/** Those of them that only a watchdog's configuration needs. */
const FOR_PEERS = ["get-security-group"];

/** The policy: all reads, and changes to these Elastic IPs alone; a shadow makes none. */
export function iamPolicy(purpose: Purpose): IamPolicy {
  const { attaches, detaches, peers, elasticIps } = purpose;
  const readings = [
    "list-elastic-ips",
    "get-instance",
    ...(peers ? ["list-instances"] : []),
    ...(peers?.kind === "groups" ? ["list-security-groups"] : []),
    ...networkReadings(purpose),
    ...Object.keys(OPTIONAL_OPERATIONS).filter((each) => peers || !FOR_PEERS.includes(each)),
  ];
  const changes = [
    ...(attaches ? ["attach-instance-to-elastic-ip"] : []),
    ...(detaches ? ["detach-instance-from-elastic-ip"] : []),
  ];
  const rules: IamRule[] = [
    { action: "allow", expression: `operation in ${listOf(readings)}` },
    ...(changes.length === 0 ? [] : [{
      action: "allow" as const,
      expression: `operation in ${listOf(changes)} && resources.elastic_ip.ip in ${
        listOf(elasticIps)
      }`,
    }]),
  ];
  return {
    "default-service-strategy": "deny",
    services: { compute: { type: "rules", rules } },
  };
}

/** What finding peers in private networks takes: leases, and the list of networks where a name is given. */
export function networkReadings(
  { peers, heartbeatNetworks = [] }: Pick<Purpose, "peers" | "heartbeatNetworks">,
): string[] {
  const inside = heartbeatNetworks.filter((each) => each !== PUBLIC);
  const named = inside.some((each) => !isUuid(each));
  const listed = peers?.kind === "static" &&
    peers.addresses.some((address) => scopeOf(address)?.isPrivate);
  const reads = peers !== null && (inside.length > 0 || listed);
  return [
    ...(peers !== null && named ? ["list-private-networks"] : []),
    ...(reads ? ["get-private-network"] : []),
  ];
}

/** A list of CEL strings; none of them contains a quote. */
function listOf(words: readonly string[]): string {
  return `[${words.map((word) => `'${word}'`).join(", ")}]`;
}
