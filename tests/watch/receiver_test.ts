// How a node with a shared secret handles a heartbeat: each rejection reason, in an order that keeps floods cheap.
import { assert, assertEquals } from "@std/assert";
import { startNode, stepNode } from "../../src/core/node/step.ts";
import { encode, type Heartbeat, type Mark, type Trailer } from "../../src/core/heartbeat.ts";
import { Receiver } from "../../src/watch/receiver.ts";
import { RateLimitedLog } from "../../src/log/rate_limited_log.ts";
import { Refusals } from "../../src/watch/refusals.ts";
import { Datagrams } from "../../src/status/counters.ts";
import { Keyring } from "../../src/host/keyring.ts";
import { HEALTHY_TRAILER, NODE_SETTINGS } from "../support/node_settings.ts";
import type { Node, NodeEvent } from "../../src/core/node/state.ts";
import { VirtualClock } from "../support/clock.ts";

const SELF = "00000001-0000-4000-8000-000000000001";
const PEERS = [7, 8, 9].map((number) => ({
  address: `10.0.0.${number}`,
  instanceId: `00000001-0000-4000-8000-00000000000${number}`,
  wireId: `00000001-0000-4000-8000-00000000000${number}`,
}));
const SECRET = "a secret of the whole cluster", OTHER = "a secret of somebody else";
/** Runs of the node and of its peer. */
const SELF_RUN = 5n, RUN = 7n;

/** A node with its receiver, and a clock that stands still. */
class ReceiverFixture {
  readonly clock = new VirtualClock({ nowMs: 10_000 });
  /** Time between the receiver's check and the node's. */
  passesMs = 0;
  node: Node = startNode(NODE_SETTINGS, {
    atMs: this.clock.nowMs(),
    selfId: SELF,
    run: SELF_RUN,
    peers: PEERS,
  });
  /** Number of signatures that were checked. */
  checks = 0;
  /** Heartbeats with our own id. */
  #twins = 0;
  /** Heartbeats that were answered, by the sequence that the answer echoes. */
  readonly answers: (number | undefined)[] = [];
  readonly datagrams = new Datagrams();
  readonly receiver: Receiver;
  /** Takes what the receiver passes on. */
  #deliver: (event: NodeEvent) => void = () => {};

