// A lease in a real etcd, with real processes: who may hold, with heartbeats and without.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Cluster, type ClusterNode } from "../support/cluster.ts";
import { Etcd, etcdMissing } from "../support/etcd.ts";
import { ExoipProcess } from "../support/process.ts";
import { skippableTest } from "../support/skippable.ts";
import { until } from "../support/until.ts";

const TTL_S = 4;

for (const heartbeats of ["udp", "none"]) {
  const title = `with a lease and --heartbeats ${heartbeats}, a crash and a stop move the address`;
  skippableTest(title, etcdMissing(), async () => {
    await using etcd = await Etcd.start();
    const cluster = new Cluster({ count: 3 });
    const start = (node: ClusterNode) => {
      const lease = ["--lease", `etcd:${etcd.endpoints[0]}`, "--lease-ttl", `${TTL_S}`];
      const args = [...lease, "--heartbeats", heartbeats];
      const peers = heartbeats === "none" ? { peers: null } : {};
      cluster.start(node, { priority: 10 * cluster.number(node), args, ...peers });
    };
    const holds = (node: ClusterNode) =>
      until(() => cluster.holders.join() === node.name, {
        title: `${node.name} holds`,
        withinMs: 60_000,
      });
    const [one, two] = [cluster.node(1), cluster.node(2)];
    try {
      for (const node of cluster.nodes) start(node);
      await holds(one);
      const record = JSON.parse(
        await etcd.ctl("get", "/exoip/198.51.100.50/holder", "--print-value-only"),
      );
      assertEquals(record.instanceId, one.instance.id);
      const port = ["-l", `${two.instance.address}:${cluster.port}`];
      const told = async () => {
        const status = new ExoipProcess(["--status", "--json", ...port]);
        await status.ended();
        const { addresses: [view] } = JSON.parse(
          status.output.slice(status.output.indexOf("{"), status.output.lastIndexOf("}") + 1),
        );
        return view.lease?.owner?.instanceId === one.instance.id && view.peers.length === 2;
      };
      await until(told, { title: "the others know who owns it", everyMs: 300 });

      cluster.stop(one, "SIGKILL");
      await holds(two);
      start(one);
      await holds(one);
      one.process?.signal("SIGTERM");
      assertEquals(await one.process?.ended(), 0);
      await holds(two);
      assertMatch(one.lines.map(({ text }) => text).join("\n"), /lease-released: /);
      const { history } = cluster.server.model;
      assert(history.every(({ holders }) => holders.length < 2), JSON.stringify(history));
    } finally {
      await cluster.close();
    }
  });
}

skippableTest("--doctor looks at the store of the lease", etcdMissing(), async () => {
  await using etcd = await Etcd.start();
  const cluster = new Cluster({ count: 2 });
  const one = cluster.node(1);
  try {
    const doctor = new ExoipProcess([
      ...["--doctor", "-xi", "198.51.100.50", "-xk", "EXOsim", "-xs", "secret"],
      ...[
        ...cluster.server.args("v2"),
        "-i",
        one.instance.id,
        "-p",
        cluster.node(2).instance.address,
      ],
      ...["-l", `${one.instance.address}:${cluster.port}`, "--lease"],
      ...[`etcd:${etcd.endpoints[0]},http://127.0.0.1:1`],
    ]);
    await doctor.ended();
    assertMatch(
      doctor.output,
      /^warn +lease +etcd at http:\/\/127\.0\.0\.1:1: .*the others do its/m,
    );
    assertMatch(doctor.output, /^ok +lease +.* may be read and written/m);
    assertMatch(doctor.output, /^ok +lease +nobody has the lease of 198\.51\.100\.50/m);
  } finally {
    await cluster.close();
  }
});
