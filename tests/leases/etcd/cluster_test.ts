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
    // Sent to the paused one: it answers when it wakes up, by when another one leads.
    const renewing = store.renew(token, soon()).then(
      (ours) => ours ? "renewed" : "lost",
      (error) => {
        assert(error instanceof StoreError);
        return error.kind;
      },
    );
    const rest = etcd.members.filter((each) => each !== leader).map(({ url }) => url);
    using other = openStore(rest, { ttlMs: 30_000 });
    await until(async () => {
      using signal = within(2_000);
      return await other.renew(token, signal).catch(() => false);
    }, { title: "another one leads", everyMs: 50 });
    const id = BigInt(JSON.parse(token).lease).toString(16);
    const remaining = async () => {
      const text = await etcd.ctl(`--endpoints=${rest.join()}`, "lease", "timetolive", id);
      return Number(/remaining\((\d+)s\)/.exec(text)?.[1]);
    };
    await until(async () => await remaining() <= 25, { title: "some time is over", everyMs: 200 });
    leader.signal("SIGCONT");
    const outcome = await renewing;
    // It may have learnt at once who leads, and have passed the renewal on.
    if (outcome === "renewed") assert(await remaining() >= 28, "the one that leads has renewed it");
    else assertEquals(outcome, "unavailable");
  },
);
