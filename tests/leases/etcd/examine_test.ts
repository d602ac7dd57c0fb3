// The doctor's look at a real etcd: who may read and write, what cannot be read, which endpoint is silent.
import { assertEquals, assertMatch } from "@std/assert";
import { type Examination, examineEtcd } from "../../../src/leases/etcd/examine.ts";
import { judgeLease } from "../../../src/doctor/checks/lease.ts";
import { StoreError } from "../../../src/leases/store_error.ts";
import { Etcd, etcdMissing } from "../../support/etcd.ts";
import { skippableTest } from "../../support/skippable.ts";

const HOLDER = "/exoip/198.51.100.50/holder";

skippableTest(
  "each endpoint shows what a user may do, and nothing is changed",
  etcdMissing(),
  async () => {
    const auth = { user: "edge", password: "secret", prefix: "/exoip" };
    await using etcd = await Etcd.start({ auth });
    const look = async (more: Partial<Examination> = {}) => {
      const [examined] = await examineEtcd({
        endpoints: etcd.endpoints,
        ...{ user: "edge", password: "secret", caCerts: [], certificate: null, prefix: "/exoip" },
        elasticIps: ["198.51.100.50"],
        nowMs: () => performance.now(),
        ...more,
      }, AbortSignal.timeout(20_000));
      const { sights: [sight], writing, tookMs } = examined!;
      const said = sight instanceof StoreError ? `${sight.kind}: ${sight.message}` : "";
      return { said, record: sight instanceof StoreError ? null : sight?.record, writing, tookMs };
    };
    const allowed = await look();
    assertEquals([allowed.said, allowed.record, allowed.writing], ["", null, null]);
    assertEquals(allowed.tookMs < 20_000, true);
    const elsewhere = await look({ prefix: "/other" });
    assertMatch(elsewhere.said, /denied: etcd at http:\S+ as user edge: .*permission denied/);
    assertMatch((await look({ password: "wrong" })).said, /denied: .* as user edge: .*invalid/);
    assertMatch((await look({ user: null, password: null })).said, /denied: .* without a user/);
    assertMatch((await look({ endpoints: ["http://127.0.0.1:1"] })).said, /^unreachable: /);

    await etcd.ctl("role", "add", "reader");
    await etcd.ctl("role", "grant-permission", "reader", "--prefix=true", "read", "/exoip");
    await etcd.ctl("user", "add", "reader:reader");
    await etcd.ctl("user", "grant-role", "reader", "reader");
    const reader = await look({ user: "reader", password: "reader" });
    assertEquals([reader.said, reader.writing?.kind], ["", "denied"]);
    assertEquals(await etcd.ctl("get", HOLDER), "", "nothing was written");

    await etcd.ctl("put", HOLDER, "by hand");
    assertMatch((await look()).said, /odd-answer: .*holder has a value that no exoip wrote/);
  },
);

/** What the doctor says of these endpoints. */
async function judged(endpoints: readonly string[], more: Partial<Examination> = {}) {
  const examined = await examineEtcd({
    ...{ endpoints, user: null, password: null, caCerts: [], certificate: null },
    ...{ prefix: "/exoip", elasticIps: ["198.51.100.50"], nowMs: () => performance.now() },
    ...more,
  }, AbortSignal.timeout(30_000));
  const context = { ttlMs: 60_000, prefix: "/exoip", elasticIps: ["198.51.100.50"] };
  const results = judgeLease(examined, { ...context, members: null, wallMs: Date.now() });
  return results.flatMap(({ mark, text, details = [] }) => [`${mark} ${text}`, ...details]);
}

skippableTest(
  "members of one cluster agree, and two clusters do not pass",
  etcdMissing(),
  async () => {
    await using etcd = await Etcd.start({ members: 3 });
    await using other = await Etcd.start();
    assertEquals((await judged(etcd.endpoints)).filter((text) => !text.startsWith("ok ")), []);
    const [first = "", second = ""] = [...etcd.endpoints.slice(0, 1), ...other.endpoints];
    const [text, ...details] = await judged([first, second]);
    assertMatch(text ?? "", /^FAIL .*different etcds/);
    const status = await etcd.ctl("endpoint", "status", "-w", "fields", "--cluster=false");
    const [, id = ""] = /"ClusterID" : (\d+)/.exec(status) ?? [];
    assertEquals(details[0], `${first} is of cluster ${BigInt(id).toString(16)}`);
    assertMatch(details[1] ?? "", new RegExp(`^${second} is of cluster [0-9a-f]+$`));
  },
);

skippableTest(
  "http and https mixed up, and a certificate that is missing",
  etcdMissing(),
  async () => {
    await using plain = await Etcd.start();
    await using secure = await Etcd.start({ tls: "mutual" });
    const other = (etcd: Etcd, from: string, to: string) =>
      etcd.endpoints.map((url) => url.replace(from, to));
    assertMatch((await judged(other(plain, "http:", "https:")))[1] ?? "", /: .*give http:\/\//);
    assertMatch((await judged(other(secure, "https:", "http:")))[1] ?? "", /: .*give https:\/\//);
    assertMatch((await judged(secure.endpoints))[1] ?? "", /\[tls\]: .*--ca-file/);
    const caCerts = [secure.tls!.authority.caCert];
    assertMatch(
      (await judged(secure.endpoints, { caCerts }))[1] ?? "",
      /\[tls\]: .*--lease-cert-file/,
    );
  },
);

skippableTest("an etcd without a quorum, and another service", etcdMissing(), async () => {
  await using etcd = await Etcd.start({ members: 3 });
  await Promise.all(etcd.members.slice(1).map((member) => member.kill()));
  const [text, detail] = await judged(etcd.endpoints.slice(0, 1));
  assertMatch(text ?? "", /^FAIL no endpoint/);
  assertMatch(detail ?? "", /\[unavailable\]: more than half of its members must be up/);
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("hello"),
  );
  const [strange, why] = await judged([`http://127.0.0.1:${server.addr.port}`]);
  assertMatch(strange ?? "", /^FAIL no endpoint/);
  assertMatch(why ?? "", /\[odd-answer\]: check the addresses in --lease/);
});
