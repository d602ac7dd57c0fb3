// The lines for a step: one for each change, and no others.
import { assertEquals } from "@std/assert";
import type { Election } from "../../../src/core/election/state.ts";
import type { Trailer } from "../../../src/core/heartbeat.ts";
import { startNode } from "../../../src/core/node/step.ts";
import { type Peer, unheard } from "../../../src/core/election/peer.ts";
import { changesBetween } from "../../../src/core/node/transitions.ts";
import { HEALTHY_TRAILER, NODE_SETTINGS } from "../../support/node_settings.ts";

const SELF = "00000001-0000-4000-8000-000000000005";
const NODE = startNode(NODE_SETTINGS, { atMs: 0, selfId: SELF, peers: [] });

type Different = Partial<Omit<Peer, "trailer">> & { trailer?: Partial<Trailer> };

function peer(address: string, { trailer = {}, ...rest }: Different = {}): Peer {
  const id = `instance of ${address}`;
  return {
    ...unheard({ address, instanceId: id, wireId: id }),
    heardAtMs: 9_000,
    alive: true,
    priority: 20,
    trailer: { ...HEALTHY_TRAILER, ownPriority: rest.priority ?? 20, ...trailer },
    ...rest,
  };
}

/** A node with these peers, and other differences in its election. */
function state(peers: readonly Peer[], different: Partial<Election> = {}, found?: string) {
  const all = new Map(peers.map((each) => [each.address, each]));
  return {
    election: { ...NODE.election, peers: all, ...different },
    membership: { ...NODE.membership, found: found ?? null },
    ownership: NODE.ownership,
    sisters: NODE.sisters,
    lease: NODE.lease,
  };
}

/** The lines between two states, as `severity event: text`. */
function lines(before: ReturnType<typeof state>, after: ReturnType<typeof state>): string[] {
  return changesBetween(before, after, 10_000).flatMap((effect) =>
    effect.kind === "report" ? `${effect.severity} ${effect.event}: ${effect.text}` : []
  );
}

const live = peer("10.0.0.7"), dead = { ...live, alive: false };
const notHearingUs = { ...live, notHearingUsSinceMs: 6_000 };

Deno.test("changesBetween() tells of peers that come, live, die and go", () => {
  const of = (before: Peer[], after: Peer[]) => lines(state(before), state(after));
  assertEquals(of([], [dead]), ["info peer-joined: peer 10.0.0.7 joined"]);
  assertEquals(of([dead], []), ["info peer-left: peer 10.0.0.7 left"]);
  assertEquals(of([dead], [live]), ["info peer-alive: peer 10.0.0.7 is alive, priority 20"]);
  assertEquals(of([live], [dead]), ["warning peer-dead: peer 10.0.0.7 is dead"]);
  assertEquals([of([live], [live]), of([dead], [dead])], [[], []]);
  // A peer that stands back advertises 255: an operator wants to see the configured priority.
  const back = (trailer: Partial<Trailer>) =>
    of([dead], [peer("10.0.0.7", { priority: 255, trailer: { ownPriority: 10, ...trailer } })])[0];
  const said = "info peer-alive: peer 10.0.0.7 is alive, priority 10, ";
  assertEquals(back({ unhealthy: true }), `${said}unhealthy`);
  assertEquals(back({ unable: true }), `${said}cannot take the address`);
  assertEquals(back({ leaving: true }), `${said}leaving`);
  assertEquals(back({}), `${said}stands back`);
  assertEquals(of([dead], [peer("10.0.0.7", { trailer: { ownPriority: 255 }, priority: 255 })]), [
    "info peer-alive: peer 10.0.0.7 is alive, priority 255",
  ]);
  const original = { ...live, priority: 40, trailer: null };
  assertEquals(of([dead], [original]), ["info peer-alive: peer 10.0.0.7 is alive, priority 40"]);
});

