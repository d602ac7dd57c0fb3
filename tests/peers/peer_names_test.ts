// The peers of -p by name: which of a resolver's answers are used, what is logged, and what the core hears.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Fate, fateOf } from "../../src/peers/fate.ts";
import { ADDRESSES_MAX, LINGER_MS } from "../../src/peers/named_peer.ts";
import { type NamedPeers, PeerNames } from "../../src/peers/peer_names.ts";
import { Reminder } from "../../src/peers/reminder.ts";
import type { PeerList } from "../../src/world.ts";
import { VirtualClock } from "../support/clock.ts";
import type { MissingPeer } from "../../src/core/election/state.ts";

const OWN = ["127.0.0.1", "::1", "203.0.113.1", "2001:db8::1"];

const FATES: [string, string, Fate][] = [
  ["203.0.113.2", "0.0.0.0", "peer"],
  ["2001:db8::2", "0.0.0.0", "family"],
  ["203.0.113.2", "::", "peer"],
  ["2001:DB8:0::2", "::", "peer"],
  ["::ffff:203.0.113.2", "0.0.0.0", "peer"],
  ["203.0.113.2", "2001:db8::1", "family"],
  ["2001:db8::2", "2001:db8::1", "peer"],
  ["127.0.1.1", "0.0.0.0", "self"],
  ["127.0.1.1", "203.0.113.1", "self"],
  ["::1", "0.0.0.0", "self"],
  ["::ffff:127.0.0.1", "::", "self"],
  ["203.0.113.1", "0.0.0.0", "self"],
  ["203.0.113.1", "203.0.113.1", "self"],
  ["2001:db8::1", "::", "self"],
  // Several nodes on one machine: on loopback, or each bound to its own address.
  ["127.0.0.2", "127.0.0.1", "peer"],
  ["127.0.0.1", "127.0.0.1", "self"],
  ["203.0.113.1", "203.0.113.7", "peer"],
  ["0.0.0.0", "0.0.0.0", "no-host"],
  ["0.1.2.3", "0.0.0.0", "no-host"],
  ["::", "::", "no-host"],
  ["224.0.0.1", "0.0.0.0", "no-host"],
  ["ff02::1", "::", "no-host"],
  ["255.255.255.255", "0.0.0.0", "no-host"],
  ["240.0.0.1", "0.0.0.0", "no-host"],
  ["169.254.3.4", "0.0.0.0", "no-host"],
  ["fe80::1", "::", "no-host"],
  ["fe80::1%eth0", "::", "no-host"],
  ["web.test", "::", "no-host"],
  ["", "::", "no-host"],
];
for (const [address, hostname, fate] of FATES) {
  Deno.test(`fateOf() of ${address || "nothing"} is ${fate} for a socket on ${hostname}`, () => {
    assertEquals(fateOf(address, { hostname, own: OWN }), fate);
  });
}

type Answer = readonly string[] | "silent" | "SERVFAIL";

/** Peers with names; the test gives the answers. */
class Naming {
  readonly clock = new VirtualClock({ leaps: true });
  readonly lines: string[] = [];
  readonly told: Partial<NamedPeers>[] = [];
  readonly asked: string[] = [];
  readonly names: PeerNames;
  readonly #ending = new AbortController();

  constructor(
    readonly answers: Record<string, Answer>,
    { peers = Object.keys(answers), hostname = "0.0.0.0" }: {
      peers?: readonly string[];
      hostname?: string;
    } = {},
  ) {
    const { clock } = this;
    const host = {
      clock,
      interfaces: () => OWN.map((address) => ({ name: "eth0", address })),
      lookup: async (name: string) => {
        this.asked.push(name);
        const answer = this.answers[name] ?? [];
        if (answer === "silent") await clock.sleep(5_000);
        if (typeof answer === "string") throw new Error(answer);
        return answer;
      },
    };
    const write = (severity: string, event: string, text: string) =>
      void this.lines.push(`${severity} ${event}: ${text}`);
    this.names = new PeerNames(peers, { host, hostname, log: { write } });
  }

