// What becomes of a heartbeat when there is a shared secret: each reason, in an order that keeps floods cheap.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Election } from "../src/core/election_state.ts";
import { elect, startElection } from "../src/core/election.ts";
import { decode, encode, type Heartbeat, type Trailer } from "../src/core/heartbeat.ts";
import type { Heard } from "../src/core/trust.ts";
import { Guard } from "../src/watch/guard.ts";
import { QuietLog } from "../src/log/quiet_log.ts";
import { Refusals } from "../src/watch/refusals.ts";
import { Datagrams } from "../src/status/tally.ts";
import { Seal } from "../src/watch/seal.ts";
import { NODE_SETTINGS, WELL_TRAILER } from "./node_settings.ts";

const SELF = "00000001-0000-4000-8000-000000000001";
const PEERS = [7, 8, 9].map((number) => ({
  address: `10.0.0.${number}`,
  instanceId: `00000001-0000-4000-8000-00000000000${number}`,
  wireId: `00000001-0000-4000-8000-00000000000${number}`,
}));
const SECRET = "a secret of the whole cluster", OTHER = "a secret of somebody else";
const START_MS = 1_900_000_000_000;

/** A node behind its guard, at a standing clock. */
class Post {
  nowMs = 10_000;
  wallMs = START_MS;
  election: Election = startElection(NODE_SETTINGS, { atMs: 0, selfId: SELF, peers: PEERS });
  /** Tags that were looked at. */
  checks = 0;
  readonly lines: string[] = [];
  readonly heard: Heard[] = [];
  readonly refusals: Refusals;
  readonly datagrams = new Datagrams();
  readonly guard: Guard;

  private constructor(readonly seal: Seal, acceptUnsigned: boolean) {
    const { verify } = seal;
    seal.verify = (...given) => {
      this.checks += 1;
      return verify.apply(seal, given);
    };
    const clock = {
      nowMs: () => this.nowMs,
      wallMs: () => this.wallMs,
      sleep: () => Promise.resolve(),
    };
    const log = {
      write: (severity: string, event: string, text: string) =>
        void this.lines.push(`${severity} ${event}: ${text}`),
    };
    const quiet = new QuietLog(log, clock);
    this.refusals = new Refusals({ clock, quiet, datagrams: this.datagrams });
    this.guard = new Guard({ seal, acceptUnsigned, clock, quiet, refusals: this.refusals });
  }

  static async open({ secrets = [SECRET], acceptUnsigned = false } = {}): Promise<Post> {
    return new Post(await Seal.of(secrets), acceptUnsigned);
  }

  /** The datagram comes; resolves to the word for what became of it. */
  async take(bytes: Uint8Array, from = "10.0.0.7"): Promise<string> {
    const before = [this.refused(), this.heard.length] as const;
    const heartbeat = decode(bytes);
    assert(!("refused" in heartbeat));
    await this.guard.admit({
      bytes,
      heard: { from, heartbeat },
      election: this.election,
      deliver: (heard) => {
        const next = elect(this.election, { kind: "heard", ...heard }, this.nowMs);
        if (next.peers !== this.election.peers) this.heard.push(heard);
        this.election = next;
      },
    });
    if (this.heard.length > before[1]) return "heard";
    const counted = [...this.refused()].find(([word, count]) => before[0].get(word) !== count);
    return counted?.[0] ?? "left to the node";
  }

  /** Counts by reason. */
  refused(): Map<string, number> {
    return new Map(this.datagrams.refused.views(0).map(({ word, count }) => [word, count]));
  }

  peer(address = "10.0.0.7") {
    return this.election.peers.get(address);
  }
}

function heartbeat(trailer: Partial<Trailer> | null = {}, number = 7): Heartbeat {
  const whole: Trailer = {
    ...WELL_TRAILER,
    ownPriority: 20,
    intervalMs: 1_000,
    sequence: START_MS,
  };
  const id = `00000001-0000-4000-8000-00000000000${number}`;
  const { elasticIp } = NODE_SETTINGS;
  return { priority: 20, elasticIp, id, trailer: trailer && { ...whole, ...trailer } };
}

async function signed(
  { secret = SECRET, number = 7, keyId, ...trailer }: {
    secret?: string;
    number?: number;
  } & Partial<Trailer> = {},
): Promise<Uint8Array> {
  const seal = await Seal.of([secret]);
  const bytes = encode(heartbeat({ ...trailer, keyId: keyId ?? seal.keyId }, number));
  let result: Uint8Array = bytes;
  seal.seal(bytes, (datagram) => result = datagram);
  await seal.handedOver();
  return result;
}

Deno.test("a heartbeat with the right tag is heard, once", async () => {
  const post = await Post.open();
  const datagram = await signed();
  assertEquals(await post.take(datagram), "heard");
  assertEquals(post.peer()?.sealedSequence, START_MS);
  assertEquals(await post.take(datagram), "left to the node");
  assertEquals(await post.take(await signed({ sequence: START_MS - 1 })), "left to the node");
  assertEquals(await post.take(await signed({ sequence: START_MS + 1 })), "heard");
  assertEquals(post.checks, 2, "replays cost no cryptography");
});

