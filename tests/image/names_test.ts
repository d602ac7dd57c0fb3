// Names and certificates in a container whose only system files are loader and libraries.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../support/until.ts";
import { Archives } from "./archive.ts";
import { CLOUD_NAME, ContainerCluster } from "./container_cluster.ts";
import { imageTest } from "./requirements.ts";

const NEEDS = { needs: ["runc", "namespaces"] } as const;

/** Attaches once and returns the outcome. */
async function attach(
  cluster: ContainerCluster,
  options: Parameters<ContainerCluster["start"]>[2],
): Promise<{ code: number; output: string }> {
  cluster.address.holders.clear();
  const { id } = cluster.node(1).instance;
  const container = await cluster.start(1, ["-A", "-O", "-i", id], options);
  const code = await container.ended();
  return { code, output: container.output };
}

imageTest("names come from /etc/hosts first, then from the name server", async (binary) => {
  await using archives = await Archives.make(binary);
  await using cluster = await ContainerCluster.create(archives);
  const { cloudHostname } = cluster.network;

  const byServer = await attach(cluster, {});
  assertEquals(byServer.code, 0, byServer.output);
  assertEquals(cluster.holders, ["node-1"]);
  assert(cluster.names.asked.includes(CLOUD_NAME));

  const asked = cluster.names.asked.length;
  const files = { "/etc/hosts": `${cloudHostname} ${CLOUD_NAME}\n` };
  const byFile = await attach(cluster, { files });
  assertEquals(byFile.code, 0, byFile.output);
  assertEquals(cluster.holders, ["node-1"]);
  assertEquals(cluster.names.asked.slice(asked), [], "the name server was not needed");

  const nobody = await attach(cluster, { endpoint: cluster.endpoint("unknown.cloud.test") });
  assertEquals(nobody.code, 1, nobody.output);
  assertMatch(nobody.output, /\[name-resolution\]/);
  assertEquals(cluster.holders, []);
}, NEEDS);

imageTest("a peer may be a name, and the metadata service is found by its name", async (binary) => {
  await using archives = await Archives.make(binary);
  await using cluster = await ContainerCluster.create(archives);
  const { cloudHostname } = cluster.network;
  const hosts = `${cloudHostname} metadata.exoscale.com\n${cluster.network.address(2)} other\n`;
  const container = await cluster.start(1, ["-W", "-O", "-p", "other"], {
    files: { "/etc/hosts": hosts },
  });
  await until(() => cluster.holders.join() === "node-1" || container.code !== null, {
    title: "holds",
  });
  assertEquals(container.code, null, container.output);
  assertMatch(await cluster.info(1), new RegExp(cluster.network.address(2).replaceAll(".", "\\.")));
}, NEEDS);

imageTest(
  "certificates are checked: a stranger's is refused, a trusted one's is not",
  async (binary) => {
    await using archives = await Archives.make(binary);
    await using cluster = await ContainerCluster.create(archives);
    const refused = await attach(cluster, { env: { IF_CA_FILE: "" } });
    assertEquals(refused.code, 1, refused.output);
    assertMatch(refused.output, /certificate/i);
    assertEquals(cluster.server.calls, []);
    const trusted = await attach(cluster, {});
    assertEquals(trusted.code, 0, trusted.output);
    assertEquals(cluster.holders, ["node-1"]);
    assert(cluster.server.calls.length > 0);
  },
  NEEDS,
);
