// Pods with a lease: with the kubelet's files and their own user they get it from a real etcd.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { Cluster } from "../support/cluster.ts";
import { Etcd } from "../support/etcd.ts";
import { freeTcpPort } from "../support/ports.ts";
import { CLOUD_AUTHORITY } from "../support/tls/cloud_identity.ts";
import { until } from "../support/until.ts";
import { ofKind, render, VALIDATE } from "./chart.ts";
import { Pod, type Secrets } from "./pod.ts";
import { inFolder, machineTest, shipped } from "./requirements.ts";
import { yamlDocuments } from "./yaml.ts";

const NEEDS = {
  root: true,
  binary: true,
  tools: [
    ...VALIDATE.tools,
    ...["setpriv (util-linux)", "unshare (util-linux)"],
    ...["etcd (etcd-server)", "etcdctl (etcd-client)"],
  ],
};
const PASSWORD = "correct horse";
/** What the program says of a file that others may read or write. */
const DOUBT = /everybody on this machine|others may|belongs to another user/;

/** A cloud with one node, an etcd with users whose clients need certificates, and the files for it. */
interface World {
  readonly folder: string;
  readonly cluster: Cluster;
  readonly etcd: Etcd;
  readonly files: Readonly<Record<"ca" | "cert" | "key", string>>;
}

function podTest(name: string, body: (world: World) => Promise<void>): void {
  machineTest(name, NEEDS, () =>
    inFolder(async (folder) => {
      const auth = { user: "exoip", password: PASSWORD, prefix: "/exoip/" };
      await using etcd = await Etcd.start({ tls: "mutual", auth });
      const cluster = new Cluster({ count: 1 });
      try {
        const { authority, client } = etcd.tls!;
        const files = { ca: authority.caCert + CLOUD_AUTHORITY, ...client };
        await body({ folder, cluster, etcd, files });
      } finally {
        await cluster.close();
      }
    }));
}

/** Where the only node finds its cloud, and what the cloud says that it is. */
function placeOf({ cluster }: World): Record<string, string> {
  return {
    IF_EXOSCALE_API_ENDPOINT: cluster.server.endpoint("v2"),
    IF_EXOSCALE_INSTANCE_ID: cluster.node(1).instance.id,
  };
}

/** A pod of the chart on the only node, with that lease. */
async function podWith(world: World, lease: Readonly<Record<string, string>>): Promise<Pod> {
  const { folder, cluster, etcd } = world;
  const values = {
    elasticIPs: [cluster.address.ip],
    apiKey: { key: SIM_KEY, secret: SIM_SECRET },
    peers: { from: "static", addresses: [cluster.node(1).instance.address] },
    heartbeatPort: cluster.port,
    status: { port: freeTcpPort() },
    drainOn: "",
    lease: { store: `etcd:${etcd.endpoints.join()}`, user: "exoip", ...lease },
    options: placeOf(world),
  };
  return new Pod(folder, await render(folder, values));
}

/** The pod gets the lease and the address, says nothing against its files, and gives both back. */
async function serves({ cluster, etcd }: World, pod: Pod): Promise<void> {
  const key = `/exoip/${cluster.address.ip}/holder`;
  const process = pod.start();
  try {
    const ended = () => process.code !== null;
    await until(() => cluster.address.holders.size === 1 || ended(), { title: "the pod holds" });
    assertEquals(cluster.holders, ["node-1"], process.output);
    assertMatch((await etcd.get(key))?.value ?? "", new RegExp(cluster.node(1).instance.id));
    assert(!DOUBT.test(process.output), process.output);
    process.signal("SIGTERM");
    assertEquals(await process.ended(), 0, process.output);
    assertEquals(await etcd.get(key), null);
    assertEquals(cluster.holders, []);
  } finally {
    process.signal("SIGKILL");
    await process.ended();
  }
}

/** Secrets as a user has them: the password in one, the rest in one of cert-manager. */
function secretsOf({ files: { ca, cert, key } }: World, password = PASSWORD): Secrets {
  return { etcd: { password }, "etcd-client": { "ca.crt": ca, "tls.crt": cert, "tls.key": key } };
}

const NAMES = {
  existingSecret: "etcd",
  certificateSecret: "etcd-client",
  caField: "ca.crt",
  certField: "tls.crt",
  keyField: "tls.key",
};

podTest("a pod gets its lease with the secrets of a user", async (world) => {
  const pod = await podWith(world, NAMES);
  await pod.mount(secretsOf(world));
  await serves(world, pod);
});

