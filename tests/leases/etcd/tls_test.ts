// Certificates of a real etcd, and of its clients.
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Etcd, etcdMissing } from "../../support/etcd.ts";
import { skippableTest } from "../../support/skippable.ts";
import { Authority } from "../../support/tls/authority.ts";
import { acquire, ANNA, failureOf, openStore, soon } from "./fixture.ts";

const missing = etcdMissing();

skippableTest("etcd by TLS: authority and host must be right", missing, async () => {
  await using etcd = await Etcd.start({ tls: "server" });
  const caCerts = [etcd.tls!.authority.caCert];
  using store = openStore(etcd.endpoints, { caCerts });
  assertEquals(await store.renew(await acquire(store, ANNA), soon()), true);
  await using other = await Authority.create();
  for (const wrong of [[], [other.caCert]]) {
    using distrusting = openStore(etcd.endpoints, { caCerts: wrong });
    assertMatch(await failureOf(distrusting.read(soon()), "tls"), /etcd at https:.*certificate/);
  }
  const elsewhere = etcd.endpoints.map((url) => url.replace("127.0.0.1", "localhost"));
  using misplaced = openStore(elsewhere, { caCerts });
  await failureOf(misplaced.read(soon()), "tls");
  const plain = etcd.endpoints.map((url) => url.replace("https:", "http:"));
  using open = openStore(plain);
  await failureOf(open.read(soon()), "unreachable");
});

skippableTest("etcd that wants certificates of its clients", missing, async () => {
  await using etcd = await Etcd.start({ tls: "mutual" });
  const { authority, client } = etcd.tls!;
  const caCerts = [authority.caCert];
  using store = openStore(etcd.endpoints, { caCerts, certificate: client });
  assertEquals(await store.renew(await acquire(store, ANNA), soon()), true);
  await using other = await Authority.create();
  for (const certificate of [null, other.certificate("client.test")]) {
    using refused = openStore(etcd.endpoints, { caCerts, certificate });
    assertMatch(await failureOf(refused.read(soon()), "tls"), /refused/);
  }
});

skippableTest("with users, a certificate must have no common name", missing, async () => {
  const login = { user: "exoip", password: "correct horse" };
  await using etcd = await Etcd.start({ tls: "mutual", auth: { ...login, prefix: "/exoip/" } });
  const { authority, client } = etcd.tls!;
  const options = { caCerts: [authority.caCert], ...login };
  using store = openStore(etcd.endpoints, { ...options, certificate: client });
  await acquire(store, ANNA);
  const certificate = authority.certificate("client.test");
  using named = openStore(etcd.endpoints, { ...options, certificate });
  assertMatch(
    await failureOf(named.read(soon()), "denied"),
    /no client certificate with a common name/,
  );
});

Deno.test("a certificate that cannot be read is an error at once", () => {
  const certificate = { cert: "", key: "x" };
  assertThrows(() => openStore(["https://127.0.0.1:1"], { certificate }), Error);
});
