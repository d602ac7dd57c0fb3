// --doctor distinguishes why heartbeats do not arrive: a wrong source here, a wrong source there, a closed port. It
// never advises opening a port that is open.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { droppedIn, droppedSince } from "../../src/doctor/dropped.ts";
import type { CommandOutcome, RunCommand } from "../../src/host/command.ts";
import { NoIpv6 } from "../../src/host/udp_socket.ts";
import { iamPolicy } from "../../src/exoscale/iam_policy.ts";
import type { Host } from "../../src/host/host.ts";
import { requestedNumber, split } from "../../src/status/fragments.ts";
import type { LinkWord, PeerView, Snapshot } from "../../src/status/snapshot.ts";
import { APIS, type CloudFixture, ELASTIC_IP, GROUP } from "../support/cloud/cloud_fixture.ts";
import { MemorySocket, type Sent } from "../support/memory_socket.ts";
import { SimulatedMachine } from "../support/simulated_machine.ts";
import { examine, type Faults, healthyFixture, OPEN, PORT } from "./examination.ts";

const OWN = "203.0.113.11", PEER = "203.0.113.12", TITLE = `node-2 (${PEER})`;
/** Whether the advice is to open a port. */
function opens(lines: readonly string[]): boolean {
  const advice = /let UDP on port|security-group rule add|is filtered/;
  return lines.some((line) => !line.startsWith("ok") && advice.test(line));
}

/** Binds every address except our own. */
const withoutOwn = {
  openSocket(hostname: string, port: number) {
    if (hostname === OWN) throw new Deno.errors.AddrNotAvailable("Cannot assign (os error 99)");
    return port === 0 ? new MemorySocket() : new MemorySocket();
  },
  interfaces: () => [
    { name: "lo", address: ELASTIC_IP },
    { name: "eth0", address: "10.0.0.11" },
  ],
};

/** An `ip` that answers `ip route get PEER`, with and without `from`; empty means that there is no route. */
function ip(chosen: string, bound: string): RunCommand {
  return (words) => {
    const line = words.includes("from") ? bound : words.includes("get") ? chosen : "";
    const outcome: CommandOutcome = {
      code: line === "" ? 1 : 0,
      endedBy: null,
      lateAfterMs: null,
      output: line,
      errors: line === "" ? "RTNETLINK answers: Network is unreachable\n" : "",
    };
    return Promise.resolve(outcome);
  };
}

for (const api of APIS) {
  Deno.test(`--doctor on API ${api} says from where heartbeats leave, and sends its own from there`, async () => {
    await using fixture = healthyFixture();
    const { code, of, from } = await examine(fixture, { api });
    assertEquals([code, of("source")], [0, [`ok IPv4 heartbeats leave from ${OWN}`]]);
    assertEquals(from, [OWN]);
  });
}

Deno.test("--doctor fails when the machine has not the own address, with the cure, and blames no firewall", async () => {
  await using fixture = healthyFixture();
  const { code, lines, of } = await examine(fixture, {
    host: { ...withoutOwn, runCommand: ip(`${PEER} dev eth0 src ${ELASTIC_IP} uid 0`, "") },
  });
  assertEquals(code, 1);
  assertEquals(of("source"), [
    `FAIL IPv4 heartbeats do not leave from ${OWN}, where the peers know this instance, but from ` +
    `${ELASTIC_IP}: no interface of this machine has it: put it on the NIC, or run exoip in the ` +
    "network of the machine that has it",
  ]);
  assert(!opens(lines), lines.join("\n"));
});

Deno.test("--doctor works without ip, and where an address can be bound that no interface has", async () => {
  await using fixture = healthyFixture();
  const { interfaces } = withoutOwn;
  const { code, of } = await examine(fixture, {
    host: { interfaces },
    peers: ["not-hearing-us", "not-hearing-us"],
  });
  assertEquals(code, 1);
  assertMatch(of("source")[0] ?? "", /^FAIL IPv4 .* leave from 203.0.113.11, .*: no interface/);
  assertEquals(
    of("heartbeats"),
    [TITLE, "node-3 (203.0.113.13)"].map((peer) =>
      `FAIL ${peer} is heard and does not hear us: our heartbeats do not leave from where it ` +
      "knows us, see source"
    ),
  );
});