Deno.test("changesBetween() tells of a machine that lives at another address", () => {
  const { instanceId } = live;
  const other = peer("2001:db8::7", { instanceId });
  const of = (there: Peer, gone = dead) =>
    lines(state([live, there], { repeated: true }), state([gone, there], { repeated: true }));
  assertEquals(of(other), [
    "warning path-silent: peer 2001:db8::7 lives, but is not heard at 10.0.0.7 any more",
  ]);
  assertEquals(of({ ...other, alive: false }), [
    "warning peer-dead: peer 10.0.0.7 is dead, at 2001:db8::7, too",
  ]);
  assertEquals(of(peer("10.0.0.8")), ["warning peer-dead: peer 10.0.0.7 is dead"]);
  const at = (one: Peer, there: Peer, [before, then]: [Peer, Peer]) =>
    lines(
      state([before, one], { repeated: true }),
      state([then, there], { repeated: true }),
    );
  const inside = { ...other, network: "backend" }, silent = { ...inside, alive: false };
  assertEquals(at(silent, inside, [live, live]), [
    "info path-back: peer 10.0.0.7 is heard at backend 2001:db8::7 again",
  ]);
  assertEquals(at({ ...silent, heardAtMs: null }, inside, [live, live]), [
    "info path-back: peer 10.0.0.7 is heard at backend 2001:db8::7, too",
  ]);
  assertEquals(at(inside, silent, [live, dead]), [
    "warning peer-dead: peer 10.0.0.7 is dead, at backend 2001:db8::7, too",
  ], "one line for a machine that dies on both at once");
  assertEquals(at(silent, inside, [live, dead]), [
    "warning path-silent: peer backend 2001:db8::7 lives, but is not heard at 10.0.0.7 any more",
    "info path-back: peer backend 2001:db8::7 is heard at backend 2001:db8::7 again",
  ], "it was never dead, so it is not alive again");
  // Two instances that the cloud does not know are not the same.
  const nameless = { ...other, instanceId: null };
  assertEquals(of(nameless, { ...dead, instanceId: null }), [
    "warning peer-dead: peer 10.0.0.7 is dead",
  ]);
});

Deno.test("changesBetween() tells when the limit for moves is reached, and when it is over", () => {
  const settings = { ...NODE.election.settings, moveLimit: { moves: 3, withinMs: 60_000 } };
  const of = (beforeMs: number | null, afterMs: number | null, limited = settings) =>
    lines(
      state([], { limitedUntilMs: beforeMs, settings }),
      state([], { limitedUntilMs: afterMs, settings: limited }),
    );
  const reached = "critical move-limit: the Elastic IP has moved 3 times within 60 s " +
    "(--move-limit): it stays with a holder that can serve, for the next 12 s";
  assertEquals(of(null, 22_000), [reached]);
  assertEquals(of(-Infinity, 22_000), [reached]);
  assertEquals(of(22_000, 30_000), [], "it goes on");
  const over = ["info move-limit: the Elastic IP may move to a better node again"];
  assertEquals(of(22_000, -Infinity), over);
  assertEquals(of(22_000, null, NODE.election.settings as typeof settings), over);
  assertEquals([of(null, null), of(-Infinity, null)], [[], []]);
});

Deno.test("changesBetween() tells of a link that works one way only, and of its end", () => {
  const of = (before: Peer, after: Peer) => lines(state([before]), state([after]));
  const warned = "warning one-way: peer 10.0.0.7 is heard, but does not hear us";
  assertEquals(of(live, notHearingUs), [warned]);
  assertEquals(of({ ...notHearingUs, notHearingUsSinceMs: 6_001 }, notHearingUs), [warned]);
  assertEquals(of(notHearingUs, notHearingUs), []);
  assertEquals(
    of(live, { ...notHearingUs, notHearingUsSinceMs: 6_001 }),
    [],
    "not for long enough",
  );
  assertEquals(of(notHearingUs, live), ["info one-way: peer 10.0.0.7 hears us again"]);
  assertEquals(of({ ...notHearingUs, notHearingUsSinceMs: 6_001 }, live), [], "nobody was told");
  assertEquals(
    of(notHearingUs, { ...notHearingUs, notHearingUsSinceMs: 8_000 }),
    [],
    "it hears us no better",
  );
  assertEquals(of(notHearingUs, { ...notHearingUs, alive: false }), [
    "warning peer-dead: peer 10.0.0.7 is dead",
  ]);
});

Deno.test("changesBetween() calls peers by the names of their instances", () => {
  const named = { ...live, name: "edge-2" }, gone = { ...named, alive: false };
  const of = (before: Peer[], after: Peer[]) => lines(state(before), state(after));
  const title = "peer edge-2 (10.0.0.7)";
  assertEquals(of([], [gone]), [`info peer-joined: ${title} joined`]);
  assertEquals(of([gone], [named]), [`info peer-alive: ${title} is alive, priority 20`]);
  assertEquals(of([named], [gone]), [`warning peer-dead: ${title} is dead`]);
  assertEquals(of([gone], []), [`info peer-left: ${title} left`]);
  const outranked = { reason: "outranked", role: "backup" } as const;
  const better = { ...named, priority: 1, trailer: { ...HEALTHY_TRAILER, ownPriority: 1 } };
  assertEquals(lines(state([better]), state([better], outranked)), [
    "info role: backup (outranked by edge-2 (10.0.0.7) with priority 1)",
  ]);
});

