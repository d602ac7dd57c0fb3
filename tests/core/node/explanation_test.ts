// The lines about a role in full, as an operator reads them, and the detail of its reason alone.
import { assertEquals } from "@std/assert";
import type { Election } from "../../../src/core/election/state.ts";
import type { Trailer } from "../../../src/core/heartbeat.ts";
import { startNode } from "../../../src/core/node/step.ts";
import { type Peer, unheard } from "../../../src/core/election/peer.ts";
import { FRESH_SLOT, type Ownership } from "../../../src/core/ownership/state.ts";
import { reasonDetail } from "../../../src/core/node/explanation.ts";
import { changesBetween } from "../../../src/core/node/transitions.ts";
import { NodeFixture } from "../../support/node_fixture.ts";
import { HEALTHY_TRAILER, NODE_SETTINGS } from "../../support/node_settings.ts";

const SELF = "00000001-0000-4000-8000-000000000005";
const NODE = startNode(NODE_SETTINGS, { atMs: 0, selfId: SELF, peers: [] });
const NOW_MS = 15_250;

function peer(address: string, trailer: Partial<Trailer>, priority = 20): Peer {
  const known = unheard({ address, instanceId: `i-${address}`, wireId: `i-${address}` });
  const says = { ...HEALTHY_TRAILER, ownPriority: priority, ...trailer };
  return { ...known, heardAtMs: 9_000, alive: true, priority, trailer: says };
}

/** The line about the role of a node with that state, which was a healthy backup before. */
function line(
  election: Partial<Election>,
  { peers = [], ownership = {} }: { peers?: readonly Peer[]; ownership?: Partial<Ownership> } = {},
): string {
  const all = new Map(peers.map((each) => [each.address, each]));
  const before = { ...NODE, election: { ...NODE.election, reason: "best" as const } };
  const after = {
    ...NODE,
    election: { ...NODE.election, peers: all, ...election },
    ownership: { ...NODE.ownership, prepared: true, ...ownership },
  };
  const [effect] = changesBetween(before, after, NOW_MS).filter((each) =>
    each.kind === "report" && each.event === "role"
  );
  return effect?.kind === "report" ? effect.text : "";
}

const since = (failingSinceMs: number) => ({ ...FRESH_SLOT, failures: 3, failingSinceMs });

Deno.test("the role line of a node without the cloud says what it wants, and since when it cannot", () => {
  const lost = { reason: "cloud-unreachable", cloudReachable: false } as const;
  const read = since(3_000);
  assertEquals(
    line({ ...lost, role: "master", holding: null }, { ownership: { prepared: false, read } }),
    "master (cloud-unreachable), was backup: wants the address, but has not reached the cloud " +
      "since its start 12.3 s ago",
  );
  assertEquals(
    line({ ...lost, role: "master", holding: false }, { ownership: { read } }),
    "master (cloud-unreachable), was backup: wants the address, but has not reached the cloud " +
      "for 12.3 s",
  );
  assertEquals(
    line({ ...lost, role: "master", holding: true }, { ownership: { read } }),
    "master (cloud-unreachable), was backup: keeps the address, but has not reached the cloud " +
      "for 12.3 s",
  );
  assertEquals(
    line({ ...lost, role: "master", holding: false }, { ownership: { write: since(5_250) } }),
    "master (cloud-unreachable), was backup: wants the address, but could not change anything " +
      "in the cloud for 10.0 s",
  );
  const flight = { id: 1, call: { verb: "look", others: true }, startedAtMs: 250, stale: false };
  const hung = { ...FRESH_SLOT, inFlight: flight } as Ownership["read"];
  assertEquals(
    line({ ...lost, role: "backup" }, { ownership: { read: hung } }),
    "backup (cloud-unreachable): stands aside, since it has not reached the cloud for 15.0 s",
  );
  assertEquals(
    line({ ...lost, role: "backup" }, { ownership: { read }, peers: [peer("10.0.0.8", {})] }),
    "backup (cloud-unreachable): makes way for 10.0.0.8 with priority 20, since it has not " +
      "reached the cloud for 12.3 s",
  );
  const keeps = peer("10.0.0.8", { holds: true, ownPriority: 20 }, 0);
  assertEquals(
    line({ ...lost, role: "backup" }, { ownership: { read }, peers: [keeps] }),
    "backup (cloud-unreachable): makes way for 10.0.0.8 with priority 20, which keeps the " +
      "address (--move-limit), since it has not reached the cloud for 12.3 s",
  );
  const cutOff = peer("10.0.0.8", { unable: true, holds: true });
  assertEquals(
    line({ ...lost, role: "backup" }, { ownership: { read }, peers: [cutOff] }),
    "backup (cloud-unreachable): leaves the address with 10.0.0.8 with priority 20, since it " +
      "has not reached the cloud for 12.3 s",
  );
});