Deno.test("what fails another test is refused before its tag is looked at", async () => {
  const post = await Post.open();
  const other = await Seal.of([OTHER]);
  for (
    const [datagram, from, word] of [
      [encode(heartbeat()), "10.0.0.7", "unsigned"],
      [encode(heartbeat(null)), "10.0.0.7", "unsigned"],
      [await signed({ secret: OTHER }), "10.0.0.7", "unknown-key"],
      [await signed({ keyId: 0 }), "10.0.0.7", "unknown-key"],
      [await signed(), "10.0.0.66", "left to the node"],
      [await signed({ number: 8 }), "10.0.0.7", "left to the node"],
    ] as const
  ) assertEquals(await post.take(datagram, from), word);
  assert(!post.seal.knows(other.keyId));
  assertEquals([post.checks, post.heard.length], [0, 0]);
});

Deno.test("a tag of another secret is bad-tag, and costs the peer nothing", async () => {
  const post = await Post.open();
  const { keyId } = post.seal;
  const forged = await signed({ secret: OTHER, keyId, sequence: START_MS + 30_000 });
  assertEquals(await post.take(forged), "bad-tag");
  assertEquals(post.peer()?.alive, false);
  assertEquals(
    await post.take(await signed({ sequence: START_MS + 1 })),
    "heard",
    "it rises from nothing",
  );
});

Deno.test("a clock is refused from 60 s on, with the difference and whose clock to look at", async () => {
  const post = await Post.open();
  for (const number of [8, 9]) {
    assertEquals(await post.take(await signed({ number }), `10.0.0.${number}`), "heard");
  }
  assertEquals(await post.take(await signed({ sequence: START_MS + 75_000 })), "clock-off");
  assertEquals(post.lines, [
    "warning refused: datagram from 10.0.0.7: clock-off: its clock is 75.0 s ahead of ours, wanted at " +
    "most 60 s; the others agree with this machine: set the clock of that peer",
  ]);
  assertEquals(post.peer()?.sealedSequence, null, "what was refused does not count");
  const checks = post.checks;
  for (let at = 1; at <= 20; at++) {
    assertEquals(await post.take(await signed({ sequence: START_MS + 75_000 + at })), "clock-off");
  }
  assertEquals(post.checks, checks, "one is checked in ten seconds");
});

Deno.test("nothing untrue is said of a peer's clock: a forged time is a bad tag", async () => {
  const post = await Post.open();
  const { keyId } = post.seal;
  const sequence = START_MS + 86_400_000;
  assertEquals(await post.take(await signed({ secret: OTHER, keyId, sequence })), "bad-tag");
  assert(!post.lines.some((line) => line.includes("clock")), post.lines.join("\n"));
});

Deno.test("from 30 s on the operator is warned, and the peer is heard", async () => {
  const post = await Post.open();
  assertEquals(await post.take(await signed({ sequence: START_MS - 29_999 })), "heard");
  assertEquals(post.lines, []);
  post.wallMs += 1_000;
  assertEquals(await post.take(await signed({ sequence: START_MS - 29_998 })), "heard");
  assertEquals(post.lines.length, 1);
  assertStringIncludes(
    post.lines[0] ?? "",
    "warning clock: peer 10.0.0.7: its clock is 31.0 s behind ours",
  );
  assertStringIncludes(post.lines[0] ?? "", "set the clocks of both");
});

Deno.test("our wall clock jumps: peers are still heard, our heartbeats tell the time they know, and it is said", async () => {
  const post = await Post.open();
  assertEquals(await post.take(await signed()), "heard");
  post.nowMs += 1_000;
  post.wallMs += 1_000 + 3_600_000;
  assertEquals(await post.take(await signed({ sequence: START_MS + 1_000 })), "heard");
  assertEquals(Math.round(post.guard.sendingMs - START_MS), 1_001, "followed by 0.1 %");
  assertStringIncludes(
    post.lines.join("\n"),
    "warning clock: peer 10.0.0.7: its clock is 3600.0 s behind ours",
  );
});

Deno.test("a receiver that has restarted takes no recording older than 60 s, and a newer one only once", async () => {
  const old = await signed({ sequence: START_MS }),
    recent = await signed({ sequence: START_MS + 30_000 });
  const post = await Post.open();
  post.wallMs = START_MS + 60_001;
  assertEquals(await post.take(old), "clock-off");
  assertEquals(await post.take(recent), "heard", "this much a recording can do");
  assertEquals(await post.take(recent), "left to the node");
  assertEquals(
    await post.take(await signed({ sequence: post.wallMs })),
    "heard",
    "the living peer",
  );
  assertEquals(await post.take(await signed({ sequence: START_MS + 59_000 })), "left to the node");
});

Deno.test("a sender that restarts with its clock set back is replayed until the clock has caught up", async () => {
  const post = await Post.open();
  assertEquals(await post.take(await signed({ sequence: START_MS })), "heard");
  assertEquals(await post.take(await signed({ sequence: START_MS - 20_000 })), "left to the node");
  assertEquals(await post.take(await signed({ sequence: START_MS + 1 })), "heard");
});

Deno.test("--accept-unsigned hears a peer unsigned until it has signed, and then no more", async () => {
  const post = await Post.open({ acceptUnsigned: true });
  assertEquals(await post.take(encode(heartbeat(null))), "heard");
  // Unsigned, anybody can write any sequence: it must not keep out the signed ones.
  assertEquals(await post.take(encode(heartbeat({ sequence: START_MS + 9_000_000 }))), "heard");
  assertEquals(await post.take(await signed({ sequence: START_MS })), "heard");
  assertEquals(await post.take(encode(heartbeat(null))), "left to the node");
  assertEquals(
    await post.take(encode(heartbeat({ sequence: START_MS + 9_000_001 }))),
    "left to the node",
  );
  assertEquals(await post.take(encode(heartbeat(null, 8)), "10.0.0.8"), "heard", "another peer");
});
