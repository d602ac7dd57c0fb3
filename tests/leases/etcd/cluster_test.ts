// A cluster of three real etcds.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Etcd, etcdMissing } from "../../support/etcd.ts";
import { skippableTest } from "../../support/skippable.ts";
import { until } from "../../support/until.ts";
import { acquire, ANNA, failureOf, openStore, soon, within } from "./fixture.ts";
import { StoreError } from "../../../src/leases/store_error.ts";

const missing = etcdMissing();

skippableTest("the lease survives the leader's death", missing, async () => {
  await using etcd = await Etcd.start({ members: 3 });
  const leader = await etcd.leader();
  // The leader first: the call at which it is missing fails, and the next one goes elsewhere.
  const others = etcd.endpoints.filter((url) => url !== leader.url);
  using store = openStore([leader.url, ...others], { ttlMs: 60_000 });
  const token = await acquire(store, ANNA);
  assertEquals(await store.renew(token, soon()), true);
  await leader.kill();
  assertMatch(await failureOf(store.renew(token, soon()), "unreachable"), /connection refused/);
  const story: string[] = [];
  const renewed = async () => {
    using signal = within(5_000);
    const outcome = await store.renew(token, signal).then((ours) => `${ours}`, (error) => {
      assert(error instanceof StoreError && error.kind !== "odd-answer", `${error}`);
      return error.message;
    });
    story.push(outcome);
    return outcome === "true";
  };
  await until(renewed, { title: "another leader renews it", everyMs: 100 })
    .catch((error) => assertEquals(story, [], error.message));
});

skippableTest("without a quorum nothing is promised", missing, async () => {
  await using etcd = await Etcd.start({ members: 3 });
  const leader = await etcd.leader();
  using store = openStore([leader.url], { ttlMs: 30_000 });
  const token = await acquire(store, ANNA);
  const others = etcd.members.filter((each) => each !== leader);
  for (const each of others) await each.kill();
  for (const call of ["renew", "read", "acquire"] as const) {
    using signal = within(30_000);
    const made = call === "renew"
      ? store.renew(token, signal)
      : call === "read"
      ? store.read(signal)
      : store.acquire(ANNA, null, signal);
    await failureOf(made, "unavailable");
  }
  for (const each of others) each.start();
  await etcd.serves();
  await until(
    () => store.renew(token, soon()).catch(() => false),
    { title: "the lease is still there", everyMs: 100 },
  );
});

skippableTest(
  "a paused leader that wakes up promises nothing that its successor does not keep",
  missing,
  async () => {
    await using etcd = await Etcd.start({ members: 3 });
    const leader = await etcd.leader();
    using store = openStore([leader.url], { ttlMs: 30_000 });
    const token = await acquire(store, ANNA);
    leader.signal("SIGSTOP");
    const rest = etcd.members.filter((each) => each !== leader).map(({ url }) => url);
    using other = openStore(rest, { ttlMs: 30_000 });
    await until(async () => {
      using signal = within(2_000);
      return await other.renew(token, signal).catch(() => false);
    }, { title: "another one leads", everyMs: 50 });
    const id = BigInt(JSON.parse(token).lease).toString(16);
    const remaining = async () => {
      const text = await etcd.ctlAt(rest, "lease", "timetolive", id);
      return Number(/remaining\((\d+)s\)/.exec(text)?.[1]);
    };
    await until(async () => await remaining() <= 25, { title: "some time is over", everyMs: 200 });
    // Sent to the paused one, and only now: it answers when it wakes up, which is counted from here.
    const sentAtMs = performance.now();
    const renewing = store.renew(token, soon()).then(
      (ours) => ours ? "renewed" : "lost",
      (error) => {
        assert(error instanceof StoreError);
        return error.kind;
      },
    );
    assert(await remaining() <= 25, "the paused one cannot have renewed it");
    leader.signal("SIGCONT");
    const outcome = await renewing;
    if (outcome !== "renewed") return assertEquals(outcome, "unavailable");
    // It may have learnt at once who leads, and have passed the renewal on. etcdctl leaves out parts of a second.
    const leftS = await remaining(), passedS = (performance.now() - sentAtMs) / 1_000;
    assert(
      leftS + 1 >= 30 - passedS,
      `the one that leads keeps it for ${leftS} s, ${passedS} s later`,
    );
  },
);
