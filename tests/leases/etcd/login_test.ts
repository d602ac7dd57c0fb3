// Users and passwords of a real etcd.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Etcd, etcdMissing } from "../../support/etcd.ts";
import { skippableTest } from "../../support/skippable.ts";
import { until } from "../../support/until.ts";
import { acquire, ANNA, failureOf, openStore, soon } from "./fixture.ts";
import type { LeaseSight } from "../../../src/core/lease/call.ts";

const missing = etcdMissing();
const LOGIN = { user: "exoip", password: "correct horse" };
const auth = { ...LOGIN, prefix: "/exoip/" };

skippableTest(
  "a user with a password may use the keys of the prefix, and no others",
  missing,
  async () => {
    await using etcd = await Etcd.start({ auth });
    using store = openStore(etcd.endpoints, LOGIN);
    const token = await acquire(store, ANNA);
    assertEquals(await store.renew(token, soon()), true);
    await store.release(token, "b", soon());
    await store.release(token, null, soon());
    assertEquals((await store.read(soon())).record, null);
    using elsewhere = openStore(etcd.endpoints, { ...LOGIN, prefix: "/other" });
    const denied = await failureOf(elsewhere.read(soon()), "denied");
    assertMatch(denied, /etcd at http:.* as user exoip: .*permission denied/);
  },
);

skippableTest("a wrong password, an unknown user, and none are named", missing, async () => {
  await using etcd = await Etcd.start({ auth });
  const [url = ""] = etcd.endpoints;
  for (const login of [{ ...LOGIN, password: "wrong horse" }, { ...LOGIN, user: "nobody" }]) {
    using store = openStore(etcd.endpoints, login);
    const text = await failureOf(store.read(soon()), "denied");
    assertMatch(text, /authentication failed/);
    assert(text.startsWith(`etcd at ${url} as user ${login.user}: `), text);
    assert(!text.includes("horse"), text);
  }
  using store = openStore(etcd.endpoints);
  assertMatch(
    await failureOf(store.read(soon()), "denied"),
    /without a user: .*user name is empty/,
  );
});

skippableTest("a login that a restart has ended is made again", missing, async () => {
  await using etcd = await Etcd.start({ auth });
  using store = openStore(etcd.endpoints, LOGIN);
  const token = await acquire(store, ANNA);
  await etcd.members[0]?.kill();
  etcd.members[0]?.start();
  await etcd.serves();
  // The first one may still meet the old connection.
  await until(() => store.renew(token, soon()).catch(() => false), { title: "it renews" });
});

skippableTest("a login survives a change of users, for calls and watches", missing, async () => {
  await using etcd = await Etcd.start({ auth });
  using store = openStore(etcd.endpoints, LOGIN);
  const token = await acquire(store, ANNA);
  await etcd.ctl("user", "add", "another:password");
  assertEquals(await store.renew(token, soon()), true);
  const sights: LeaseSight[] = [], ending = new AbortController();
  const watching = store.watch((sight) => sights.push(sight), ending.signal);
  await until(() => sights.length === 1, { title: "it shows what is there" });
  await store.release(token, null, soon());
  await until(() => sights.length === 2, { title: "it shows the change" });
  ending.abort();
  await watching;
});

skippableTest(
  "a user where etcd has none does no harm, and serves once it has",
  missing,
  async () => {
    await using etcd = await Etcd.start();
    using store = openStore(etcd.endpoints, LOGIN);
    await acquire(store, ANNA);
    await etcd.ctl("user", "add", "root:root");
    await etcd.ctl("user", "grant-role", "root", "root").catch(() => "done already");
    await etcd.ctl("user", "add", `${LOGIN.user}:${LOGIN.password}`);
    await etcd.ctl("user", "grant-role", LOGIN.user, "root");
    await etcd.ctl("auth", "enable");
    assertEquals((await store.read(soon())).record?.name, "anna");
  },
);