  /** Starts, and then follows the changes. */
  async start(): Promise<NamedPeers> {
    const peers = await this.names.start(this.#ending.signal);
    this.names.follow((each) => void this.told.push(each), this.#ending.signal);
    return peers;
  }

  /** Reads the membership; the cloud has machines with these addresses, and with our own. */
  async read(...machines: string[]): Promise<PeerList> {
    return await this.names.members((addresses) => {
      const others = addresses.filter((each) => machines.includes(each));
      const unplaced = addresses.filter((each) => !machines.includes(each) && each !== "192.0.2.1");
      return Promise.resolve({
        peers: others.map((address) => ({ address, instanceId: address, wireId: address })),
        inPeerList: true,
        unplaced: unplaced.map((address) => ({ address, count: 0 })),
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.clock.idle();
  }
}

const lost = (peer: string, denied = false): MissingPeer => ({ peer, denied });

Deno.test("PeerNames takes all addresses of a name but those of this machine, each once", async () => {
  await using naming = new Naming({
    "all.test": ["203.0.113.3", "203.0.113.1", "203.0.113.2"],
    "a.test": ["127.0.1.1"],
    "b.test": ["203.0.113.2", "2001:db8::2"],
  }, { peers: ["all.test", "a.test", "b.test", "203.0.113.3", "203.0.113.1"] });
  const { addresses, missing } = await naming.start();
  assertEquals([addresses, missing], [["203.0.113.2", "203.0.113.3"], []]);
  assertEquals(naming.names.describe(), [
    {
      usable: true,
      text: "all.test is 203.0.113.2, 203.0.113.3; left out: 203.0.113.1 (this machine)",
    },
    { usable: true, text: "a.test is this machine: 127.0.1.1" },
    {
      usable: true,
      text: "b.test is 203.0.113.2; left out: 2001:db8::2 (IPv6, and -l listens on IPv4 only)",
    },
    { usable: true, text: "203.0.113.1 is this machine" },
  ]);
  assertEquals([naming.told, naming.lines.length], [[], 1], naming.lines.join("\n"));
});

const USELESS: [string, string[], RegExp][] = [
  ["only IPv6", ["2001:db8::2"], /has only 2001:db8::2 \(IPv6, and -l listens on IPv4 only\)/],
  ["no record", [], /there is no such name/],
  [
    "what is no node's",
    ["0.0.0.0", "fe80::1%2"],
    /has only 0.0.0.0 \(no address of a node\), fe80/,
  ],
  ["a text that steers a terminal", ["\x1b[2J\n"], /has only  ?\[2J/],
];
for (const [what, answer, words] of USELESS) {
  Deno.test(`PeerNames misses a name that has ${what}, and says so in a critical line`, async () => {
    await using naming = new Naming({ "b.test": answer, "c.test": ["203.0.113.3"] });
    const peers = await naming.start();
    assertEquals(peers, { addresses: ["203.0.113.3"], missing: [lost("b.test", true)] });
    assertEquals(naming.names.describe()[0]?.usable, false);
    const critical = naming.lines.filter((line) =>
      line.startsWith("critical peer-name: -p: cannot")
    );
    assertEquals(critical.length, 1);
    assertMatch(critical[0] ?? "", words);
    assert(!/\p{Cc}/u.test(critical[0] ?? ""));
  });
}

Deno.test("PeerNames starts without a name that nobody answers for, and tells when it is found", async () => {
  await using naming = new Naming({ "b.test": "silent", "c.test": ["203.0.113.3"] });
  const { addresses, missing } = await naming.start();
  assertEquals([addresses, missing], [["203.0.113.3"], [lost("b.test")]]);
  assert(naming.clock.nowMs() <= 2_000, `${naming.clock.nowMs()}`);
  await naming.clock.sleep(600_000);
  const waiting = naming.lines.filter((line) => line.includes("cannot resolve b.test"));
  // After 1, 2, 4 minutes.
  assert(waiting.length >= 3 && waiting.length <= 4, naming.lines.join("\n"));
  assertEquals(naming.told, []);
  const asked = naming.asked.length;
  assert(asked < 130, `${asked} look-ups in 10 minutes`);
  naming.answers["b.test"] = ["203.0.113.2"];
  await naming.clock.sleep(11_000);
  assertEquals(naming.told, [{ addresses: ["203.0.113.3", "203.0.113.2"], missing: [] }]);
  assertMatch(naming.lines.at(-1) ?? "", /^info peer-name: -p: b.test is 203.0.113.2$/);
  await naming.clock.sleep(600_000);
  assert(naming.asked.length <= asked + 4, "nothing is looked for any more");
});

Deno.test("PeerNames tells when a name that nobody answered for turns out not to exist", async () => {
  await using naming = new Naming({ "b.test": "SERVFAIL" });
  assertEquals((await naming.start()).missing, [lost("b.test")]);
  naming.answers["b.test"] = [];
  await naming.clock.sleep(10_000);
  assertEquals(naming.told, [{ missing: [lost("b.test", true)] }]);
});

for (const failure of ["silent", "SERVFAIL", []] as Answer[]) {
  Deno.test(`PeerNames keeps what it knew of a name when the answer is ${failure || "none"}`, async () => {
    await using naming = new Naming({ "b.test": ["203.0.113.2"], "c.test": ["203.0.113.3"] });
    await naming.start();
    naming.answers["b.test"] = failure;
    for (let reading = 0; reading < 12; reading++) {
      await naming.clock.sleep(300_000);
      const { peers, missing } = await naming.read("203.0.113.2", "203.0.113.3");
      assertEquals(peers.map(({ address }) => address), ["203.0.113.2", "203.0.113.3"]);
      assertEquals(missing, []);
    }
    const { problems, stale } = await naming.names.renew(["b.test", "c.test"]);
    assertEquals([problems, stale.length], [[], 1]);
    assertMatch(stale[0] ?? "", /^b.test stays 203.0.113.2, though: /);
    assertEquals(naming.told, []);
    assert(naming.lines.length <= 8, naming.lines.join("\n"));
  });
}

Deno.test("PeerNames looks names up before each reading, and takes what is new at once", async () => {
  await using naming = new Naming({ "b.test": ["203.0.113.2"] });
  await naming.start();
  await naming.read("203.0.113.2");
  naming.answers["b.test"] = ["203.0.113.9"];
  await naming.clock.sleep(300_000);
  const moved = await naming.read("203.0.113.2", "203.0.113.9");
  assertEquals(moved.peers.map(({ address }) => address), ["203.0.113.9", "203.0.113.2"]);
  // The old one is dropped once it has been missing for long.
  await naming.clock.sleep(LINGER_MS);
  const gone = await naming.read("203.0.113.2", "203.0.113.9");
  assertEquals(gone.peers.map(({ address }) => address), ["203.0.113.9"]);
  assertEquals([naming.told, naming.lines.length], [[], 1], naming.lines.join("\n"));
});

Deno.test("PeerNames stays calm while the answers change each time", async () => {
  await using naming = new Naming({ "b.test": ["203.0.113.2"] });
  await naming.start();
  const lists: string[] = [];
  for (let reading = 0; reading < 200; reading++) {
    await naming.clock.sleep(reading % 2 ? 10_000 : 300_000);
    naming.answers["b.test"] = reading % 3 === 0
      ? ["203.0.113.3", "203.0.113.2"]
      : [`203.0.113.${2 + reading % 2}`];
    const { peers } = await naming.read("203.0.113.2", "203.0.113.3");
    lists.push(peers.map(({ address }) => address).sort().join());
  }
  assertEquals(new Set(lists), new Set(["203.0.113.2,203.0.113.3"]));
  assertEquals([naming.told, naming.lines.length], [[], 1], naming.lines.join("\n"));
});

Deno.test("PeerNames bounds what it keeps of a name with thousands of addresses, also of other ones each time", async () => {
  const many = (block: number) =>
    Array.from({ length: 5_000 }, (_, index) => `10.${block}.${index >> 8}.${index & 255}`);
  await using naming = new Naming({ "b.test": many(0) });
  const { addresses } = await naming.start();
  assertEquals(addresses.length, ADDRESSES_MAX);
  for (let block = 1; block < 20; block++) {
    naming.answers["b.test"] = many(block);
    await naming.clock.sleep(10_000);
    await naming.names.members((addresses) => {
      assertEquals(addresses.length, ADDRESSES_MAX);
      return Promise.resolve({ peers: [], inPeerList: true });
    });
  }
  const said = naming.lines.filter((line) =>
    line.includes("b.test has 4744 addresses more than 256: they are left out")
  );
  assert(said.length >= 1 && said.length <= 4, naming.lines.join("\n"));
});

Deno.test("PeerNames misses an address that no machine has, and an entry none of whose addresses has one", async () => {
  await using naming = new Naming(
    { "b.test": ["203.0.113.2", "203.0.113.3"], "c.test": ["203.0.113.4"] },
    {
      peers: ["b.test", "c.test", "203.0.113.5", "192.0.2.1"],
    },
  );
  await naming.start();
  const { peers, missing } = await naming.read("203.0.113.3");
  assertEquals(peers.map(({ address }) => address), ["203.0.113.3"]);
  assertEquals(missing, [lost("c.test", true), lost("203.0.113.5", true)]);
  const said = naming.lines.filter((line) => line.includes("peer-unknown"));
  assertEquals(said.map((line) => line.split(" ")[0]), ["info", "critical", "critical"]);
  assertMatch(said[2] ?? "", /203\.0\.113\.5 \(0 found\)/);
  // A reload with the same list changes nothing: neither these nor our own come back.
  assertEquals(
    (await naming.names.renew(["b.test", "c.test", "203.0.113.5", "192.0.2.1"])).news,
    [],
  );
  assertEquals(naming.told, []);
  assertEquals((await naming.read("203.0.113.3", "203.0.113.5")).missing, [lost("c.test", true)]);
});

Deno.test("PeerNames takes no address of another interface of this machine for a peer that is missing", async () => {
  await using naming = new Naming({ "a.test": ["2001:db8::1"] }, { hostname: "2001:db8::7" });
  assertEquals((await naming.start()).addresses, ["2001:db8::1"]);
  assertEquals((await naming.read()).missing, []);
  assertEquals(naming.lines.filter((line) => line.includes("peer-unknown")), []);
});

Deno.test("PeerNames.renew() takes other entries, or none of them when a new one cannot be resolved", async () => {
  await using naming = new Naming({ "b.test": ["203.0.113.2"], "c.test": ["203.0.113.3"] }, {
    peers: ["b.test"],
  });
  await naming.start();
  const refused = await naming.names.renew(["c.test", "none.test"]);
  assertEquals(refused.problems, ["cannot resolve none.test (there is no such name)"]);
  assertEquals(naming.told, []);
  assertEquals((await naming.read("203.0.113.2")).peers.length, 1);
  assertEquals((await naming.names.renew(["c.test"])).problems, []);
  assertEquals(naming.told, [{ addresses: ["203.0.113.3"], missing: [] }]);
});

Deno.test("PeerNames looks up a hundred names that nobody answers for without waiting for each", async () => {
  const names = Array.from({ length: 100 }, (_, index) => `n${index}.test`);
  await using naming = new Naming(
    Object.fromEntries(names.map((name) => [name, "silent" as const])),
  );
  assertEquals((await naming.start()).missing.length, 100);
  assert(naming.clock.nowMs() <= 2_000);
  assert(naming.asked.length <= 64, `${naming.asked.length} at once`);
});

Deno.test("Reminder says the same at most after one minute, and less and less often", () => {
  const clock = new VirtualClock();
  const said: number[] = [];
  const reminder = new Reminder(clock, { write: () => void said.push(clock.nowMs() / 60_000) });
  for (; clock.nowMs() <= 24 * 3_600_000; clock.skip(10_000)) {
    reminder.say("x", ["info", "peer-name", ""], "a");
  }
  assertEquals(said.slice(0, 8), [0, 1, 3, 7, 15, 31, 63, 123]);
  assert(said.length < 32);
});
