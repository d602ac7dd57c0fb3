// The doctor's look at a real etcd: who may read and write, what cannot be read, which endpoint is silent.
import { assertEquals, assertMatch } from "@std/assert";
import { type Examination, examineEtcd } from "../../../src/leases/etcd/examine.ts";
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
