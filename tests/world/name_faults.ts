// Faults of name servers. In a running cluster, all connections end at the same time, since otherwise no node would
// look up a name.
import { NXDOMAIN, REFUSED, SERVFAIL } from "./dns_message.ts";
import type { Fault } from "./fault.ts";
import { API_NAME, STRANGER, UNANSWERING } from "./front.ts";
import { API, API_IPV6, type Laboratory, SECOND, type Setup } from "./laboratory.ts";
import {
  beforeEdns,
  broken,
  empty,
  failing,
  forIpv6,
  garbage,
  inTurns,
  misdirected,
  oneAnswerPerPort,
  silent,
  slow,
  truncating,
  truncatingInVain,
  where,
} from "./name_behaviours.ts";
import type { Behaviour, Zone } from "./name_server.ts";

/** A fault of names, starting now or at the beginning. */
export interface NameFault {
  readonly title: string;
  readonly setup?: Setup;
  /** Whether a node without an earlier answer finds a route. */
  readonly hasConnectivity: boolean;
  /** Whether it looks like a configuration error, which -A and -D need not wait out. */
  readonly isPlain?: true;
  begin(lab: Laboratory): Promise<unknown> | void;
  /** Only possible from the beginning, because it is part of the setup. */
  readonly fromBeginning?: boolean;
}

/** Kubernetes' settings for name lookups. */
const KUBERNETES = [
  "search default.svc.cluster.local svc.cluster.local cluster.local",
  "options ndots:5",
];

const first = (behaviour: Behaviour) => ({ nameServers: [server] }: Laboratory) => {
  if (server) server.behaviour = behaviour;
};
const all = (behaviour: Behaviour) => ({ nameServers }: Laboratory) => {
  for (const server of nameServers) server.behaviour = behaviour;
};
const none = () => {};
const addresses = (a: string[], aaaa: string[] = []): Setup => ({
  zone: { [API_NAME]: { a, aaaa } },
});
const chain: Zone = {
  [API_NAME]: { cname: "front.cdn.example" },
  "front.cdn.example": { cname: "edge-7.cdn.example" },
  "edge-7.cdn.example": { a: [API] },
};
const DEAD = ["192.0.2.66", "192.0.2.67", "192.0.2.68"];
const many = Array.from({ length: 100 }, (_, index) => `192.0.2.${100 + index}`);

async function dropAll({ packets }: Laboratory, dead: readonly string[]): Promise<void> {
  for (const address of dead) await packets.drop(address);
}

/** With these faults, some name server still gives a usable answer. */
const SURVIVABLE: readonly NameFault[] = [
  { title: "the first name server is silent", hasConnectivity: true, begin: first(silent) },
  {
    title: "the first two of three name servers are silent",
    setup: { nameServers: 3 },
    hasConnectivity: true,
    begin({ nameServers: [one, two] }) {
      if (one) one.behaviour = silent;
      if (two) two.behaviour = silent;
    },
  },
  {
    title: "the first name server is gone (port unreachable)",
    hasConnectivity: true,
    begin: ({ nameServers: [server] }) => server?.close(),
  },
  {
    title: "the first name server is a machine that is off",
    hasConnectivity: true,
    begin: (lab) =>
      lab.resolvers([lab.unusedAddress, ...lab.nameServers.map(({ address }) => address)]),
  },
  {
    title: "the first name server: SERVFAIL",
    hasConnectivity: true,
    begin: first(failing(SERVFAIL)),
  },
  {
    title: "the first name server: REFUSED",
    hasConnectivity: true,
    begin: first(failing(REFUSED)),
  },
  { title: "the first name server: garbage", hasConnectivity: true, begin: first(garbage) },
  { title: "the first name server: broken answers", hasConnectivity: true, begin: first(broken) },
  {
    title: "the first name server: answers to others",
    hasConnectivity: true,
    begin: first(misdirected),
  },
  { title: "all name servers take 3 s", hasConnectivity: true, begin: all(slow(3_000)) },
  { title: "IPv6: silence", hasConnectivity: true, begin: all(forIpv6(silent)) },
  { title: "IPv6: SERVFAIL", hasConnectivity: true, begin: all(forIpv6(failing(SERVFAIL))) },
  { title: "IPv6: NXDOMAIN", hasConnectivity: true, begin: all(forIpv6(failing(NXDOMAIN))) },
  { title: "IPv6: after 4 s", hasConnectivity: true, begin: all(forIpv6(slow(4_000))) },
  {
    title: "only the first of two queries from one port is answered",
    hasConnectivity: true,
    begin: (lab) => all(oneAnswerPerPort())(lab),
  },
  {
    title: "the first name server: truncated answers, and no TCP",
    hasConnectivity: true,
    begin: first(truncatingInVain),
  },
  {
    title: "other name servers come into resolv.conf, the first ones go silent",
    setup: { nameServers: 4 },
    hasConnectivity: true,
    async begin(lab) {
      const [one, two, ...others] = lab.nameServers;
      if (one) one.behaviour = silent;
      if (two) two.behaviour = silent;
      await lab.resolvers(others.map(({ address }) => address));
    },
  },
  {
    title: "all name servers are silent, and /etc/hosts knows the name",
    hasConnectivity: true,
    async begin(lab) {
      await lab.hosts([`${API}\t${API_NAME} # by hand`]);
      all(silent)(lab);
    },
  },
  {
    title: "resolv.conf wants TCP (use-vc), and nothing is answered over UDP",
    setup: { resolv: ["options use-vc"] },
    hasConnectivity: true,
    begin: all(where(({ transport }) => transport === "udp", silent)),
  },
  {
    title: "resolv.conf as people write it, and IPv6 leads nowhere",
    hasConnectivity: true,
    begin: (lab) =>
      lab.resolvers([], [
        "; written by hand",
        "domain\texample",
        "options edns0 trust-ad single-request rotate",
        "nameserver 2001:db8:a::53 # away",
        ...lab.nameServers.map(({ address }) => `nameserver\t${address}  `),
      ]),
  },
  {
    title: "every second answer is a dead address",
    hasConnectivity: true,
    async begin(lab) {
      await dropAll(lab, DEAD);
      for (const server of lab.nameServers) {
        server.behaviour = inTurns({ [API_NAME]: { a: DEAD.slice(0, 1) } });
      }
    },
  },
  { title: "answers over TCP only", hasConnectivity: true, begin: all(truncating) },
  { title: "name servers refuse EDNS", hasConnectivity: true, begin: all(beforeEdns) },
  { title: "a chain of names (CNAME)", setup: { zone: chain }, hasConnectivity: true, begin: none },
  { title: "100 addresses", setup: addresses(many), hasConnectivity: true, begin: none },
  {
    title: "Kubernetes: search list and ndots:5",
    setup: { resolv: KUBERNETES },
    hasConnectivity: true,
    begin: none,
  },
  {
    title: "Kubernetes, and the first name server is silent",
    setup: { resolv: KUBERNETES },
    hasConnectivity: true,
    begin: first(silent),
  },
  {
    title: "Kubernetes, and what the search list makes is not answered",
    setup: { resolv: KUBERNETES },
    hasConnectivity: true,
    begin: all(where(({ name }) => name.endsWith(".local"), silent)),
  },
];

