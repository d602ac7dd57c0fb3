// Finds peers when the configuration names none: the members of our instance pool, else the instances labelled with the
// Elastic IP. One unfiltered listing of the zone is enough, since lists show pool and labels, and filters are
// unreliable.
import { canonicalIp, sameElasticIp } from "../core/ip.ts";
import type { PeerList } from "../world.ts";
import { CloudError } from "./cloud_error.ts";
import { type Machine, membersAmong } from "./peer_source.ts";

/** Key of the label. Its value is the Elastic IP, or several joined by `_`. */
export const LABEL = "exoip";

const NAMING = "name the peers with -p (IF_EXOSCALE_PEERS) or -G (IF_EXOSCALE_PEER_GROUP)";

/** Where this instance is, and how an operator adds another one there. */
export interface Surroundings {
  readonly elasticIp: string;
  readonly selfId: string;
  /** Our pool, if known already: an instance never leaves the pool that made it. */
  readonly pool: Pool | null;
  /** For messages: `API v2 at https://...`. */
  readonly where: string;
  /** Command that gives this instance these labels; `exoip` is the new one. */
  readonly labelling: (labels: Readonly<Record<string, string>>) => string;
}

/** An instance pool, including that of an SKS node pool. */
export interface Pool {
  readonly id: string;
  /** Empty when unknown. */
  readonly name: string;
}

/** The peers among all machines of the zone, and why these. Throws `no-peers` when neither rule finds any. */
export function discover(machines: readonly Machine[], around: Surroundings): PeerList {
  const self = machines.find(({ instanceId }) => instanceId === around.selfId);
  const poolId = self?.poolId ?? around.pool?.id ?? null;
  if (self && poolId !== null && self.poolId === null) throw silent(poolId, around);
  return poolId === null ? labelled(machines, around) : pooled(machines, { ...around, poolId });
}

function pooled(
  machines: readonly Machine[],
  { poolId, pool, selfId, elasticIp }: Surroundings & { poolId: string },
): PeerList {
  const members = machines.filter((machine) => machine.poolId === poolId);
  const name = pool?.id === poolId && pool.name !== "" ? `${pool.name} (${poolId})` : poolId;
  const stray = machines.some((machine) => wears(machine, elasticIp) && machine.poolId !== poolId);
  const unread = stray ? `; the label ${LABEL} of others is not looked at` : "";
  const found = `the peers are the members of our instance pool ${name}${unread}`;
  return { ...membersAmong(members, selfId), found };
}

function labelled(machines: readonly Machine[], around: Surroundings): PeerList {
  const { elasticIp, selfId } = around;
  const members = machines.filter((machine) => machine.exists && wears(machine, elasticIp));
  if (members.length === 0) throw nobody(machines, around);
  const membership = membersAmong(members, selfId);
  const missing = membership.inPeerList ? "" : `; this one is not: ${howToLabel(machines, around)}`;
  return {
    ...membership,
    found: `the peers are the instances labelled ${LABEL}=${elasticIp}${missing}`,
  };
}

function wears({ labels }: Machine, elasticIp: string): boolean {
  return labels?.[LABEL]?.split("_").some((text) => sameElasticIp(text.trim(), elasticIp)) ??
    false;
}

/** The command for the operator. The instance keeps its other labels. */
function howToLabel(
  machines: readonly Machine[],
  { elasticIp, selfId, labelling }: Surroundings,
): string {
  const labels = machines.find(({ instanceId }) => instanceId === selfId)?.labels ?? {};
  const others = (labels[LABEL] ?? "").split("_").filter((text) => canonicalIp(text) !== null);
  return labelling({ ...labels, [LABEL]: [...others, elasticIp].join("_") });
}

/** For a list that hides the pool: it would leave every member alone, each holding for itself. */
function silent(poolId: string, { where }: Surroundings): CloudError {
  const message = `the list of instances (${where}) does not show that this one is in the ` +
    `instance pool ${poolId}, as it does itself: ${NAMING}`;
  return new CloudError("unexpected-answer", message);
}

/** Karpenter's nodes are in no pool, and Karpenter resets their labels. */
function advice(machines: readonly Machine[], around: Surroundings): string {
  const { labels } = machines.find(({ instanceId }) => instanceId === around.selfId) ?? {};
  const isKarpenters = Object.keys(labels ?? {}).some((key) => /karpenter/i.test(key));
  if (!isKarpenters) {
    return `for each node run \`${howToLabel(machines, around)}\`, or ${NAMING}`;
  }
  return "this is a node of Karpenter, which sets labels again: give its node class a security " +
    "group, and that to -G (IF_EXOSCALE_PEER_GROUP)";
}

function nobody(machines: readonly Machine[], around: Surroundings): CloudError {
  const { elasticIp, where } = around;
  const readable = machines.some(({ labels }) => labels !== null);
  const message = readable
    ? `no peers: this instance is in no instance pool, and none is labelled ${LABEL}=${elasticIp} ` +
      `(${where}): ${advice(machines, around)}`
    : `no peers: ${where} lists no tags: ${NAMING}`;
  return new CloudError("no-peers", message);
}

/** The command for API v2, which replaces all labels of the instance. */
export function labelCommand(
  labels: Readonly<Record<string, string>>,
  { selfId, endpoint }: { selfId: string; endpoint: string },
): string {
  const zone = /^https:\/\/[a-z0-9]+-([a-z0-9-]+)\.exoscale\.com\//.exec(endpoint)?.[1];
  const place = zone ? ` --zone ${zone}` : "";
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(",");
  const plain = /^[\w.,:=/@+-]*$/.test(pairs) ? pairs : `'${pairs.replaceAll("'", "'\\''")}'`;
  return `exo compute instance update ${selfId}${place} --label ${plain}`;
}

/** The command for CloudStack, which keeps the other tags. */
export function tagCommand(
  labels: Readonly<Record<string, string>>,
  { selfId }: { selfId: string },
): string {
  return `cmk create tags resourcetype=UserVm resourceids=${selfId} ` +
    `tags[0].key=${LABEL} tags[0].value=${labels[LABEL]}`;
}
