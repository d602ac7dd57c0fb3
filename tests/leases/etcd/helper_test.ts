// The kit that starts real etcds.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Etcd, etcdMissing } from "../../support/etcd.ts";
import { skippableTest } from "../../support/skippable.ts";
import { until } from "../../support/until.ts";

const missing = etcdMissing();

skippableTest("one member keeps its data over a restart", missing, async () => {
  await using etcd = await Etcd.start();
  await etcd.ctl("put", "a", "1");
  const [member] = etcd.members;
  await member?.kill();
  member?.start();
  await etcd.serves();
  assertEquals(await etcd.ctl("get", "a", "--print-value-only"), "1");
});

skippableTest("three members elect another leader", missing, async () => {
  await using etcd = await Etcd.start({ members: 3 });
  const first = await etcd.leader();
  await first.kill();
  await etcd.serves();
  assert(await etcd.leader() !== first);
});

skippableTest("a watch goes on when each member had no leader for a while", missing, async () => {
  await using etcd = await Etcd.start({ members: 2 });
  const told: (string | null)[] = [];
  await using _news = etcd.watch("a", (value) => told.push(value));
  await etcd.ctl("put", "a", "1");
  await until(() => told.includes("1"), { title: "the first change" });
  for (const stays of etcd.members) {
    const other = etcd.members.find((each) => each !== stays)!;
    await other.kill();
    await assertRejects(() => etcd.ctlAt([stays.url], "watch", "b"), Error, "no leader");
    other.start();
    await etcd.serves();
  }
  await etcd.ctl("del", "a");
  await until(() => told.includes(null), { title: "a change after that" });
  assertEquals(told, ["1", null]);
});

skippableTest("passwords and client certificates are needed where asked for", missing, async () => {
  const auth = { user: "exoip", password: "correct horse", prefix: "/exoip/" };
  await using etcd = await Etcd.start({ tls: "mutual", auth });
  assertEquals(await etcd.ctl("put", "/exoip/a", "1"), "OK");
  const { client, authority } = etcd.tls!;
  const [url = ""] = etcd.endpoints;
  const ask = async (identity: { cert?: string; key?: string }) => {
    using http = Deno.createHttpClient({
      caCerts: [authority.caCert],
      ...identity as typeof client,
    });
    const response = await fetch(`${url}/v3/kv/range`, {
      client: http,
      method: "POST",
      body: JSON.stringify({ key: btoa("/exoip/a") }),
    });
    return await response.text();
  };
  assertMatch(await ask(client), /user name is empty/);
  await assertRejects(() => ask({}), TypeError);
});