/** With these faults, only a node that knows the address from before finds a route. */
const FATAL: readonly NameFault[] = [
  { title: "all name servers are silent", hasConnectivity: false, begin: all(silent) },
  { title: "all name servers: SERVFAIL", hasConnectivity: false, begin: all(failing(SERVFAIL)) },
  { title: "all name servers: REFUSED", hasConnectivity: false, begin: all(failing(REFUSED)) },
  {
    title: "all name servers: NXDOMAIN",
    hasConnectivity: false,
    isPlain: true,
    begin: all(failing(NXDOMAIN)),
  },
  {
    title: "all name servers: no address",
    hasConnectivity: false,
    isPlain: true,
    begin: all(empty),
  },
  { title: "all name servers: garbage", hasConnectivity: false, begin: all(garbage) },
  {
    title: "all name servers lead to another server",
    hasConnectivity: false,
    isPlain: true,
    begin: (lab) => void (lab.zone = { [API_NAME]: { a: [STRANGER] } }),
  },
  {
    title: "no name server at all in resolv.conf",
    hasConnectivity: false,
    begin: (lab) => lab.resolvers([]),
  },
];

/** Addresses some of which are dead: at a start only; later changes are faults of connections. */
const ADDRESSES: readonly NameFault[] = [
  {
    title: "the first of two addresses is silent",
    setup: addresses([API, SECOND]),
    hasConnectivity: true,
    begin: ({ packets }) => packets.drop(API),
    fromBeginning: true,
  },
  {
    title: "the first of two addresses refuses",
    setup: addresses([API, SECOND]),
    hasConnectivity: true,
    begin: ({ packets }) => packets.refuse(API),
    fromBeginning: true,
  },
  {
    title: "the first of two addresses is another server",
    setup: addresses([STRANGER, API]),
    hasConnectivity: true,
    begin: none,
    fromBeginning: true,
  },
  {
    title: "the first three of twenty addresses are silent",
    setup: addresses([...DEAD, ...many.slice(0, 17)]),
    hasConnectivity: true,
    begin: (lab) => dropAll(lab, DEAD),
    fromBeginning: true,
  },
  {
    title: "the first of two addresses accepts connections, and hears nothing",
    setup: addresses([API, SECOND]),
    hasConnectivity: true,
    begin: ({ packets }) => packets.dropData(API),
    fromBeginning: true,
  },
  {
    title: "the first of two addresses takes requests, and never answers",
    setup: addresses([UNANSWERING, API]),
    hasConnectivity: true,
    begin: none,
    fromBeginning: true,
  },
  {
    title: "IPv6 is silent, IPv4 works",
    setup: addresses([API], [API_IPV6]),
    hasConnectivity: true,
    begin: ({ packets }) => packets.drop(API_IPV6),
    fromBeginning: true,
  },
];

/** All of them. */
export const NAME_FAULTS: readonly NameFault[] = [...SURVIVABLE, ...FATAL, ...ADDRESSES];

/** Ends every fault of names. */
export function mendNames(lab: Laboratory, { setup }: NameFault): Promise<void> {
  for (const server of lab.nameServers) server.reset(lab.usualZone);
  return lab.resolvers(lab.nameServers.map(({ address }) => address), setup?.resolv);
}

/**
 * The fault in a running cluster: its connections end at the same moment, so that every node must look up the name. A
 * node that is told that the name does not exist has no route until that changes.
 */
export function inRunningCluster(fault: NameFault): Fault {
  const { title, setup, isPlain } = fault;
  const begin = async (lab: Laboratory) => {
    await fault.begin(lab);
    await lab.front.restart();
  };
  const end = (lab: Laboratory) => mendNames(lab, fault);
  const outage = isPlain && { lastsMs: 20_000, end };
  return { title, begin, ...(setup && { setup }), ...(outage && { outage }) };
}