Deno.test("--doctor only warns of a missing own address when the peers hear us all the same", async () => {
  await using fixture = healthyFixture();
  const { interfaces } = withoutOwn;
  const { code, of } = await examine(fixture, { host: { interfaces } });
  assertEquals(code, 0);
  assertMatch(of("source")[0] ?? "", /^warn .*\(and yet peers hear us: the network translates/);
});

Deno.test("--doctor fails when -l names an address that the cloud does not know for this instance", async () => {
  await using fixture = healthyFixture();
  const wrong = await examine(fixture, {
    argv: ["-l", `${ELASTIC_IP}:${PORT}`],
    peers: ["not-hearing-us", "not-hearing-us"],
  });
  assertEquals([wrong.code, wrong.of("source")], [1, [
    `FAIL IPv4 heartbeats do not leave from ${OWN}, where the peers know this instance: ` +
    `-l (IF_BIND_TO) names ${ELASTIC_IP}: give it :${PORT}`,
  ]]);
  const right = await examine(fixture, { argv: ["-l", `${OWN}:${PORT}`] });
  assertEquals([right.code, right.of("source")], [0, [`ok IPv4 heartbeats leave from ${OWN}`]]);
});

Deno.test("--doctor fails for peers of a family in which the cloud knows no address of this instance", async () => {
  await using fixture = healthyFixture();
  fixture.peer.ipv6 = "2001:db8::12";
  const source = ["-p", "2001:db8::12"], argv = ["-l", `[::]:${PORT}`];
  const lacking = await examine(fixture, { source, argv });
  assertEquals([lacking.code, lacking.of("source")], [1, [
    "FAIL IPv6 heartbeats do not leave: the cloud knows no IPv6 address of this instance: " +
    "give it one",
  ]]);
  fixture.self.ipv6 = "2001:db8::11";
  const interfaces =
    () => [{ name: "lo", address: ELASTIC_IP }, { name: "eth0", address: "2001:db8:0::11" }];
  const there = await examine(fixture, { source, argv, host: { interfaces } });
  assertEquals(there.of("source"), ["ok IPv6 heartbeats leave from 2001:db8::11"]);
  assertEquals(there.from, [OWN, "2001:db8::11"]);
});

Deno.test("--doctor warns when heartbeats leave through another interface than the one with the own address", async () => {
  await using fixture = healthyFixture();
  const other = ip("", `${PEER} from ${OWN} dev eth1 uid 0 \n    cache`);
  const same = ip("", `${PEER} from ${OWN} dev eth0 uid 0`);
  const sourceOf = async (runCommand: RunCommand, peers: NonNullable<Faults["peers"]>) =>
    (await examine(fixture, { host: { runCommand }, peers })).of("source");
  assertEquals(await sourceOf(other, ["silent", "silent"]), [
    `warn IPv4 heartbeats leave from ${OWN}, which is on eth0, but through eth1: if the network ` +
    `drops them there, route by source (ip rule add from ${OWN} table 100, and a default route ` +
    "through eth0 in it)",
  ]);
  const good = [`ok IPv4 heartbeats leave from ${OWN}`];
  assertEquals(await sourceOf(same, ["silent", "silent"]), good);
  assertEquals(await sourceOf(other, ["answers", "silent"]), good);
  assertEquals(await sourceOf(ip("", ""), ["silent", "silent"]), [
    `FAIL no route leads from ${OWN} to ${PEER}: exit code 1: RTNETLINK answers: Network is ` +
    "unreachable",
  ]);
});

Deno.test("--doctor names a peer whose heartbeats come from the Elastic IP, or from elsewhere", async () => {
  const rows = [[ELASTIC_IP, "the Elastic IP itself"], [
    "10.0.0.12",
    "no address of a node",
  ]] as const;
  for (const api of APIS) {
    for (const [from, what] of rows) {
      await using fixture = healthyFixture();
      const { code, lines, of } = await examine(fixture, { api, peers: [{ from }, "answers"] });
      assertEquals([code, of("heartbeats")], [1, [
        `FAIL ${TITLE} sends its heartbeats from ${from}, ${what}, so that no node hears it: run ` +
        "--doctor there",
        "ok node-3 (203.0.113.13) answers: both ways work",
      ]]);
      assert(!opens(lines), lines.join("\n"));
    }
  }
});

Deno.test("--doctor believes no heartbeat of a stranger that is not signed with the secret", async () => {
  await using fixture = healthyFixture();
  const faults: Faults = {
    env: { IF_SHARED_SECRET: "a secret of the tests" },
    peersSecret: "another secret of tests",
    peers: [{ from: ELASTIC_IP }, "silent"],
  };
  assertMatch((await examine(fixture, faults)).of("heartbeats")[0] ?? "", /^warn .* is silent: /);
  const same = { ...faults, peersSecret: "a secret of the tests" };
  assertMatch(
    (await examine(fixture, same)).of("heartbeats")[0] ?? "",
    /^FAIL .* the Elastic IP its/,
  );
});

Deno.test("--doctor says of a silent peer what the rules say, and no more", async () => {
  const peers = ["silent", "answers"] as const;
  const silence = async (harm: (fixture: CloudFixture) => void, source = ["-G", GROUP]) => {
    await using fixture = healthyFixture();
    harm(fixture);
    return (await examine(fixture, { peers, source })).of("heartbeats")[0] ?? "";
  };
  const other = { ...OPEN, network: "203.0.113.13/32", group: undefined as never };
  assertEquals(
    await silence(({ model }) => model.rules.set(GROUP, [other])),
    `warn ${TITLE} is silent: no rule lets UDP on port ${PORT} in from there, see firewall`,
  );
  const inside = /^warn .* is silent: .* a firewall inside a machine drops UDP on port 12345$/;
  assertMatch(await silence(() => {}), inside);
  // Without the right to read the rules.
  const role = JSON.stringify(iamPolicy({
    attaches: true,
    detaches: true,
    peers: { kind: "static", addresses: [] },
    elasticIps: [ELASTIC_IP],
  }));
  const blind: ReturnType<typeof iamPolicy> = JSON.parse(
    role.replace(", 'get-security-group'", ""),
  );
  const unknown = await silence(({ model }) => model.role = blind, ["-p", `${PEER},203.0.113.13`]);
  assertMatch(unknown, /^warn .* is silent: .*, or UDP on port 12345 is filtered$/);
});

Deno.test("--doctor says of a peer that does not hear us what the rules say, and no more", async () => {
  await using fixture = healthyFixture();
  fixture.model.rules.set(GROUP, [OPEN, { ...OPEN, direction: "egress", protocol: "tcp" }]);
  const { of } = await examine(fixture, { peers: ["not-hearing-us", "not-hearing-us"] });
  assertEquals(
    of("heartbeats")[0],
    `FAIL ${TITLE} is heard and does not hear us: no rule lets UDP on port ${PORT} through to it, ` +
      "see firewall",
  );
});

/** /proc/net/stat/rt_cache and the head of /proc/net/netstat of Linux 6.18, two processors. */
function kernelFiles(martian: readonly [number, number], filtered: number): [string, string] {
  const line = (count: number) =>
    `00000013 00000000 00000fea    00000000   0000085a    00000000 00000000       ${
      count.toString(16).padStart(8, "0")
    }       00000000 0000110b     00000000    00000000 00000000   00000000     00000000        ` +
    "00000000        00000000 ";
  const head =
    "entries  in_hit   in_slow_tot in_slow_mc in_no_route in_brd   in_martian_dst in_martian_src " +
    "out_hit  out_slow_tot out_slow_mc gc_total gc_ignored gc_goal_miss gc_dst_overflow " +
    "in_hlist_search out_hlist_search";
  return [
    [head, ...martian.map(line), ""].join("\n"),
    "TcpExt: SyncookiesSent ArpFilter IPReversePathFilter TW\n" +
    `TcpExt: 0 0 ${filtered} 7\nIpExt: InNoRoutes InOctets\nIpExt: 0 90\n`,
  ];
}

Deno.test("droppedIn() reads the kernel's counts of all processors, and says when there are none", () => {
  assertEquals(droppedIn(...kernelFiles([0x19d, 0x13e], 3)), {
    martian: 0x19d + 0x13e,
    filtered: 3,
  });
  assertEquals(droppedIn("", ""), null);
  assertEquals(droppedIn("entries in_hit\n0 0\n", kernelFiles([0, 0], 0)[1]), null);
  const [routes, counters] = kernelFiles([1, 1], 0);
  assertEquals(droppedIn(routes.replace("00000001", "garbage!"), counters), null);
  const before = droppedIn(...kernelFiles([5, 5], 1)), after = droppedIn(...kernelFiles([7, 9], 3));
  assertEquals(droppedSince(before, after), { martian: 4, filtered: 2 });
  assertEquals(droppedSince(before, null), { martian: 0, filtered: 0 });
});

Deno.test("--doctor says when the kernel drops what may be a silent peer's heartbeats", async () => {
  const rows = [
    [
      [9, 1],
      0,
      /^warn .* is silent, and this kernel has dropped 10 datagrams that came from an add/,
    ],
    [
      [0, 4],
      4,
      /^warn .* is silent, and this kernel's reverse path filter has dropped 4 datagrams: /,
    ],
    [[0, 0], 0, /^warn .* is silent: no watchdog runs there/],
  ] as const;
  for (const [[first, second], filtered, line] of rows) {
    await using fixture = healthyFixture();
    let readings = 0;
    const readTextFile = (path: string) => {
      const [routes, counters] = readings++ < 2
        ? kernelFiles([100, 100], 50)
        : kernelFiles([100 + first, 100 + second], 50 + filtered);
      if (path === "/proc/net/stat/rt_cache") return Promise.resolve(routes);
      if (path === "/proc/net/netstat") return Promise.resolve(counters);
      readings -= 1;
      return Promise.reject(new Deno.errors.NotFound(path));
    };
    const missing = (what: string) => Promise.reject(new Deno.errors.NotFound(what));
    const machine = { root: "", fetch: missing, readTextFile, run: missing };
    const { of } = await examine(fixture, { peers: ["silent", "answers"], host: { machine } });
    assertMatch(of("heartbeats")[0] ?? "", line);
    assertEquals(of("heartbeats")[1], "ok node-3 (203.0.113.13) answers: both ways work");
  }
});

Deno.test("--doctor says what is wrong with the address of -l, and asks for nobody to be stopped", async () => {
  const rows = [
    [new NoIpv6("no such family: this machine has no IPv6"), /: this machine has no IPv6$/],
    [new Deno.errors.AddrNotAvailable("not here"), /not here: put .* on an interface, or give -l/],
  ] as const;
  for (const [error, line] of rows) {
    await using fixture = healthyFixture();
    const openSocket = () => {
      throw error;
    };
    const { code, of } = await examine(fixture, {
      argv: ["-l", `[::]:${PORT}`],
      host: { openSocket },
    });
    assertEquals(code, 1);
    assertMatch(of("port")[0] ?? "", line);
    assert(!/stop who/.test(of("port")[0] ?? ""), of("port")[0]);
  }
});

/** Owns the port, and answers as that watchdog does. */
function running(snapshot: Snapshot): Pick<Host, "openSocket"> {
  const answer = ({ bytes }: Sent) => {
    const number = requestedNumber(new TextDecoder().decode(bytes)) ?? 0;
    for (const part of split(snapshot, number)) {
      socket.receive({ bytes: part, from: "127.0.0.1", fromPort: PORT });
    }
  };
  const socket = new MemorySocket({ onSent: answer });
  return {
    openSocket(_, port) {
      if (port === PORT) throw new Deno.errors.AddrInUse("in use");
      return socket;
    },
  };
}

Deno.test("--doctor takes the word of the watchdog that runs, and opens no port that is open", async () => {
  const world = new SimulatedMachine();
  await world.pass(5_000);
  const snapshot = world.watchdog.snapshot();
  world.tell("stop");
  world.tell("stop");
  await world.pass(60_000);
  const [view] = snapshot.addresses, [peer] = view?.peers ?? [];
  assert(view && peer);
  const told = (link: LinkWord, refused: PeerView["refused"] = null): Snapshot => ({
    ...snapshot,
    addresses: [{ ...view, peers: [{ ...peer, address: PEER, name: "edge-2", link, refused }] }],
  });
  const rows = [
    [told("both"), {}, /^ok edge-2 \(203.0.113.12\) answers the watchdog that runs here$/],
    [
      told("listed"),
      {},
      /^ok edge-2 \(.*\) is listed in the store of the lease, says the watchdog/,
    ],
    [told("unlisted"), {}, /^warn edge-2 \(.*\) is not listed in the store of the lease any more/],
    [told("silent"), {}, /^warn .* is silent, says/],
    [
      told("not-heard", { word: "bad-tag", count: 3, ageMs: 10 }),
      {},
      /^FAIL .* is not heard by .*, which refuses its heartbeats \(bad-tag\): see the log there$/,
    ],
    [told("not-heard"), {}, /^FAIL .*: its heartbeats leave from another address, or a firewall/],
    [told("does-not-hear-us"), {}, /^FAIL .* here: name this machine among its peers, or let UDP/],
    [
      told("does-not-hear-us"),
      { interfaces: withoutOwn.interfaces },
      /^FAIL .* here: our heartbeats do not leave from where it knows us, see source$/,
    ],
  ] as const;
  for (const [answer, host, line] of rows) {
    await using fixture = healthyFixture();
    const { of } = await examine(fixture, { host: { ...running(answer), ...host } });
    assertMatch(of("heartbeats")[0] ?? "", line);
  }
});
