// A proxy in the environment is not used for the metadata service, a plain endpoint, or a check of this machine.
import { assert, assertEquals } from "@std/assert";
import { Cluster } from "../support/cluster.ts";
import { freeTcpPort } from "../support/ports.ts";
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
