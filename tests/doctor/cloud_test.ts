// The doctor and further properties of the real cloud: pools, policies, IPv6.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { linesOf } from "./examination.ts";

const LONG = "2001:db8:0:1:2::1";

Deno.test("--doctor tells how to take an Elastic IP off a pool", async () => {
  const { lines } = await linesOf("address", {}, ({ model, self, address }) => {
    self.poolId = "00000008-0000-4000-8000-000000000001";
    model.pools.set(self.poolId, [address.id]);
  });
  assertMatch(
    lines[0] ?? "",
    /take its Elastic IPs off it: exo api reset-instance-pool-field 00000008-\S+ elastic-ips$/,
  );
});

Deno.test("--doctor names the organisation's policy beside the role", async () => {
  const { lines } = await linesOf("key", {}, ({ model }) => {
    model.role = { "default-service-strategy": "deny", services: {} };
  });
  const denied = lines.filter((line) => line.startsWith("FAIL"));
  assert(denied.length > 0);
  for (const line of denied) {
    assertMatch(line, /key's role.* and in the policy of the organisation/);
  }
});

Deno.test("--doctor says that an instance without IPv6 cannot have an Elastic IPv6", async () => {
  const argv = ["-xi", LONG];
  const without = await linesOf("address", { argv }, ({ model }) => void model.addAddress(LONG));
  const cure =
    /FAIL this instance cannot have 2001:.*: exo api update-instance 00000001-\S+ 'public-/;
  assertMatch(without.lines.join("\n"), cure);
  assertEquals(without.code, 1);
  const dual = await linesOf("address", { argv }, ({ model, self }) => {
    self.dual = true;
    model.addAddress("2001:DB8:0:1:2:0:0:1");
  });
  assert(!dual.lines.some((line) => line.startsWith("FAIL")), dual.lines.join("\n"));
  assertMatch(dual.lines.join("\n"), /warn the cloud writes .* as 2001:DB8:0:1:2:0:0:1: a role/);
});

Deno.test("--doctor takes any address of an Elastic IPv6, and a local route, for having it", async () => {
  const on = async (addresses: string[], routed = false) => {
    const interfaces = () => addresses.map((address) => ({ name: "lo", address }));
    const isLocalAddress = (address: string) => routed || addresses.includes(address);
    const host = { interfaces, isLocalAddress };
    const { lines } = await linesOf("interface", { argv: ["-xi", LONG], host });
    return lines[0] ?? "";
  };
  assertEquals(await on(["::1", LONG]), `ok ${LONG} is on the interface lo`);
  assertEquals(
    await on(["2001:db8:0:1:2::77"]),
    `ok ${LONG} (2001:db8:0:1:2::77 of 2001:db8:0:1:2::/96) is on the interface lo`,
  );
  assertMatch(
    await on(["::1"]),
    /^FAIL .*ip -6 route add local 2001:db8:0:1:2::\/96 dev lo, which/,
  );
  assertEquals(
    await on(["::1"], true),
    "ok 2001:db8:0:1:2::/96 is taken by a route of type local",
  );
});

Deno.test("--doctor says which file tells who this machine is", async () => {
  const told = async (files: Record<string, string>) => {
    const id = "00000001-0000-4000-8000-000000000001";
    const missing = (what: string) => Promise.reject(new Deno.errors.NotFound(what));
    const readTextFile = (path: string) =>
      files[path] === undefined ? missing(path) : Promise.resolve(files[path].replace("ID", id));
    const machine = { root: "", fetch: missing, run: missing, readTextFile };
    const { lines } = await linesOf("identity", { identity: [], host: { machine } as never });
    return lines[0] ?? "";
  };
  const id = /^ok instance 00000001-\S+, told by /;
  for (const path of ["/run/cloud-init/.instance-id", "/var/lib/cloud/data/instance-id"]) {
    const line = await told({ [path]: "ID\n", "/run/cloud-init/status.json": "{}" });
    assertMatch(line, id);
    assert(line.endsWith(`told by ${path}`), line);
  }
  assertMatch(await told({ "/sys/class/dmi/id/product_uuid": "ID" }), /told by the system UUID$/);
});
