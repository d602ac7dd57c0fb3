// The commands that move the address, on real processes: what they say, what they exit with, and that the address never
// has no holder.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Cluster, type ClusterNode, ELASTIC_IP, PATIENT } from "../support/cluster.ts";
import { ExoipProcess } from "../support/process.ts";
import { until } from "../support/until.ts";

/** A cluster whose nodes have a control socket each, in a folder of its own. */
class Controlled extends Cluster {
  readonly folder = Deno.makeTempDirSync();

  socket(node: ClusterNode): string {
    return `${this.folder}/${node.name}.sock`;
  }

  begin(node: ClusterNode, priority: number, args: readonly string[] = []): void {
    const own = [
      "--control-socket",
      this.socket(node),
      "--state-dir",
      `${this.folder}/${node.name}`,
    ];
    this.start(node, { priority, args: [...own, ...args] });
  }

  /** Starts all with priorities 10, 20, ... and waits until the first holds. */
  async beginAll(args: readonly string[] = []): Promise<void> {
    for (const node of this.nodes) this.begin(node, 10 * this.number(node), args);
    await this.holds("node-1");
    for (const { process, name } of this.nodes.slice(1)) {
      const decided = () => /role: backup \((outranked|deferring)/.test(process?.output ?? "");
      await until(decided, { title: `${name} has decided` });
    }
    await this.meet();
    await this.heardToHold(this.node(1));
  }

  async holds(name: string): Promise<void> {
    await until(() => this.holders.join() === name, { title: `${name} holds` });
  }

  /** Runs a command for the watchdog of a node. */
  async command(
    node: ClusterNode,
    ...args: string[]
  ): Promise<{ readonly code: number; readonly output: string }> {
    const state = ["--state-dir", `${this.folder}/${node.name}`, "-l", `:${this.port}`];
    const command = new ExoipProcess([...args, ...state, "--control-socket", this.socket(node)], {
      env: { USER: "olga", SUDO_USER: "" },
    });
    return { code: await command.ended(), output: command.output };
  }

  override async close(): Promise<void> {
    await super.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function withCluster(
  count: number,
  test: (cluster: Controlled) => Promise<void>,
): Promise<void> {
  const cluster = new Controlled({ ...PATIENT, count });
  try {
    await test(cluster);
  } finally {
    await cluster.close();
  }
}

Deno.test("--demote hands over without a gap, says who holds, and --promote brings it back", async () => {
  await withCluster(3, async (cluster) => {
    const [one] = [cluster.node(1)];
    await cluster.beginAll();
    const demoted = await cluster.command(one, "--demote");
    assertEquals(demoted.code, 0, demoted.output);
    assertMatch(
      demoted.output,
      /^exoip: node-2 \(127\.0\.0\.2\) holds 198\.51\.100\.50 now, after \d+\.\d s$/,
    );
    assertEquals(cluster.holders, ["node-2"]);
    assertMatch(one.process?.output ?? "", /demote: demoted for 198\.51\.100\.50 by olga/);
    assertMatch(one.process?.output ?? "", /role: backup \(demoted by olga; makes way for/);
    const again = await cluster.command(one, "--demote");
    assertEquals(again.code, 0, again.output);
    assertMatch(again.output, /node-2 \(127\.0\.0\.2\) holds 198\.51\.100\.50, as before/);
    const back = await cluster.command(one, "--promote");
    assertEquals(back.code, 0, back.output);
    assertMatch(back.output, /this node.* 198\.51\.100\.50 now, after/);
    await cluster.holds("node-1");
    assertEquals(cluster.gaps, []);
  });
});

Deno.test("--promote puts a worse node first, in spite of --no-preempt, and as JSON", async () => {
  await withCluster(2, async (cluster) => {
    await cluster.beginAll(["--no-preempt"]);
    const two = cluster.node(2);
    const { code, output } = await cluster.command(two, "--promote", "--json");
    assertEquals(code, 0, output);
    const { ok, addresses: [moved] } = JSON.parse(output);
    assertEquals([ok, moved.outcome, moved.stand.priority], [true, "moved", 9]);
    await cluster.holds("node-2");
    assertEquals(cluster.gaps, []);
  });
});

Deno.test("--promote is refused when a peer has priority 0, and changes nothing", async () => {
  await withCluster(2, async (cluster) => {
    const [one, two] = [cluster.node(1), cluster.node(2)];
    cluster.begin(one, 0);
    cluster.begin(two, 20);
    await cluster.holds("node-1");
    await cluster.meet();
    const { code, output } = await cluster.command(two, "--promote");
    assertEquals(code, 1, output);
    assertMatch(
      output,
      /cannot go first for 198\.51\.100\.50: peer node-1 \(127\.0\.0\.1\) has pri/,
    );
    assertEquals(cluster.holders, ["node-1"]);
  });
});

Deno.test("--demote of a node that is alone keeps the address, says so, and hands over later", async () => {
  await withCluster(2, async (cluster) => {
    const [one, two] = [cluster.node(1), cluster.node(2)];
    cluster.begin(one, 10);
    await cluster.holds("node-1");
    // The change shows in the cloud before its node knows it.
    const knows = () => /\] attached: /.test(one.process?.output ?? "");
    await until(knows, { title: "it knows that it holds" });
    const { code, output } = await cluster.command(one, "--demote", "-xi", ELASTIC_IP);
    assertEquals(code, 1, output);
    assertMatch(
      output,
      /no other node can serve 198\.51\.100\.50: this node keeps it until one can/,
    );
    assertEquals(cluster.holders, ["node-1"]);
    cluster.begin(two, 20);
    await cluster.holds("node-2");
    assertEquals(cluster.gaps, []);
  });
});

Deno.test("a control socket that is stale is replaced, and one that is alive is not", async () => {
  await withCluster(2, async (cluster) => {
    const [one, two] = [cluster.node(1), cluster.node(2)];
    await cluster.beginAll();
    const { mode } = await Deno.stat(cluster.socket(one));
    assertEquals((mode ?? 0) & 0o777, 0o600);
    cluster.stop(one, "SIGKILL");
    await one.process?.ended();
    assert((await Deno.lstat(cluster.socket(one))).isSocket, "it is left behind");
    const nobody = await cluster.command(one, "--demote");
    assertEquals(nobody.code, 1);
    assertMatch(nobody.output, /no watchdog listens on .*node-1\.sock: --demote needs one that/);
    cluster.begin(one, 10);
    await until(() => one.role === "master", { title: "it is master again" });
    const { code, output } = await cluster.command(one, "--demote");
    assertEquals(code, 0, output);
    // The second node is started again with the socket of the first.
    cluster.stop(two, "SIGTERM");
    await two.process?.ended();
    cluster.start(two, { priority: 20, args: ["--control-socket", cluster.socket(one)] });
    await until(
      () => /control: .*another process listens there/.test(two.process?.output ?? ""),
      {
        title: "the second one says that it has none",
      },
    );
    await cluster.holds("node-2");
    const still = await cluster.command(one, "--promote");
    assertEquals(still.code, 0, still.output);
  });
});

Deno.test({
  name: "another user is refused by the control socket",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    await withCluster(2, async (cluster) => {
      const one = cluster.node(1);
      await cluster.beginAll();
      await Deno.chmod(cluster.folder, 0o755);
      // A stranger may not be able to run exoip from where it is, so only its connection is tried.
      const script = "use Socket; socket(S, AF_UNIX, SOCK_STREAM, 0) or die; " +
        'connect(S, pack_sockaddr_un($ARGV[0])) or die "refused: $!"';
      const args = ["-e", script, cluster.socket(one)];
      const other = new Deno.Command("perl", { args, uid: 65_534, gid: 65_534, stderr: "piped" });
      const { code, stderr } = await other.output();
      assertMatch(new TextDecoder().decode(stderr), /refused: Permission denied/);
      assert(code !== 0);
      assertEquals((await new Deno.Command("perl", { args }).output()).code, 0, "the owner is not");
    });
  },
});

Deno.test("--drain hands over and outlives SIGKILL, --undrain ends it", async () => {
  await withCluster(2, async (cluster) => {
    const one = cluster.node(1);
    await cluster.beginAll();
    const drained = await cluster.command(one, "--drain", "--reason", "kernel update");
    assertEquals(drained.code, 0, drained.output);
    assertMatch(drained.output, /node-2 \(127\.0\.0\.2\) holds 198\.51\.100\.50 now, after/);
    const told = /role: backup \(drained by olga: kernel update; makes way for node-2 \(127/;
    assertMatch(one.process?.output ?? "", told);
    cluster.stop(one, "SIGKILL");
    await one.process?.ended();
    cluster.begin(one, 10);
    const again = /drain: drained by olga since 20.*Z: kernel update; exoip --undrain ends/;
    await until(() => again.test(one.process?.output ?? ""), { title: "it reads the record" });
    await until(() => told.test(one.process?.output ?? ""), { title: "it stays drained" });
    assertEquals(cluster.holders, ["node-2"]);
    const first = await cluster.command(one, "--promote");
    assertEquals(first.code, 1, first.output);
    assertMatch(first.output, /this node is drained by olga: kernel update: run exoip --undrain/);
    const back = await cluster.command(one, "--undrain");
    assertEquals(back.code, 0, back.output);
    assertMatch(back.output, /no longer drained; /);
    await cluster.holds("node-1");
    assertEquals(cluster.gaps, []);
    cluster.stop(one, "SIGTERM");
    await one.process?.ended();
    cluster.begin(one, 10);
    await cluster.holds("node-1");
  });
});

Deno.test("--drain without a watchdog takes effect at its next start", async () => {
  await withCluster(2, async (cluster) => {
    const [one, two] = [cluster.node(1), cluster.node(2)];
    const { code, output } = await cluster.command(one, "--drain");
    assertEquals(code, 0, output);
    assertMatch(output, /drained from the next start on: no watchdog listens on .*node-1\.sock/);
    cluster.begin(two, 20);
    await cluster.holds("node-2");
    cluster.begin(one, 10);
    await until(() => /role: backup \(drained by olga/.test(one.process?.output ?? ""), {
      title: "it is drained",
    });
    assertEquals(cluster.holders, ["node-2"]);
    await cluster.meet();
    // Alone it serves all the same.
    cluster.stop(two, "SIGTERM");
    await cluster.holds("node-1");
    assertEquals(cluster.gaps, []);
  });
});

Deno.test("a broken record counts as a drain, and --undrain ends it", async () => {
  await withCluster(2, async (cluster) => {
    const [one, two] = [cluster.node(1), cluster.node(2)];
    await Deno.mkdir(`${cluster.folder}/node-1`);
    const file = `${cluster.folder}/node-1/${cluster.port}.drain.json`;
    await Deno.writeTextFile(file, '{"drained":tr');
    cluster.begin(two, 20);
    await cluster.holds("node-2");
    cluster.begin(one, 10);
    await until(() => /role: backup \(drained by unknown/.test(one.process?.output ?? ""), {
      title: "it is drained",
    });
    assertMatch(
      one.process?.output ?? "",
      /drain: counts as drained, because .*drain\.json cannot/,
    );
    const { code, output } = await cluster.command(one, "--undrain");
    assertEquals(code, 0, output);
    await cluster.holds("node-1");
  });
});