podTest("a pod gets its lease with the secret that the chart makes", async (world) => {
  const pod = await podWith(world, { password: PASSWORD, ...world.files });
  await pod.mount({});
  await serves(world, pod);
});

podTest("a pod of the static manifest gets its lease as its page says", async (world) => {
  const { folder, cluster, etcd, files: { ca, cert, key } } = world;
  const documents = await yamlDocuments(shipped("kubernetes/exoip.yaml"));
  Object.assign(ofKind(documents, "Secret").stringData, {
    "api-key": SIM_KEY,
    "api-secret": SIM_SECRET,
    "etcd-password": PASSWORD,
    "ca": ca,
    "tls.crt": cert,
    "tls.key": key,
  });
  const { data } = ofKind(documents, "ConfigMap");
  delete data.IF_EXOSCALE_PEER_GROUP;
  delete data.IF_DRAIN_ON;
  Object.assign(data, placeOf(world), {
    IF_EXOSCALE_PEERS: cluster.node(1).instance.address,
    IF_BIND_TO: `:${cluster.port}`,
    IF_LISTEN_STATUS: `:${freeTcpPort()}`,
    IF_LEASE: `etcd:${etcd.endpoints.join()}`,
    IF_LEASE_USER: "exoip",
    IF_LEASE_PASSWORD_FILE: "/run/secrets/exoip/etcd-password",
    IF_CA_FILE: "/run/secrets/exoip/ca",
    IF_LEASE_CERT_FILE: "/run/secrets/exoip/tls.crt",
    IF_LEASE_KEY_FILE: "/run/secrets/exoip/tls.key",
  });
  const { volumes } = ofKind(documents, "DaemonSet").spec.template.spec;
  const { secret: { items } } = volumes.find(({ name }: { name: string }) => name === "secret");
  for (const name of ["etcd-password", "ca", "tls.crt", "tls.key"]) {
    items.push({ key: name, path: name });
  }
  const pod = new Pod(folder, documents);
  await pod.mount({});
  await serves(world, pod);
});

podTest("exoip reads a pod's files by its group, and says so if everybody may", async (world) => {
  const pod = await podWith(world, NAMES);
  const check = async (mode?: number) => {
    await pod.mount(secretsOf(world), mode);
    const process = pod.start("-n");
    assertEquals(await process.ended(), 0, process.output);
    return process.output;
  };
  const good = await check();
  assert(!DOUBT.test(good), good);
  const open = await check(0o444);
  for (const name of ["exoip/api-secret", "exoip-lease/password", "exoip-lease/key.pem"]) {
    const text = `/run/secrets/${name} has a secret and everybody on this machine may read it`;
    assert(open.includes(text), open);
  }
});

/** Runs a pod's watchdog until it holds, then that, then ends it. */
async function holding(
  world: World,
  then: (pod: Pod, watchdog: ReturnType<Pod["start"]>) => Promise<void>,
): Promise<Pod> {
  const pod = await podWith(world, NAMES);
  await pod.mount(secretsOf(world));
  const process = pod.start();
  try {
    await until(() => world.cluster.address.holders.size === 1, { title: "the pod holds" });
    await then(pod, process);
  } finally {
    process.signal("SIGKILL");
    await process.ended();
  }
  return pod;
}

podTest("beside the watchdog of a pod the doctor examines its lease", async (world) => {
  await holding(world, async (pod) => {
    const doctor = pod.start("--doctor");
    await doctor.ended();
    assertMatch(doctor.output, /^ok +lease +the keys below \/exoip\/ .* may be read and written$/m);
    assertMatch(doctor.output, /^ok +port .* a watchdog runs here already and answers$/m);
    assert(!/^FAIL +lease/m.test(doctor.output), doctor.output);
  });
});

podTest("a secret that changes reaches a pod at its next start, or with SIGHUP", async (world) => {
  const pod = await holding(world, async (pod, process) => {
    await pod.mount(secretsOf(world, "another horse"));
    // The old password is the one that etcd knows, so the pod still serves.
    process.signal("SIGHUP");
    const told = () => /now in force: .*--lease-password-file/.test(process.output);
    await until(told, { title: "the new password is in use" });
    assertEquals(world.cluster.holders, ["node-1"]);
  });
  const again = pod.start();
  try {
    const refused = () => /authentication failed|invalid user/.test(again.output);
    await until(refused, { title: "the next start has the new password, which etcd refuses" });
  } finally {
    again.signal("SIGKILL");
    await again.ended();
  }
});
