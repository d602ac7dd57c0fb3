// Do the security groups let heartbeats through, in both directions? Each peer that is cut off is named, with the
// command that opens the way.
import { asCloudError } from "../exoscale/cloud_error.ts";
import type { PeerIdentity } from "../core/peer.ts";
import { type Facts, known } from "./facts.ts";
import { fail, ok, type Said, skip } from "./finding.ts";
import { type Group, letsIn, letsOut, openingCommand, type Party, type Passage } from "./rules.ts";
import type { Surveyed } from "./survey.ts";

/** The check. */
export async function checkFirewall(facts: Facts, signal: AbortSignal): Promise<Said[]> {
  const { survey } = await facts.reach(signal);
  const peers = await peersOf(facts, signal);
  if (peers.length === 0) return [skip("no peers")];
  const self = await facts.self(signal);
  let machines: readonly Surveyed[], groups: ReadonlyMap<string, Group>;
  try {
    machines = await survey.machines(signal);
    const members = [
      self,
      ...machines.filter(({ id }) => peers.some((peer) => peer.instanceId === id)),
    ];
    const wanted = [...new Set(members.flatMap((member) => member.groups))];
    groups = await survey.groups(wanted, signal);
    if (wanted.length === 0) return [skip("no instance has a security group: no rules to look at")];
  } catch (cause) {
    const { kind, message } = asCloudError(cause);
    const why = kind === "forbidden" ? "the key may not read security groups" : message;
    return [skip(`whether UDP on port ${facts.config.listen.port} passes: ${why}`)];
  }
  const party = (machine: Surveyed, address: string): Party => ({
    name: machine.name,
    address,
    groups: machine.groups.flatMap((key) => groups.get(key) ?? []),
  });
  const found = peers.flatMap((peer) => {
    const machine = machines.find(({ id }) => id === peer.instanceId);
    if (!machine) return [skip(`${peer.address} is not listed`)];
    // A heartbeat leaves with the sender's address of the peer's family.
    const family = (address: string) => address.includes(":") === peer.address.includes(":");
    const own = self.addresses.find(family) ?? self.addresses[0] ?? "";
    const ends = [party(self, own), party(machine, peer.address)] as const;
    return judge(ends, { port: facts.config.listen.port, groups, api: facts.config.api });
  });
  if (found.length > 0) return found;
  return [
    ok(`the rules let UDP on port ${facts.config.listen.port} through to and from all peers`),
  ];
}

/** The peers of all Elastic IPs, each once. */
export async function peersOf(facts: Facts, signal: AbortSignal): Promise<PeerIdentity[]> {
  const peers = new Map<string, PeerIdentity>();
  for (const elasticIp of await facts.elasticIps(signal)) {
    const membership = await known(facts.membership(elasticIp, signal), "who the peers are");
    for (const peer of membership.peers) peers.set(peer.address, peer);
  }
  return [...peers.values()];
}

function judge(
  [self, peer]: readonly [Party, Party],
  { port, groups, api }: {
    port: number;
    groups: ReadonlyMap<string, Group>;
    api: "v1" | "v2";
  },
): Said[] {
  const passages: Passage[] = [{ from: peer, to: self, port }, { from: self, to: peer, port }];
  const blocked = passages.filter((passage) =>
    passage.to.groups.length > 0 && !letsIn(passage, groups.values())
  );
  // One command may open both ways.
  const commands = new Set(blocked.map((passage) => cureFor(passage, api)));
  const out = passages.filter((passage) => !letsOut(passage, groups.values()));
  const bare = [self, peer].filter((each) => each.groups.length === 0);
  const way = ({ from, to }: Passage) => `from ${from.name} (${from.address}) to ${to.name}`;
  const what = `UDP on port ${port}`;
  return [
    ...(blocked.length === 0 ? [] : [
      fail(
        `no rule lets ${what} in ${blocked.map(way).join(" and ")}: ${[...commands].join("; ")}`,
      ),
    ]),
    ...out.map((passage) =>
      fail(`the egress rules stop ${what} ${way(passage)}: add one that lets it out`)
    ),
    ...bare.map(({ name }) => skip(`${name} has no security group that could be looked at`)),
  ];
}

function cureFor(passage: Passage, api: "v1" | "v2"): string {
  if (api === "v2") return openingCommand(passage) ?? "give it a security group";
  const { from, to, port } = passage;
  const [group] = to.groups;
  return `authorizeSecurityGroupIngress securitygroupname=${group?.name ?? ""} protocol=udp ` +
    `startport=${port} endport=${port} cidrlist=${from.address}/32`;
}
