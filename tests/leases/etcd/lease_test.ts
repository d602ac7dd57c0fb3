// The lease of one Elastic IP in a real etcd.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Etcd, etcdMissing } from "../../support/etcd.ts";
import { skippableTest } from "../../support/skippable.ts";
import { until } from "../../support/until.ts";
import {
  acquire,
  ANNA,
  ANNAS,
  BERT,
  ELASTIC_IP,
  failureOf,
  openStore,
  SHORT,
  soon,
} from "./fixture.ts";

const missing = etcdMissing();
const HOLDER = `/exoip/${ELASTIC_IP}/holder`;

skippableTest("one of two acquires the lease and renews it", missing, async () => {
  await using etcd = await Etcd.start();
  using anna = openStore(etcd.endpoints), bert = openStore(etcd.endpoints);
  const before = await anna.read(soon());
  assertEquals([before.record, before.candidates], [null, []]);
  const all = await Promise.all([
    anna.acquire(ANNA, null, soon()),
    bert.acquire(BERT, null, soon()),
  ]);
  const winners = all.filter(({ token }) => token !== null);
  assertEquals(winners.length, 1);
  const [first, second] = all.map(({ sight }) => sight.record);
  assertEquals(first, second);
  const winner = first?.instanceId === ANNA.instanceId ? ANNA : BERT;
  const { instanceId, name, wallMs: sinceWallMs } = winner;
  const { revision, ...shown } = first!;
  assertEquals(shown, { instanceId, name: name!, sinceWallMs });
  assert(all.every(({ sight }) => sight.version > before.version));
  // The lease of the loser is not left behind.
  assertMatch(await etcd.ctl("lease", "list"), /found 1 leases/);

  const store = winner === ANNA ? anna : bert;
  assertEquals(await store.renew(winners[0]?.token ?? "", soon()), true);
  const after = await store.read(soon());
  assertEquals(after.record?.revision, revision, "a renewal changes nothing that is watched");
});

skippableTest("a lease that is not renewed expires, and is lost then", missing, async () => {
  await using etcd = await Etcd.start();
  using store = openStore(etcd.endpoints, SHORT);
  const token = await acquire(store, ANNA);
  await until(async () => (await store.read(soon())).record === null, { title: "it expires" });
  assertEquals(await store.renew(token, soon()), false);
  await store.release(token, BERT.instanceId, soon());
  assertEquals((await store.read(soon())).record, null, "what is lost cannot be handed on");
  await store.release(token, null, soon());
});

skippableTest("only who knows the record's last state takes it over", missing, async () => {
  await using etcd = await Etcd.start();
  using store = openStore(etcd.endpoints);
  const token = await acquire(store, ANNA);
  const { record } = await store.read(soon());
  const lost = await store.acquire(BERT, `${Number(record!.revision) - 1}`, soon());
  assertEquals([lost.token, lost.sight.record], [null, record]);
  const taken = await store.acquire(BERT, record!.revision, soon());
  assertEquals(taken.sight.record?.instanceId, BERT.instanceId);
  assertEquals(await store.renew(token, soon()), false, "the first one has lost it");
  await store.release(token, null, soon());
  assertEquals(await store.renew(taken.token!, soon()), true, "its end does no harm");
});

skippableTest("a lease is released to one, who takes it over, or to all", missing, async () => {
  await using etcd = await Etcd.start();
  using store = openStore(etcd.endpoints);
  const token = await acquire(store, ANNA);
  await store.release(token, BERT.instanceId, soon());
  const { record } = await store.read(soon());
  assertEquals([record?.instanceId, record?.name], [ANNA.instanceId, "anna"]);
  assertEquals([record?.releasedTo, record?.sinceWallMs], [BERT.instanceId, ANNA.wallMs]);
  const taken = await store.acquire(BERT, record!.revision, soon());
  assert(taken.token !== null);
  assertEquals(taken.sight.record?.releasedTo, undefined);
  await store.release(taken.token, null, soon());
  assertEquals((await store.read(soon())).record, null);
  assertMatch(await etcd.ctl("lease", "list"), /found [01] leases/, "BERT's is revoked");
});

skippableTest("a successor that does not come leaves the lease to all", missing, async () => {
  await using etcd = await Etcd.start();
  using store = openStore(etcd.endpoints, SHORT);
  await store.release(await acquire(store, ANNA), BERT.instanceId, soon());
  await until(async () => (await store.read(soon())).record === null, { title: "it expires" });
});

skippableTest(
  "a deleted key is a lost lease, though etcd's own lease lives on",
  missing,
  async () => {
    await using etcd = await Etcd.start();
    using store = openStore(etcd.endpoints);
    const token = await acquire(store, ANNA);
    await etcd.ctl("del", HOLDER);
    assertEquals(await store.renew(token, soon()), false);
  },
);

