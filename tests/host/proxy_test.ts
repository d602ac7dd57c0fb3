// Which proxies in the environment remain: only those for `https://` to other machines.
import { assertEquals } from "@std/assert";
import { keepDirect, keepPlainRequestsDirect } from "../../src/host/proxy.ts";

/** The variables afterwards. */
function kept(
  given: Record<string, string>,
  keep: (env: Parameters<typeof keepPlainRequestsDirect>[0]) => void = keepPlainRequestsDirect,
): Record<string, string> {
  const values = new Map(Object.entries(given));
  keep({
    get: (name) => values.get(name),
    set: (name, value) => void values.set(name, value),
    delete: (name) => void values.delete(name),
  });
  return Object.fromEntries(values);
}

const LOCAL = "localhost,127.0.0.1,::1";

Deno.test("keepPlainRequestsDirect() leaves a proxy to https and to other machines", () => {
  assertEquals(kept({}), {});
  assertEquals(kept({ HTTP_PROXY: "http://a", http_proxy: "http://b" }), {});
  const all = { HTTPS_PROXY: "http://a", NO_PROXY: LOCAL, no_proxy: LOCAL };
  assertEquals(kept({ ALL_PROXY: "http://a" }), all);
  assertEquals(kept({ all_proxy: "http://a" }), all);
  const own = { https_proxy: "http://c", no_proxy: "cloud.test" };
  const more = `cloud.test,${LOCAL}`;
  assertEquals(kept({ ...own, ALL_PROXY: "http://a" }), {
    https_proxy: "http://c",
    NO_PROXY: more,
    no_proxy: more,
  });
});

Deno.test("keepDirect() adds hosts to those that need no proxy, if there is one", () => {
  const keep = (given: Record<string, string>) =>
    kept(given, (env) => keepDirect(["etcd-1.test", "2001:db8::1"], env));
  assertEquals(keep({}), {});
  assertEquals(keep({ NO_PROXY: "a.test" }), { NO_PROXY: "a.test" });
  const hosts = "etcd-1.test,2001:db8::1", proxy = { HTTPS_PROXY: "http://a" };
  assertEquals(keep(proxy), { ...proxy, NO_PROXY: hosts, no_proxy: hosts });
  const both = `cloud.test,${hosts}`;
  assertEquals(keep({ https_proxy: "http://a", no_proxy: "cloud.test" }), {
    https_proxy: "http://a",
    NO_PROXY: both,
    no_proxy: both,
  });
});
