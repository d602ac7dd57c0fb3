// Do the security groups let heartbeats through, in both directions? Names each blocked peer, with the command that
// opens the port.
import { asCloudError } from "../../exoscale/cloud_error.ts";
import type { PeerIdentity } from "../../core/election/peer.ts";
import { type Context, known } from "../context.ts";
import { fail, needs, NotKnown, ok, type Result, skip } from "../result.ts";
import { type Group, letsIn, letsOut, openingCommand, type Party, type Passage } from "../rules.ts";
import type { InventoryItem } from "../inventory.ts";
import { skipped } from "../skipped.ts";

/** Whether the rules let heartbeats through to and from one peer. */
export interface Passing {
  readonly in: "open" | "closed" | "unknown";
  readonly out: "open" | "closed" | "unknown";
}

/** For a peer whose rules could not be read. */
export const UNKNOWN_PASSING: Passing = { in: "unknown", out: "unknown" };

/** One peer, and the result for both directions. */
interface Verdict {
  readonly address: string;
  readonly passing: Passing;
  readonly said: readonly Result[];
}

const verdicts = new WeakMap<Context, Promise<Verdict[]>>();

/** The result of the rules, by peer address. Throws what the cloud throws, and `NotKnown`. */
export async function passing(
  context: Context,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Passing>> {
  const found = await decideOnce(context, signal);
  return new Map(found.map(({ address, passing }) => [address, passing]));
}

/** The check. */
export async function checkFirewall(context: Context, signal: AbortSignal): Promise<Result[]> {
  const peers = await peersOf(context, signal);
  if (peers.length === 0) return [skip("no peers")];
  if (peers.every(({ network }) => network !== undefined)) {
    return [ok("security groups do not apply to private networks")];
  }
  const { port } = context.config.listen;
  try {
    const found = (await decideOnce(context, signal)).flatMap(({ said }) => said);
    if (found.length > 0) return found;
    return [ok(`the rules let UDP on port ${port} through to and from all peers`)];
  } catch (cause) {
    if (asCloudError(cause).kind === "forbidden") {
      return [needs("a key that may read security groups, see key")];
    }
    return [await skipped(cause, { context, signal, what: "the rules could not be read" })];
  }
}

function decideOnce(context: Context, signal: AbortSignal): Promise<Verdict[]> {
  const judged = verdicts.get(context) ?? judgeAll(context, signal);
  verdicts.set(context, judged);
  return judged;
}

async function judgeAll(context: Context, signal: AbortSignal): Promise<Verdict[]> {
  const { inventory } = await context.reach(signal);
  const peers = await peersOf(context, signal);
  const self = await context.self(signal);
  const machines = await inventory.machines(signal);
  const members = [
    self,
    ...machines.filter(({ id }) => peers.some((peer) => peer.instanceId === id)),
  ];
  const wanted = [...new Set(members.flatMap((member) => member.groups))];
  const groups = await inventory.groups(wanted, signal);
  if (wanted.length === 0) {
    throw new NotKnown("a security group on some instance: there are no rules to look at");
  }
  const party = (machine: InventoryItem, address: string): Party => ({
    name: machine.name,
    address,
    groups: machine.groups.flatMap((key) => groups.get(key) ?? []),
  });
  return peers.map(({ address, instanceId, network }) => {
    // Security groups are about public interfaces only.
    if (network !== undefined) return { address, passing: { in: "open", out: "open" }, said: [] };
    const machine = machines.find(({ id }) => id === instanceId);
    if (!machine) {
      return { address, passing: UNKNOWN_PASSING, said: [skip(`${address} is not listed`)] };
    }
    // Heartbeats leave from the sender's address of the peer's family.
    const family = (other: string) => other.includes(":") === address.includes(":");
    const own = self.addresses.find(family) ?? self.addresses[0] ?? "";
    const ends = [party(self, own), party(machine, address)] as const;
    const judged = verdictOn(ends, {
      port: context.config.listen.port,
      groups,
      api: context.config.api,
    });
    return { address, ...judged };
  });
}

/** The peers of all Elastic IPs, without duplicates. */
export async function peersOf(context: Context, signal: AbortSignal): Promise<PeerIdentity[]> {
  const peers = new Map<string, PeerIdentity>();
  for (const elasticIp of await context.elasticIps(signal)) {
    const membership = await known(context.membership(elasticIp, signal), "the list of peers");
    for (const peer of membership.peers) peers.set(peer.address, peer);
  }
  return [...peers.values()];
}

/** What the rules of the groups do with heartbeats between the two, either way. */
function verdictOn(
  [self, peer]: readonly [Party, Party],
  { port, groups, api }: {
    port: number;
    groups: ReadonlyMap<string, Group>;
    api: "v1" | "v2";
  },
): Omit<Verdict, "address"> {
  const passages: Passage[] = [{ from: peer, to: self, port }, { from: self, to: peer, port }];
  const blocked = passages.filter((passage) =>
    passage.to.groups.length > 0 && !letsIn(passage, groups.values())
  );
  // One command may open both directions.
  const commands = new Set(blocked.map((passage) => cureFor(passage, api)));
  const out = passages.filter((passage) => !letsOut(passage, groups.values()));
  const bare = [self, peer].filter((each) => each.groups.length === 0);
  const direction = ({ from, to }: Passage) => `from ${from.name} (${from.address}) to ${to.name}`;
  const what = `UDP on port ${port}`;
  const state = (passage: Passage | undefined) =>
    !passage || blocked.includes(passage) || out.includes(passage)
      ? "closed"
      : bare.includes(passage.to)
      ? "unknown"
      : "open";
  const said = [
    ...(blocked.length === 0 ? [] : [
      fail(`no rule lets ${what} in ${blocked.map(direction).join(" and ")}: add one`, ...commands),
    ]),
    ...out.map((passage) =>
      fail(`the egress rules stop ${what} ${direction(passage)}: add one that lets it out`)
    ),
    ...bare.map(({ name }) => skip(`${name} has no security group that could be looked at`)),
  ];
  return { passing: { in: state(passages[0]), out: state(passages[1]) }, said };
}

function cureFor(passage: Passage, api: "v1" | "v2"): string {
  if (api === "v2") return openingCommand(passage) ?? "give it a security group";
  const { from, to, port } = passage;
  const [group] = to.groups;
  return `authorizeSecurityGroupIngress securitygroupname=${group?.name ?? ""} protocol=udp ` +
    `startport=${port} endport=${port} cidrlist=${from.address}/32`;
}