skippableTest("a candidate stays while it is announced", missing, async () => {
  await using etcd = await Etcd.start();
  using store = openStore(etcd.endpoints);
  const session = await store.announce(ANNAS, null, soon());
  const { candidates, record, version } = await store.read(soon());
  assertEquals([candidates, record], [[ANNAS], null]);
  assertEquals(await store.announce(ANNAS, session, soon()), session);
  assertEquals((await store.read(soon())).version, version, "nothing was written");
  const holding = { ...ANNAS, says: { ...ANNAS.says, holds: true } };
  assertEquals(await store.announce(holding, session, soon()), session);
  assertEquals((await store.read(soon())).candidates, [holding]);
  await etcd.ctl("del", "--prefix", "/exoip/");
  assertEquals(await store.announce(holding, session, soon()), session);
  assertEquals((await store.read(soon())).candidates, [holding], "it comes back");
});

skippableTest(
  "a candidate that is not announced any more expires, and may come back",
  missing,
  async () => {
    await using etcd = await Etcd.start();
    using store = openStore(etcd.endpoints, SHORT), other = openStore(etcd.endpoints);
    const session = await store.announce(ANNAS, null, soon());
    await until(async () => (await store.read(soon())).candidates.length === 0, {
      title: "it expires",
    });
    const next = await other.announce(ANNAS, session, soon());
    assert(next !== session);
    assertEquals((await store.read(soon())).candidates, [ANNAS]);
  },
);

skippableTest("Elastic IPs, and prefixes, are apart", missing, async () => {
  await using etcd = await Etcd.start();
  const ips = ["198.51.100.7", "198.51.100.70", "2001:db8::7"];
  for (const elasticIp of ips) {
    using store = openStore(etcd.endpoints, { elasticIp });
    await acquire(store, ANNA);
  }
  using other = openStore(etcd.endpoints, { prefix: "/exo" });
  assertEquals((await other.read(soon())).record, null);
  const keys = (await etcd.ctl("get", "--prefix", "/", "--keys-only")).split("\n").filter(Boolean);
  assertEquals(keys, ips.map((each) => `/exoip/${each}/holder`).toSorted());
});

const FOREIGN = {
  "no JSON": "anna",
  "another shape": '{"instanceId":7,"sinceWallMs":1}',
  "no time": '{"instanceId":"a"}',
  "too long": JSON.stringify({ instanceId: "a", sinceWallMs: 1, name: "x".repeat(5_000) }),
  "empty": "",
};

for (const [title, value] of Object.entries(FOREIGN)) {
  skippableTest(`a holder's key with a foreign value is not free: ${title}`, missing, async () => {
    await using etcd = await Etcd.start();
    using store = openStore(etcd.endpoints);
    await etcd.ctl("put", HOLDER, "--", value);
    // One after the other: a call that fails before somebody waits for it would end the test.
    for (const call of [() => store.read(soon()), () => store.acquire(ANNA, null, soon())]) {
      const text = await failureOf(call(), "odd-answer");
      assertMatch(text, /\/exoip\/198\.51\.100\.7\/holder .*no exoip wrote; .*etcdctl del/);
    }
    assertMatch(await etcd.ctl("lease", "list"), /found 0 leases/);
  });
}

skippableTest("a holder's key without a lease of etcd is named", missing, async () => {
  await using etcd = await Etcd.start();
  using store = openStore(etcd.endpoints);
  await etcd.ctl("put", HOLDER, JSON.stringify({ instanceId: "a", sinceWallMs: 1 }));
  assertMatch(await failureOf(store.read(soon()), "odd-answer"), /would never expire/);
});

skippableTest("foreign candidates and other keys are left out", missing, async () => {
  await using etcd = await Etcd.start();
  using store = openStore(etcd.endpoints);
  await store.announce(ANNAS, null, soon());
  const value = JSON.stringify({ ...ANNAS, instanceId: "c" });
  await etcd.ctl("put", `/exoip/${ELASTIC_IP}/candidates/c`, value);
  await etcd.ctl("put", `/exoip/${ELASTIC_IP}/candidates/d`, "no JSON");
  await etcd.ctl("put", `/exoip/${ELASTIC_IP}/other`, "x");
  const { record, candidates } = await store.read(soon());
  assertEquals([record, candidates], [null, [ANNAS]]);
});

skippableTest("an answer that is too long is refused", missing, async () => {
  await using etcd = await Etcd.start();
  using store = openStore(etcd.endpoints);
  const value = "x".repeat(100_000);
  for (let index = 0; index < 12; index += 1) {
    await etcd.ctl("put", `/exoip/${ELASTIC_IP}/junk${index}`, value);
  }
  assertMatch(await failureOf(store.read(soon()), "odd-answer"), /longer than 1 MiB/);
});

skippableTest("a restart of etcd loses nothing", missing, async () => {
  await using etcd = await Etcd.start();
  using store = openStore(etcd.endpoints);
  const token = await acquire(store, ANNA);
  const [member] = etcd.members;
  await member?.kill();
  assertMatch(await failureOf(store.renew(token, soon()), "unreachable"), /connection refused/);
  member?.start();
  await etcd.serves();
  assertEquals(await store.renew(token, soon()), true);
});
