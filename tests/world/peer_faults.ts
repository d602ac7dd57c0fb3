// Faults among the nodes, while their connection to the cloud works: the names of peers, and the routes of heartbeats.
import { ip } from "../netns/ip.ts";
import { NXDOMAIN, SERVFAIL } from "./dns_message.ts";
import type { Fault } from "./fault.ts";
import type { Laboratory } from "./laboratory.ts";
import { empty, failing, forIpv6, silent, slow } from "./name_behaviours.ts";
import type { Behaviour } from "./name_server.ts";

/** Runs that on every node's machine. */
async function everywhere(
  { cluster, network }: Laboratory,
  commands: (number: number) => readonly string[],
): Promise<void> {
  for (const node of cluster.nodes) {
    const number = cluster.number(node);
    await ip(network.namespace(number), ...commands(number));
  }
}

/** Name servers change, and every living node looks up its peers' names again. */
function renamed(title: string, change: (lab: Laboratory) => void): Fault {
  return {
    title: `peers by name, SIGHUP: ${title}`,
    setup: { peersByName: true },
    begin(lab) {
      change(lab);
      for (const { process, alive } of lab.cluster.nodes) if (alive) process?.signal("SIGHUP");
    },
  };
}

const answering = (behaviour: Behaviour) => ({ nameServers }: Laboratory) => {
  for (const server of nameServers) server.behaviour = behaviour;
};

const NAMES: readonly Fault[] = [
  renamed("no name server answers", answering(silent)),
  renamed("SERVFAIL", answering(failing(SERVFAIL))),
  renamed("NXDOMAIN", answering(failing(NXDOMAIN))),
  renamed("no address", answering(empty)),
  renamed("IPv6 is not answered", answering(forIpv6(silent))),
  renamed("answers take 4 s", answering(slow(4_000))),
  renamed("each name has a second address, which no machine has", (lab) => {
    const entries = Object.entries(lab.usualZone);
    lab.zone = Object.fromEntries(
      entries.map(([name, { a = [], ...rest }]) =>
        name.startsWith("node-") ? [name, { a: ["203.0.113.222", ...a] }] : [name, { ...rest, a }]
      ),
    );
  }),
];

/** Routes that make heartbeats leave from an address that the peers do not know. */
const ROUTES: readonly Fault[] = [
  {
    title: "the default route names the Elastic IP as source",
    begin: (lab) =>
      everywhere(lab, () => [
        `address add ${lab.cluster.address.ip}/32 dev lo`,
        "route delete 203.0.113.0/24 dev lan",
        `route replace default dev lan src ${lab.cluster.address.ip}`,
      ]),
  },
  {
    title: "the route to the peers names the Elastic IP as source",
    begin: (lab) =>
      everywhere(lab, () => [
        `address add ${lab.cluster.address.ip}/32 dev lan`,
        `route replace 203.0.113.0/24 dev lan src ${lab.cluster.address.ip}`,
      ]),
  },
  {
    title: "a second interface with a better default route",
    async begin(lab) {
      for (const node of lab.cluster.nodes) {
        const number = lab.cluster.number(node);
        await lab.network.addInterface(number, { name: "wan", address: `192.168.7.${number}` });
      }
      await everywhere(lab, () => [
        "route add default dev wan metric 50",
        "route add default dev lan metric 100",
      ]);
    },
  },
];

/** Nodes do not hear each other for 20 s; each can reach the cloud. */
function unheard(
  title: string,
  { begin, end }: Record<"begin" | "end", (number: number) => readonly string[]>,
): Fault {
  return {
    title: `${title} for 20 s`,
    begin: (lab) => everywhere(lab, begin),
    outage: { lastsMs: 20_000, end: (lab) => everywhere(lab, end) },
  };
}

const peersOf = (number: number) => [1, 2].filter((each) => each !== number);

const SILENCES: readonly Fault[] = [
  unheard("the own address is gone", {
    begin: (number) => [`address delete 203.0.113.${number}/24 dev lan`],
    end: (number) => [`address add 203.0.113.${number}/24 dev lan`],
  }),
  unheard("routes to the peers lead nowhere", {
    begin: (number) => peersOf(number).map((peer) => `route add blackhole 203.0.113.${peer}/32`),
    end: (number) => peersOf(number).map((peer) => `route delete blackhole 203.0.113.${peer}/32`),
  }),
  unheard("the interface to the peers is down", {
    begin: () => ["link set lan down"],
    end: () => ["link set lan up"],
  }),
];

/** All of them. */
export const PEER_FAULTS: readonly Fault[] = [...NAMES, ...ROUTES, ...SILENCES];
