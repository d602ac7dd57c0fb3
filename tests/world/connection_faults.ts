// Faults of connections, addresses and the front end itself.
import type { Fault } from "./fault.ts";
import { API_NAME, STRANGER, UNANSWERING } from "./front.ts";
import { API, API_IPV6, type Laboratory, SECOND } from "./laboratory.ts";
import { pause } from "../support/until.ts";

const zone = (a: string[], aaaa: string[] = []) => ({ [API_NAME]: { a, aaaa } });

/** Every packet to and from the nodes is lost, including those of name servers. */
function lost(seconds: number): Fault {
  return {
    title: `all packets lost for ${seconds} s`,
    begin: (lab) => cables(lab, "out"),
    outage: { lastsMs: seconds * 1000, end: (lab) => cables(lab, "in") },
  };
}

async function cables({ machines, network }: Laboratory, state: "out" | "in"): Promise<void> {
  for (const machine of machines) await network.cloudCable(machine, state);
}

/** The front end shows another certificate for 20 s. */
function shown(title: string, certificate: Parameters<Laboratory["front"]["show"]>[0]): Fault {
  const show = async ({ front }: Laboratory, which: typeof certificate) => {
    await front.show(which);
    await front.restart();
  };
  return {
    title,
    begin: (lab) => show(lab, certificate),
    outage: { lastsMs: 20_000, end: (lab) => show(lab, "good") },
  };
}

/** All of them. */
export const CONNECTION_FAULTS: readonly Fault[] = [
  { title: "nothing at all", begin() {} },
  {
    title: "open connections go silent",
    begin: ({ packets }) => packets.silenceConnections(),
  },
  {
    title: "open connections go silent, three times, every 8 s",
    async begin({ packets }) {
      await packets.silenceConnections();
      const again = async () => {
        for (let count = 0; count < 2; count++) {
          await pause(8_000);
          await packets.silenceConnections();
        }
      };
      // This runs during the measurement; the laboratory may be closed by then.
      void again().catch(() => {});
    },
  },
  { title: "open connections are reset", begin: ({ packets }) => packets.resetConnections() },
  { title: "the front end dies and starts", begin: ({ front }) => front.restart() },
  {
    title: "the front end is replaced (GOAWAY)",
    async begin({ front }) {
      front.retire();
      await front.start();
    },
  },
  {
    title: "the front end closes what idles for 2 s",
    setup: { idleMs: 2_000 },
    begin() {},
  },
  {
    title: "the front end closes what idles for as long as a node does",
    setup: { idleMs: 5_000 },
    begin() {},
  },
  lost(20),
  lost(40),
  lost(60),
  {
    title: "the front end stands still for 20 s",
    begin: ({ front }) => front.freeze(),
    outage: { lastsMs: 20_000, end: ({ front }) => front.thaw() },
  },
  {
    title: "the front end is away for 20 s (refused)",
    begin: ({ front }) => front.kill(),
    outage: { lastsMs: 20_000, end: ({ front }) => front.start() },
  },
  {
    title: "no new connections for 20 s, and the open ones go silent",
    async begin({ packets }) {
      await packets.silenceConnections();
      await packets.dropNew();
    },
    outage: { lastsMs: 20_000, end: ({ packets }) => packets.undropNew() },
  },
  {
    title: "a fifth of all packets to the front end is lost",
    begin: ({ packets }) => packets.lose(0.2),
  },
  {
    title: "the certificate is renewed",
    async begin({ front }) {
      await front.show("renewed");
      await front.restart();
    },
  },
  shown("a certificate that nobody trusts, for 20 s", "untrusted"),
  shown("an expired certificate, for 20 s", "expired"),
  shown("a certificate for another name, for 20 s", "other-name"),
  {
    title: "no route to the front end for 20 s",
    begin: (lab) => lab.routed("delete"),
    outage: { lastsMs: 20_000, end: (lab) => lab.routed("add") },
  },
  {
    title: "half of all new connections are refused, and the open ones end",
    async begin({ packets, front }) {
      await front.restart();
      await packets.refuseSome(0.5);
    },
  },
  {
    title: "the API gets a second address, at which requests are never answered",
    async begin(lab) {
      lab.zone = zone([UNANSWERING, API]);
      await lab.front.restart();
    },
  },
  {
    title: "the API moves to another address",
    async begin(lab) {
      lab.zone = zone([SECOND]);
      await lab.packets.drop(API);
    },
  },
  {
    title: "the API moves to another address, and the old one refuses",
    async begin(lab) {
      lab.zone = zone([SECOND]);
      await lab.packets.refuse(API);
      await lab.front.restart();
    },
  },
  {
    title: "the API moves, and another server gets the old address",
    async begin(lab) {
      lab.zone = zone([SECOND]);
      await lab.packets.redirect(API, STRANGER);
      await lab.front.restart();
    },
  },
  {
    title: "the first of two addresses goes silent",
    setup: { zone: zone([API, SECOND]) },
    begin: ({ packets }) => packets.drop(API),
  },
  {
    title: "the first of two addresses accepts connections, and hears nothing",
    setup: { zone: zone([API, SECOND]) },
    begin: ({ packets }) => packets.dropData(API),
  },
  {
    title: "the second of two addresses goes silent",
    setup: { zone: zone([API, SECOND]) },
    begin: ({ packets }) => packets.drop(SECOND),
  },
  {
    title: "one of two addresses goes silent, then the other one instead",
    setup: { zone: zone([API, SECOND]) },
    async begin({ packets }) {
      await packets.drop(API);
      await pause(5_000);
      await packets.drop(SECOND);
      await packets.undrop(API);
    },
  },
  {
    title: "IPv6 goes silent, IPv4 works",
    setup: { zone: zone([API], [API_IPV6]) },
    begin: ({ packets }) => packets.drop(API_IPV6),
  },
  {
    title: "IPv6 cannot be reached, IPv4 works",
    setup: { zone: zone([API], [API_IPV6]) },
    begin: ({ packets }) => packets.unreachable(API_IPV6),
  },
  {
    title: "IPv4 goes silent, IPv6 works",
    setup: { zone: zone([API], [API_IPV6]) },
    begin: ({ packets }) => packets.drop(API),
  },
];
