// https checks of a server whose certificate authority only the operator knows.
import { Authority } from "../support/tls/authority.ts";
import { CLOUD_AUTHORITY } from "../support/tls/cloud_identity.ts";
import { Cluster } from "../support/cluster.ts";
import { until } from "../support/until.ts";

Deno.test("an https check wants a certificate of a known authority; --ca-file makes one known", async () => {
  await using authority = await Authority.create();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    ...authority.certificate("localhost"),
    onListen() {},
    onError: () => new Response(null, { status: 500 }),
  }, () => new Response("ok"));
  const cluster = new Cluster({ count: 2 });
  const [one, two] = [cluster.node(1), cluster.node(2)];
  const args = ["--check", `https://localhost:${server.addr.port}/`, "--check-timeout", "30s"];
  try {
    // Both nodes also trust the cloud's authority.
    await Deno.writeTextFile(authority.caFile, CLOUD_AUTHORITY, { append: true });
    cluster.start(one, { priority: 10, args });
    cluster.start(two, { priority: 20, args: [...args, "--ca-file", authority.caFile] });
    const says = (node: typeof one, text: string) => () =>
      node.process?.output.includes(text) === true;
    const unknown = "/: certificate of an unknown authority";
    await until(says(one, unknown), { title: "without the authority it fails" });
    await until(says(two, "check-passing: https://localhost"), { title: "with it it is well" });
  } finally {
    await cluster.close();
    await server.shutdown();
  }
});