Deno.test("the role line of a node that defers says to whom, why and until when", () => {
  const holder = peer("10.0.0.8", { holds: true });
  const defers = { reason: "deferring", priority: 10, holding: false } as const;
  assertEquals(
    line({ ...defers, deferUntilMs: NOW_MS + 30_000 }, { peers: [holder, peer("10.0.0.9", {})] }),
    "backup (deferring): leaves the address with 10.0.0.8 with priority 20, which holds it, " +
      "for 30 s more (--preempt-delay)",
  );
  assertEquals(
    line({ ...defers, deferUntilMs: NOW_MS - 5 }, { peers: [holder] }),
    "backup (deferring): leaves the address with 10.0.0.8 with priority 20, which holds it, " +
      "for 0 ms more (--preempt-delay)",
  );
  assertEquals(
    line({ ...defers, deferUntilMs: Infinity }, { peers: [holder] }),
    "backup (deferring): leaves the address with 10.0.0.8 with priority 20, which holds it, " +
      "for as long as that node can serve (--no-preempt)",
  );
  const cutOff = peer("10.0.0.8", { unable: true, holds: true });
  assertEquals(
    line({ ...defers, graceUntilMs: NOW_MS + 6_000 }, { peers: [cutOff] }),
    "backup (deferring): leaves the address with 10.0.0.8 with priority 20, which holds it " +
      "without the cloud, for 6 s more, until that node may reach the cloud again",
  );
});

Deno.test("the role line says what follows from a pause, a lost list and a stop", () => {
  assertEquals(
    line({ reason: "stalled", settledAtMs: NOW_MS + 3_100 }),
    "backup (stalled): this process was paused; it judges no peer for 3.1 s",
  );
  assertEquals(
    line({ reason: "unlisted", inPeerList: false }),
    "backup (unlisted): the list of peers does not have this node",
  );
  const leaves = { reason: "leaving", stops: 1, yieldUntilMs: NOW_MS + 10_000 } as const;
  assertEquals(
    line({ ...leaves, holding: true }, { peers: [peer("10.0.0.8", {})] }),
    "backup (leaving): gives the address up once a peer holds it, in 10 s at the latest",
  );
  // There is no other node to hold it, or nothing to give up.
  assertEquals(line({ ...leaves, holding: true }), "backup (leaving)");
  assertEquals(
    line({ ...leaves, holding: null }, { peers: [peer("10.0.0.8", {})] }),
    "backup (leaving)",
  );
  assertEquals(line({ reason: "leaving", stops: 1 }), "backup (leaving)");
});

Deno.test("a node that loses the cloud says for how long, and after how long it is back", () => {
  const played = new NodeFixture({ reconcileMs: 10_000 });
  played.until(10_000);
  let down = true;
  played.fails = () => down;
  played.until(60_000);
  down = false;
  played.until(80_000);
  const texts = played.changes.filter(({ event }) => event.startsWith("cloud-"))
    .map(({ event, text }) => `${event}: ${text}`);
  assertEquals(texts, [
    "cloud-lost: this node has not reached the cloud for 3.0 s: it steps aside while a peer can serve",
    "cloud-back: the cloud answers again, after 43.3 s",
  ]);
});

Deno.test("a node that never reached the cloud says so, and when it does for the first time", () => {
  const played = new NodeFixture();
  let down = true;
  played.fails = () => down;
  played.until(20_000);
  down = false;
  played.until(30_000);
  const texts = played.changes.filter(({ event }) => /^(cloud-|role)/.test(event))
    .map(({ event, text }) => `${event}: ${text}`);
  assertEquals(texts, [
    "cloud-lost: this node has not reached the cloud since its start 3.0 s ago: it steps aside " +
    "while a peer can serve",
    "role: master (cloud-unreachable), was backup: wants the address, but has not reached the " +
    "cloud since its start 3.1 s ago",
    "cloud-back: the cloud answers for the first time, after 20.6 s",
    "role: master (alone)",
  ]);
});

Deno.test("reasonDetail() says what the reason leaves open, in 300 characters at most", () => {
  const of = (changed: Partial<Election>, peers: Peer[] = []) =>
    reasonDetail({
      ...NODE.election,
      peers: new Map(peers.map((each) => [each.address, each])),
      ...changed,
    });
  const better = [7, 8].map((number) => peer(`10.0.0.${number}`, {}, 5));
  const backup = { role: "backup", reason: "outranked" } as const;
  assertEquals(of(backup, better), "by 10.0.0.7 with priority 5, 10.0.0.8 with priority 5");
  const refused = { healthy: false, reason: "unhealthy", unhealthyReason: "no route" } as const;
  assertEquals(of({ ...refused, role: "master" }), "no route; no live node is healthy");
  assertEquals(
    of({ ...refused, role: "backup" }, better),
    "no route; makes way for 10.0.0.7 with priority 5, 10.0.0.8 with priority 5",
  );
  assertEquals(of({ role: "master", reason: "best" }, better), "");
  // The detail of a failed check does not apply to another reason.
  assertEquals(of({ ...refused, reason: "leaving" }), "");
  const crowd = Array.from({ length: 99 }, (_, at) => peer(`10.0.1.${at}`, {}, 5));
  const detail = of(backup, crowd);
  assertEquals([detail.length, detail.slice(0, 11), detail.at(-1)], [300, "by 10.0.1.0", "…"]);
});
