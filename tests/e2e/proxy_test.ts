// A proxy in the environment is not used for the metadata service, a plain endpoint, a check of this machine, or the
// store of the lease.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Cluster } from "../support/cluster.ts";
import { Etcd, etcdMissing } from "../support/etcd.ts";
import { SIM_KEY } from "../support/cloud/api_v2.ts";
import { freeTcpPort } from "../support/ports.ts";
import { ExoipProcess } from "../support/process.ts";
import { skippableTest } from "../support/skippable.ts";
import { CLOUD_AUTHORITY } from "../support/tls/cloud_identity.ts";
import { until } from "../support/until.ts";

for (const variable of ["HTTP_PROXY", "http_proxy", "ALL_PROXY"]) {
  Deno.test(`${variable} is asked neither for a plain endpoint nor for checks`, () =>
    withProxy(variable));
}

async function withProxy(variable: string): Promise<void> {
  const asked: string[] = [];
  const proxy = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    asked.push(request.url);
    return new Response("the proxy's word");
  });
  const port = freeTcpPort();
  const cluster = new Cluster({ count: 1, tls: false });
  const node = cluster.node(1);
  const place = `http://127.0.0.1:${proxy.addr.port}`;
  try {
    const env = { [variable]: place };
    cluster.start(node, { env, args: ["--check", `http://127.0.0.1:${port}/`] });
    await until(() => cluster.holders.join() === "node-1", { title: "the cloud itself is asked" });
    await until(() => node.process?.output.includes("check-failing") === true, {
      title: "the dead service is seen to be dead",
    });
    // The runtime itself may check for updates.
    assertEquals(asked.filter((url) => url.includes("127.0.0.1")), []);
    assert(!node.process?.output.includes("the proxy's word"));
  } finally {
    await cluster.close();
    await proxy.shutdown();
  }
}

skippableTest("HTTPS_PROXY is not asked for the store of the lease", etcdMissing(), async () => {
  // 127.0.0.1 never needs a proxy.
  await using etcd = await Etcd.start({ machines: [{ address: "127.0.0.2" }], tls: "server" });
  const asked: string[] = [];
  const proxy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asking = hear(proxy, asked);
  const cluster = new Cluster({ count: 1 });
  const node = cluster.node(1), caFile = await Deno.makeTempFile({ prefix: "exoip-" });
  try {
    await Deno.writeTextFile(caFile, `${CLOUD_AUTHORITY}\n${etcd.tls?.authority.caCert}`);
    const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.addr.port}` };
    const args = ["--lease", `etcd:${etcd.endpoints[0]}`, "--ca-file", caFile];
    cluster.start(node, { env, args });
    await until(() => cluster.heldBy(node), { title: "it gets the lease, and holds" });
    const where = ["-l", `127.0.0.1:${freeTcpPort()}`, "-i", node.instance.id, "-xk", SIM_KEY];
    const doctor = new ExoipProcess([
      ...["--doctor", "-xi", "198.51.100.50", "-xs", "secret", "-p", "127.0.0.1"],
      ...[...where, ...cluster.server.args("v2"), ...args],
    ], { env });
    await doctor.ended();
    assertMatch(doctor.output, /^ok +lease +.* may be read and written/m);
    assertEquals(asked.filter((line) => line.includes("127.0.0.2")), []);
  } finally {
    await cluster.close();
    proxy.close();
    await asking;
    await Deno.remove(caFile);
  }
});

/** Collects the first line that each client sends, and closes the connection. */
async function hear(proxy: Deno.Listener, asked: string[]): Promise<void> {
  for await (const client of proxy) {
    const bytes = new Uint8Array(1_000), length = await client.read(bytes).catch(() => 0) ?? 0;
    asked.push(new TextDecoder().decode(bytes.subarray(0, length)).split("\r\n")[0] ?? "");
    client.close();
  }
}
