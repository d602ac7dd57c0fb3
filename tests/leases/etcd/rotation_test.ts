// New passwords and certificates for a real etcd, while the lease is held.
import { assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../../src/host/clock.ts";
import { openEtcd } from "../../../src/leases/etcd/etcd.ts";
import { Etcd, etcdMissing } from "../../support/etcd.ts";
import { skippableTest } from "../../support/skippable.ts";
import { Authority } from "../../support/tls/authority.ts";
import { until } from "../../support/until.ts";
import { acquire, ANNA, ELASTIC_IP, failureOf, soon } from "./fixture.ts";

const missing = etcdMissing();
const LOGIN = { user: "exoip", password: "correct horse", certificate: null };
const NEW = { ...LOGIN, password: "battery staple" };
const auth = { user: LOGIN.user, password: LOGIN.password, prefix: "/exoip/" };

/** A client of that etcd, and its end. */
function open(etcd: Etcd, credentials: Parameters<ReturnType<typeof openEtcd>["use"]>[0]) {
  const caCerts = etcd.tls ? [etcd.tls.authority.caCert] : [];
  const client = openEtcd({
    ...{ endpoints: etcd.endpoints, prefix: "/exoip", ttlMs: 60_000, clock: systemClock },
    ...{ caCerts, ...credentials },
  });
  const store = client.storeOf(ELASTIC_IP);
  return { store, use: client.use, [Symbol.dispose]: client.close };
}

/** Sets the user's password. It ends all logins of the user. */
async function setPassword(etcd: Etcd, password: string): Promise<void> {
  await etcd.ctl("user", "delete", LOGIN.user);
  await etcd.ctl("user", "add", `${LOGIN.user}:${password}`);
  await etcd.ctl("user", "grant-role", LOGIN.user, "exoip");
}

skippableTest(
  "a new password: the node knows it first, and no renewal fails",
  missing,
  async () => {
    await using etcd = await Etcd.start({ auth });
    using client = open(etcd, LOGIN);
    const token = await acquire(client.store, ANNA);
    client.use(NEW);
    assertEquals(await client.store.renew(token, soon()), true);
    // Also without its login, as after a restart of etcd: then the old password serves.
    await etcd.members[0]?.kill();
    etcd.members[0]?.start();
    await etcd.serves();
    await until(() => client.store.renew(token, soon()).catch(() => false), { title: "it renews" });
    await setPassword(etcd, NEW.password);
    assertEquals(await client.store.renew(token, soon()), true);
  },
);

skippableTest(
  "a new password: etcd knows it first, and the lease comes back",
  missing,
  async () => {
    await using etcd = await Etcd.start({ auth });
    using client = open(etcd, LOGIN);
    const token = await acquire(client.store, ANNA);
    await setPassword(etcd, NEW.password);
    for (let times = 0; times < 2; times++) {
      assertMatch(await failureOf(client.store.renew(token, soon()), "denied"), /authentication/);
    }
    client.use(NEW);
    assertEquals(await client.store.renew(token, soon()), true);
  },
);

skippableTest(
  "once etcd has accepted the new password, the old one is not tried",
  missing,
  async () => {
    await using etcd = await Etcd.start({ auth });
    using client = open(etcd, LOGIN);
    await acquire(client.store, ANNA);
    client.use(NEW);
    await setPassword(etcd, NEW.password);
    await client.store.read(soon());
    await setPassword(etcd, LOGIN.password);
    await failureOf(client.store.read(soon()), "denied");
  },
);

skippableTest("another user is asked for at the next call", missing, async () => {
  await using etcd = await Etcd.start({ auth });
  using client = open(etcd, LOGIN);
  await acquire(client.store, ANNA);
  await etcd.ctl("user", "add", "stranger:password");
  client.use({ user: "stranger", password: "password", certificate: null });
  assertMatch(await failureOf(client.store.read(soon()), "denied"), /as user stranger: /);
  client.use(LOGIN);
  assertEquals((await client.store.read(soon())).record?.name, "anna");
});

skippableTest("a new certificate is shown from the next connection on", missing, async () => {
  await using etcd = await Etcd.start({ tls: "mutual" });
  const { authority, client: certificate } = etcd.tls!;
  await using other = await Authority.create();
  const none = { user: null, password: null };
  using client = open(etcd, { ...none, certificate });
  const token = await acquire(client.store, ANNA);
  const sights: number[] = [], ending = new AbortController();
  const watching = client.store.watch((sight) => sights.push(sight.version), ending.signal);
  await until(() => sights.length === 1, { title: "it watches" });
  client.use({ ...none, certificate: other.certificate("client.test") });
  await failureOf(client.store.renew(token, soon()), "tls");
  client.use({ ...none, certificate: authority.certificate("client.test") });
  assertEquals(await client.store.renew(token, soon()), true);
  // The watch goes on over the old connection.
  await client.store.release(token, null, soon());
  await until(() => sights.length === 2, { title: "it shows the change" });
  ending.abort();
  await watching;
});