  private constructor(readonly keyring: Keyring, acceptUnsigned: boolean) {
    const { verify } = keyring;
    keyring.verify = (...given) => {
      this.checks += 1;
      return verify.apply(keyring, given);
    };
    const { clock } = this;
    const limitedLog = new RateLimitedLog({ write() {} }, clock);
    const refusals = new Refusals({ clock, limitedLog, datagrams: this.datagrams });
    const twins = { admit: () => void this.#twins++ };
    const state = () => this.node, passOn = (event: NodeEvent) => this.#deliver(event);
    this.receiver = new Receiver({
      ...{ clock, keyring, acceptUnsigned, refusals, twins, datagrams: this.datagrams },
      ...{ shadow: false, heartbeats: true, infoResponder: { answer: () => null } },
      watches: [{
        get node() {
          return state();
        },
        deliver: passOn,
      }],
    });
    // Its first heartbeats have left; all others before the end of an interval are answers.
    [this.node] = stepNode(this.node, { kind: "tick" }, this.clock.nowMs());
  }

  static async open(
    { secrets = [SECRET], acceptUnsigned = false } = {},
  ): Promise<ReceiverFixture> {
    return new ReceiverFixture(await Keyring.of(secrets), acceptUnsigned);
  }

  /** Receives the datagram; resolves to the word for the result. */
  async take(bytes: Uint8Array, from = "10.0.0.7"): Promise<string> {
    let word = "nothing";
    const before = this.#refused(), twins = this.#twins;
    this.#deliver = (event) => {
      const known = this.node.election.peers.get(from);
      this.clock.skip(this.passesMs);
      const [next, effects] = stepNode(this.node, event, this.clock.nowMs());
      this.node = next;
      const refused = effects.find(({ kind }) => kind === "refused");
      const sent = effects.filter((each) => each.kind === "send" && each.to === from);
      for (const each of sent) {
        if (each.kind === "send") this.answers.push(each.echo?.sequence);
      }
      const peer = next.election.peers.get(from);
      if (refused?.kind === "refused") word = refused.reason;
      else if (peer?.trailer !== known?.trailer || peer?.heardAtMs !== known?.heardAtMs) {
        word = "heard";
      } else if (peer?.met !== known?.met) word = "met";
    };
    await this.receiver.receive({ bytes, from, fromPort: 12_345 });
    if (this.#twins > twins) return "own id";
    const counted = [...this.#refused()].find(([each, count]) => before.get(each) !== count);
    return counted?.[0] ?? word;
  }

  /** Rejections by the receiver itself, counted by reason. */
  #refused(): Map<string, number> {
    return new Map(this.datagrams.refused.views(0).map(({ word, count }) => [word, count]));
  }

  peer(address = "10.0.0.7") {
    return this.node.election.peers.get(address);
  }

  /** An echo of what we sent that many ms ago. */
  echo(agoMs = 0) {
    return { run: SELF_RUN, sequence: (this.clock.nowMs() - agoMs) * 1_000 };
  }
}

function heartbeat(trailer: Partial<Trailer> | null = {}, number = 7): Heartbeat {
  const whole: Trailer = {
    ...HEALTHY_TRAILER,
    ownPriority: 20,
    intervalMs: 1_000,
    sequence: 1_000,
  };
  const id = `00000001-0000-4000-8000-00000000000${number}`;
  const { elasticIp } = NODE_SETTINGS;
  return { priority: 20, elasticIp, id, trailer: trailer && { ...whole, ...trailer } };
}

async function signed(
  { secret = SECRET, number = 7, keyId, run = RUN, echo = null, ...trailer }: {
    secret?: string;
    number?: number;
    run?: bigint;
    echo?: Mark | null;
  } & Partial<Trailer> = {},
): Promise<Uint8Array> {
  const keyring = await Keyring.of([secret]);
  const stamp = { run, echo };
  const bytes = encode(heartbeat({ ...trailer, stamp, keyId: keyId ?? keyring.keyId }, number));
  let result: Uint8Array = bytes;
  keyring.sign(bytes, (datagram) => result = datagram);
  await keyring.handedOver();
  return result;
}

Deno.test("a heartbeat with a valid signature is heard once it echoes us, and once", async () => {
  const fixture = await ReceiverFixture.open();
  assertEquals(await fixture.take(await signed({ sequence: 900 })), "met");
  assertEquals(fixture.answers, [900], "it is answered at once, so that it can prove itself");
  assertEquals([fixture.peer()?.alive, fixture.peer()?.heardAtMs], [false, null]);
  const datagram = await signed({ sequence: 1_000, echo: fixture.echo() });
  assertEquals(await fixture.take(datagram), "heard");
  assertEquals([fixture.peer()?.proof?.run, fixture.peer()?.proof?.sequence], [RUN, 1_000]);
  assertEquals(fixture.answers, [900, 1_000], "and so is what has proved itself");
  const checks = fixture.checks;
  assertEquals(await fixture.take(datagram), "replayed");
  assertEquals(
    await fixture.take(await signed({ sequence: 999, echo: fixture.echo() })),
    "replayed",
  );
  assertEquals(fixture.checks, checks, "replays cost no cryptography");
  assertEquals(await fixture.take(await signed({ sequence: 1_001 })), "heard");
  assertEquals(fixture.answers.length, 2);
});

Deno.test("what fails another test is refused before its signature is looked at", async () => {
  const fixture = await ReceiverFixture.open();
  const other = await Keyring.of([OTHER]);
  for (
    const [datagram, from, word] of [
      [encode(heartbeat()), "10.0.0.7", "unsigned"],
      [encode(heartbeat(null)), "10.0.0.7", "unsigned"],
      [await signed({ secret: OTHER }), "10.0.0.7", "unknown-key"],
      [await signed({ keyId: 0 }), "10.0.0.7", "unknown-key"],
      [await signed(), "10.0.0.66", "unknown-source"],
      [await signed({ number: 8 }), "10.0.0.7", "wrong-id"],
    ] as const
  ) {
    const known = fixture.node.election;
    assertEquals(await fixture.take(datagram, from), word);
    assertEquals(fixture.node.election, known, `${word}: nothing changes`);
  }
  assert(!fixture.keyring.knows(other.keyId));
  assertEquals(fixture.checks, 0);
});

Deno.test("a signature of another secret is bad-tag, is not answered, and costs the peer nothing", async () => {
  const fixture = await ReceiverFixture.open();
  const { keyId } = fixture.keyring;
  for (const echo of [null, fixture.echo()]) {
    const forged = await signed({ secret: OTHER, keyId, sequence: 9_000, echo });
    assertEquals(await fixture.take(forged), "bad-tag");
  }
  assertEquals([fixture.peer()?.alive, fixture.answers, fixture.peer()?.met], [false, [], []]);
  assertEquals(await fixture.take(await signed({ echo: fixture.echo() })), "heard");
});

Deno.test("what was refused before its signature was looked at is not believed a moment later", async () => {
  const fixture = await ReceiverFixture.open();
  await fixture.take(await signed());
  const { keyId } = fixture.keyring, checks = fixture.checks, met = fixture.peer()?.met;
  fixture.passesMs = 1;
  // It echoes what we send only now: possible for the node, not yet for the receiver.
  const early = { secret: OTHER, keyId, sequence: 9_000, echo: fixture.echo(-1.5) };
  await fixture.take(await signed(early));
  assertEquals([fixture.checks, fixture.peer()?.alive, fixture.peer()?.proof], [
    checks,
    false,
    null,
  ]);
  // At first it is too early for an answer, then it is not.
  fixture.passesMs = 500;
  await fixture.take(await signed({ secret: OTHER, keyId, sequence: 9_000 }));
  assertEquals([fixture.checks, fixture.peer()?.met, fixture.answers.length], [checks, met, 1]);
});

Deno.test("a list that changes while a signature is checked: the machine that was there before is not heard", async () => {
  const other = "00000001-0000-4000-8000-000000000006";
  for (const [wireId, heard] of [[PEERS[0]!.wireId, true], [other, false]] as const) {
    const fixture = await ReceiverFixture.open();
    const taking = fixture.take(await signed({ echo: fixture.echo() }));
    assertEquals(fixture.checks, 1, "it is being checked");
    const peers = PEERS.map((peer, at) =>
      at === 0 ? { ...peer, instanceId: wireId, wireId } : peer
    );
    const list = { kind: "members", peers, inPeerList: true } as const;
    [fixture.node] = stepNode(fixture.node, list, fixture.clock.nowMs());
    await taking;
    assertEquals(fixture.peer()?.alive, heard, wireId);
  }
});

Deno.test("a heartbeat with our own id goes to the twins, whoever sends it, and not to the node", async () => {
  const fixture = await ReceiverFixture.open();
  const heartbeats = [heartbeat({}, 1), heartbeat(null, 1)].map((each) => encode(each));
  for (const bytes of [...heartbeats, await signed({ number: 1 })]) {
    for (const from of ["10.0.0.7", "192.0.2.66"]) {
      assertEquals(await fixture.take(bytes, from), "own id");
    }
  }
  assertEquals([fixture.checks, fixture.answers], [0, []]);
});

Deno.test("what was made before our start, or for another process of ours, proves nothing", async () => {
  const fixture = await ReceiverFixture.open();
  for (const echo of [null, { run: 6n, sequence: 9_999_000 }, { run: SELF_RUN, sequence: 1e9 }]) {
    fixture.clock.skip(1_000);
    const datagram = await signed({ sequence: fixture.clock.nowMs(), echo });
    assert(["met", "unproven"].includes(await fixture.take(datagram)));
    assertEquals(fixture.peer()?.alive, false);
  }
  fixture.clock.skip(5_000);
  assertEquals(await fixture.take(await signed()), "unproven", "after a while it is worth a word");
});

Deno.test("one run is answered twice in an interval at most, and eight runs are remembered", async () => {
  const fixture = await ReceiverFixture.open();
  for (let ms = 0; ms < 1_000; ms += 100) {
    fixture.clock.skip(100);
    await fixture.take(await signed({ sequence: 1_000 + ms }));
  }
  assertEquals(
    [fixture.answers.length, fixture.checks],
    [2, 2],
    "and costs no more signatures than that",
  );
  for (let run = 100n; run < 200n; run++) await fixture.take(await signed({ run }));
  assertEquals([fixture.peer()?.met.length, fixture.answers.length], [8, 9]);
});

Deno.test("--accept-unsigned hears a peer unsigned until it has proved that it signs, and then no more", async () => {
  const fixture = await ReceiverFixture.open({ acceptUnsigned: true });
  assertEquals(await fixture.take(encode(heartbeat(null))), "heard");
  // Anybody can write any sequence into an unsigned heartbeat: it must not block the signed ones.
  assertEquals(await fixture.take(encode(heartbeat({ sequence: 9_000_000 }))), "heard");
  assertEquals(await fixture.take(await signed()), "met");
  assertEquals(await fixture.take(encode(heartbeat({ sequence: 9_000_001 }))), "heard");
  assertEquals(
    await fixture.take(await signed({ sequence: 2_000, echo: fixture.echo() })),
    "heard",
  );
  assertEquals(await fixture.take(encode(heartbeat(null))), "unsigned");
  assertEquals(await fixture.take(encode(heartbeat({ sequence: 9_000_002 }))), "unsigned");
  assertEquals(await fixture.take(encode(heartbeat(null, 8)), "10.0.0.8"), "heard", "another peer");
});