Deno.test("changesBetween() tells once why these are the peers", () => {
  const [none, pool, label] = [state([]), state([], {}, "pool"), state([], {}, "label")];
  assertEquals([lines(none, pool), lines(pool, label)], [
    ["info discovery: pool"],
    ["info discovery: label"],
  ]);
  assertEquals([lines(pool, pool), lines(pool, none)], [[], []]);
});

Deno.test("changesBetween() tells of a missing peer that is given up, once", () => {
  const missing = (untilMs: number) => state([], { missing: new Map([["b.test", untilMs]]) });
  const gone = [
    "warning peer-gone: peer b.test counts as gone: it cannot be found, and no unknown sender " +
    "speaks; an instance that holds and is no known peer no longer stops this node, and keeps its " +
    "hold while its machine runs",
  ];
  assertEquals(lines(missing(9_000), missing(-Infinity)), gone);
  assertEquals(lines(missing(9_000), missing(10_000)), []);
  assertEquals(lines(missing(-Infinity), missing(-Infinity)), []);
});

Deno.test("changesBetween() tells of another machine with our id once it is certain, and of its end", () => {
  const twin = (certain: boolean) =>
    state([], {
      twin: { address: "10.0.0.9", firstAtMs: 0, certain, mark: null, untilMs: 9_000 },
    });
  const [said, ...rest] = lines(twin(false), twin(true));
  assertEquals(
    said?.startsWith(`critical twin: 10.0.0.9 speaks with our own instance id, ${SELF}`),
    true,
  );
  assertEquals([rest, lines(state([]), twin(false)), lines(twin(true), twin(true))], [[], [], []]);
  assertEquals(lines(twin(true), state([])), [
    "info twin: no other machine speaks with our instance id any more",
  ]);
});

Deno.test("changesBetween() tells of the role and why, as loud as it is", () => {
  const better = peer("10.0.0.7", { priority: 5 }), worse = peer("10.0.0.8");
  const backup = { role: "backup", reason: "outranked" } as const;
  const of = (after: Partial<Election>, peers: Peer[] = [], before: Partial<Election> = backup) =>
    lines(state(peers, before), state(peers, after));
  const master = { role: "master", reason: "best" } as const;
  assertEquals(of(master), ["info role: master (best), was backup"]);
  assertEquals(of({ ...master, reason: "alone" }, [], master), ["info role: master (alone)"]);
  assertEquals(of(backup, [better], master), [
    "info role: backup (outranked by 10.0.0.7 with priority 5), was master",
  ]);
  const loud = ["stalled", "cloud-unreachable", "unlisted", "incomplete", "twin"] as const;
  assertEquals(loud.map((reason) => of({ ...backup, reason })[0]?.split(" ")[0]), [
    ...loud.map(() => "warning"),
  ]);
  const quiet = ["settling", "leaving", "equal"] as const;
  assertEquals(quiet.map((reason) => of({ ...backup, reason })), [
    ...quiet.map((reason) => [`info role: backup (${reason})`]),
  ]);
  const unhealthy = { reason: "unhealthy", healthy: false } as const;
  assertEquals(of({ ...unhealthy, role: "backup" }, [worse]), [
    "warning role: backup (unhealthy, makes way for 10.0.0.8 with priority 20)",
  ]);
  assertEquals(of({ ...unhealthy, role: "master" }), [
    "warning role: master (unhealthy, no live node is healthy), was backup",
  ]);
  const refused = { ...unhealthy, unhealthyReason: "tcp://127.0.0.1:80: connection refused" };
  assertEquals(of({ ...refused, role: "backup" }, [worse]), [
    "warning role: backup (unhealthy: tcp://127.0.0.1:80: connection refused; " +
    "makes way for 10.0.0.8 with priority 20)",
  ]);
  assertEquals(of({ ...refused, role: "master" }), [
    "warning role: master (unhealthy: tcp://127.0.0.1:80: connection refused; " +
    "no live node is healthy), was backup",
  ]);
  const missing = new Map([["b.test", 9_000], ["c.test", 9_000]]);
  assertEquals(of({ ...backup, reason: "incomplete", missing }), [
    "warning role: backup (incomplete, an instance that holds may be a peer that is missing: " +
    "b.test, c.test)",
  ]);
});

Deno.test("changesBetween() tells of a priority that has changed", () => {
  assertEquals(lines(state([]), state([], { priority: 7 })), ["info priority: priority is now 7"]);
  assertEquals(lines(state([]), state([])), []);
});
