// Watching a real etcd.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { LeaseSight } from "../../../src/core/lease/call.ts";
import { VirtualClock } from "../../support/clock.ts";
import { Etcd, etcdMissing } from "../../support/etcd.ts";
import { skippableTest } from "../../support/skippable.ts";
import { until } from "../../support/until.ts";
import { acquire, ANNA, ANNAS, BERT, failureOf, openStore, soon } from "./fixture.ts";

const missing = etcdMissing();

/** What was shown, as `HOLDER>SUCCESSOR:CANDIDATES`. */
function story(sights: readonly LeaseSight[]): string[] {
  return sights.map(({ record, candidates }) => {
    const holder = record
      ? `${record.name}${record.releasedTo ? ">" + record.releasedTo : ""}`
      : "";
    return `${holder}:${candidates.map(({ name }) => name).join()}`;
  });
}

skippableTest("a watch shows every change, until its signal", missing, async () => {
  await using etcd = await Etcd.start();
  using watcher = openStore(etcd.endpoints), store = openStore(etcd.endpoints);
  const sights: LeaseSight[] = [], ending = new AbortController();
  const watching = watcher.watch((sight) => sights.push(sight), ending.signal);
  await until(() => sights.length === 1, { title: "it shows what is there" });
  const token = await acquire(store, ANNA);
  await until(() => sights.length === 2, { title: "it shows the lease" });
  await store.release(token, BERT.instanceId, soon());
  await store.announce(ANNAS, null, soon());
  await etcd.ctl("put", "/exoip/198.51.100.70/holder", "another Elastic IP's");
  await until(() => sights.length === 4, { title: "it shows the candidate" });
  // As etcd itself does when their time is over, which is far away.
  const [, ...leases] = (await etcd.ctl("lease", "list")).trim().split("\n");
  assertEquals(leases.length, 2);
  for (const id of leases) await etcd.ctl("lease", "revoke", id);
  await until(() => sights.length > 4 && story(sights).at(-1) === ":", {
    title: "it shows that lease and candidate expire",
  });
  const released = `anna>${BERT.instanceId}`;
  assertEquals(story(sights).slice(0, 4), [":", "anna:", `${released}:`, `${released}:anna`]);
  const versions = sights.map(({ version }) => version);
  assertEquals(versions, [...new Set(versions)].toSorted((one, other) => one - other));
  ending.abort();
  await watching;
});

skippableTest("a watch goes on after a compaction that it has missed", missing, async () => {
  await using etcd = await Etcd.start();
  using store = openStore(etcd.endpoints);
  // Between the reading and the watch, the store drops the change that the watch wants to begin with.
  using gap = betweenRequests(etcd.endpoints[0] ?? "", "/v3/watch", async () => {
    await etcd.ctl("put", "/exoip/other", "1");
    await etcd.ctl("put", "/exoip/other", "2");
    const token = await acquire(store, ANNA);
    await store.release(token, null, soon());
    const { version } = await store.read(soon());
    await etcd.ctl("compact", `${version}`);
  });
  using watcher = openStore([gap.url]);
  const sights: LeaseSight[] = [], ending = new AbortController();
  const watching = watcher.watch((sight) => sights.push(sight), ending.signal);
  await until(() => gap.count === 2, { title: "it watches a second time" });
  await until(() => sights.length === 2, { title: "it reads again" });
  await acquire(store, BERT);
  await until(() => story(sights).at(-1) === "bert:", { title: "it shows the next change" });
  assertEquals(story(sights), [":", ":", "bert:"]);
  ending.abort();
  await watching;
  await gap.finished();
});

skippableTest("a watch ends with its connection", missing, async () => {
  await using etcd = await Etcd.start();
  using store = openStore(etcd.endpoints);
  const sights: LeaseSight[] = [];
  const failing = failureOf(store.watch((sight) => sights.push(sight), soon()), "unreachable");
  await until(() => sights.length === 1, { title: "it shows what is there" });
  await acquire(store, ANNA);
  await until(() => sights.length === 2, { title: "it stands" });
  await etcd.members[0]?.kill();
  await failing;
});

skippableTest("a silent watch begins again by itself", missing, async () => {
  await using etcd = await Etcd.start();
  const clock = new VirtualClock();
  using store = openStore(etcd.endpoints, { clock });
  const sights: LeaseSight[] = [], ending = new AbortController();
  const watching = store.watch((sight) => sights.push(sight), ending.signal);
  await until(() => clock.sleptMs.at(-1) === 60_000, { title: "it stands" });
  const { length } = clock.sleptMs;
  await clock.pass(60_001);
  await until(() => clock.sleptMs.length > length + 1, { title: "it stands again" });
  assertEquals(story(sights), [":", ":"]);
  ending.abort();
  await watching;
});

skippableTest("a watch that does not begin is an error", missing, async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  const clock = new VirtualClock();
  using store = openStore([`http://127.0.0.1:${port}`], { clock });
  const failing = failureOf(store.watch(() => {}, soon()), "unreachable");
  using connection = await silent.accept();
  await clock.pass(10_001);
  assertMatch(await failing, /no watch within 10 s/);
  assert(connection);
});

/** A way to the endpoint on which something happens before the first request to that path. */
function betweenRequests(endpoint: string, path: string, work: () => Promise<void>) {
  let count = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const url = new URL(request.url);
    if (url.pathname === path && ++count === 1) await work();
    const body = await request.text();
    return await fetch(endpoint + url.pathname, { method: "POST", body });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    get count() {
      return count;
    },
    finished: () => server.shutdown(),
    [Symbol.dispose]: () => {},
  };
}
