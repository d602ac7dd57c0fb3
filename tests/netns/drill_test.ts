// --drill on real machines: the address moves there and back, a service is asked from outside all the time, and a
// cluster that is not healthy is left alone.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { type ClusterNode, PATIENT } from "../support/cluster.ts";
import { exoipCommand, ExoipProcess } from "../support/process.ts";
import { pause, until } from "../support/until.ts";
import { LONG_MS, NetworkCluster, roleOf } from "./network_cluster.ts";
import { networkTest } from "./requirements.ts";

/** The machines share their file system, so each needs a control socket of its own. */
class DrillCluster {
  readonly #folder = Deno.makeTempDirSync();

  constructor(readonly network: NetworkCluster) {}

  own(node: ClusterNode): string[] {
    return ["--control-socket", `${this.#folder}/${node.name}.sock`];
  }

  async settle(more: readonly string[] = []): Promise<void> {
    const { network } = this;
    for (const [index, node] of network.nodes.entries()) {
      const args = [...this.own(node), "--address-on", "lo", ...more];
      network.start(node, { priority: 10 * (index + 1), args });
    }
    const [first, ...others] = network.nodes;
    const settled = () =>
      roleOf(first) === "best" && others.every((n) => roleOf(n) === "outranked");
    await until(settled, { title: "the cluster settles", withinMs: LONG_MS });
    await network.meet();
    // A drill begins only where --status says OK.
    for (const node of network.nodes) {
      const healthy = async () => (await this.status(node)).startsWith("OK");
      await until(healthy, { title: `${node.name} is OK`, withinMs: LONG_MS, everyMs: 500 });
    }
  }

  async status(node: ClusterNode): Promise<string> {
    const { network: { network } } = this;
    const process = new ExoipProcess(["--status"], { wrap: network.wrap(this.#number(node)) });
    await process.ended();
    return process.output;
  }

  #number(node: ClusterNode): number {
    return this.network.number(node);
  }

  /** Runs a drill on the machine of a node, or with `outside` here, through a command that runs exoip there. */
  drill(node: ClusterNode, { outside = false, args = [] }: {
    outside?: boolean;
    args?: readonly string[];
  } = {}): ExoipProcess {
    const wrap = this.network.network.wrap(this.#number(node));
    const [program, first] = exoipCommand();
    const there = [...wrap, program, ...first, ...this.own(node)];
    const via = ["--drill-via", there.map((word) => `'${word}'`).join(" ")];
    return new ExoipProcess([
      ...["--drill", "-xi", this.network.address.ip, "-xk", SIM_KEY],
      ...this.network.server.args("v2"),
      ...["-p", node.instance.address],
      ...(outside ? via : ["-i", node.instance.id, ...this.own(node)]),
      ...args,
    ], {
      env: { IF_EXOSCALE_API_SECRET: SIM_SECRET, USER: "olga" },
      wrap: outside ? [] : wrap,
    });
  }

  /** The same, to its end. One that is refused because a busy machine has paused a node has touched nothing. */
  async drilled(...given: Parameters<DrillCluster["drill"]>): Promise<ExoipProcess> {
    for (let times = 1;; times++) {
      const drill = this.drill(...given);
      await drill.ended();
      if (times === 5 || !/a drill may harm: .*was paused/s.test(drill.output)) return drill;
      await pause(1_000);
    }
  }

  async close(): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

async function withDrill(
  test: (cluster: DrillCluster) => Promise<void>,
  { together = [] }: { together?: readonly string[] } = {},
): Promise<void> {
  const network = await NetworkCluster.create({ ...PATIENT, count: 3 });
  const cluster = new DrillCluster(network);
  for (const address of together) network.server.model.addAddress(address);
  const all = [network.address.ip, ...together].join();
  try {
    await cluster.settle(together.length > 0 ? ["-xi", all, "--together"] : []);
    await test(cluster);
  } finally {
    await network.close();
    await cluster.close();
  }
}

/** The instances that held alone, one after the other. */
function heldAlone({ network: { server } }: DrillCluster): (string | undefined)[] {
  return server.model.history.map(({ holders }) => holders)
    .filter(({ length }) => length === 1).map(([holder]) => holder);
}

networkTest(
  "a drill on the holder moves the address to the next node and back",
  () =>
    withDrill(async (cluster) => {
      const [one, two] = [cluster.network.node(1), cluster.network.node(2)];
      const drill = await cluster.drilled(one), { code } = drill;
      assertMatch(drill.output, /moves from node-1 to node-2 \(203\.0\.113\.2\)/);
      assertMatch(drill.output, /there +node-1 +node-2 [^\n]* 0 ms +not probed\n/);
      assertMatch(
        drill.output,
        /back +node-2 \(203\.0\.113\.2\) +node-1 [^\n]* 0 ms +not probed\n/,
      );
      assertMatch(drill.output, /OK: 198\.51\.100\.50 moved and came back, and was always served/);
      assertEquals([code, cluster.network.holders], [0, ["node-1"]], drill.output);
      const [first, next] = [one.instance.id, two.instance.id];
      assertEquals(heldAlone(cluster), [first, next, first], "nobody else ever held alone");
      assertEquals(cluster.network.gaps, [], "somebody always held");
      assertMatch(one.process?.output ?? "", /demote: demoted for 198\.51\.100\.50 by olga: drill/);
    }),
);

networkTest("a drill watches every address of a group", () =>
  withDrill(async (cluster) => {
    const { server } = cluster.network;
    const drill = await cluster.drilled(cluster.network.node(1), { args: ["--json"] }),
      { code } = drill;
    const { legs, restored } = JSON.parse(drill.printed);
    assertEquals([code, restored], [0, true], drill.output);
    assertEquals((legs as unknown[]).length, 2);
    const attached = server.calls.filter(({ what }) => what.includes(":attach")).length;
    assertEquals(attached, 6, "both at the start, there and back");
    const { id } = cluster.network.node(1).instance;
    const looks = server.calls.filter(({ what }) => what.startsWith(`/instance/${id}`));
    const both = looks.filter(({ atMs }, at) => (looks[at + 1]?.atMs ?? Infinity) < atMs + 50);
    assert(both.length > looks.length / 4, "each look, every 100 ms, is for both addresses");
  }, { together: ["198.51.100.60"] }));

networkTest(
  "a drill from outside asks the service all the time, and reports JSON",
  () =>
    withDrill(async (cluster) => {
      const service = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        () => new Response("ok", { status: cluster.network.holders.length > 0 ? 200 : 503 }),
      );
      try {
        const url = `http://localhost:${service.addr.port}/`;
        const one = cluster.network.node(1);
        const drill = await cluster.drilled(one, {
            outside: true,
            args: ["--json", "--probe", url],
          }),
          { code } = drill;
        const report = JSON.parse(drill.printed);
        assertEquals(
          [code, report.ok, report.harm, report.probe],
          [0, true, null, url],
          drill.output,
        );
        const legs = report.legs as Record<string, unknown>[];
        assertEquals(
          legs.map(({ leg, unheldMs, unreachableMs }) => [leg, unheldMs, unreachableMs]),
          [
            ["there", 0, 0],
            ["back", 0, 0],
          ],
        );
        assert(legs.every(({ movedMs }) => Number(movedMs) > 0));
      } finally {
        await service.shutdown();
      }
    }),
);

networkTest(
  "a drill is refused where the address is not held, and where a node is missing",
  () =>
    withDrill(async (cluster) => {
      const [one, two, three] = [1, 2, 3].map((number) => cluster.network.node(number));
      assert(one && two && three);
      const elsewhere = cluster.drill(two);
      assertEquals(await elsewhere.ended(), 2, elsewhere.output);
      assertMatch(elsewhere.output, /does not hold .*: run the drill where it is held, node-1/);
      three.process?.signal("SIGKILL");
      const dead = () => one.lines.some(({ text }) => /peer-dead: .*node-3/.test(text));
      await until(dead, { title: "node-3 is dead", withinMs: LONG_MS });
      const broken = cluster.drill(one, { args: ["--json"] });
      assertEquals(await broken.ended(), 2, broken.output);
      assertMatch(String(JSON.parse(broken.printed).refused), /not healthy, .*node-3 .* is dead/);
      assertEquals(heldAlone(cluster), [one.instance.id], "nothing was touched");
    }),
);

networkTest(
  "a drill that is stopped brings the address back first",
  () =>
    withDrill(async (cluster) => {
      const drill = cluster.drill(cluster.network.node(1));
      const moved = () => cluster.network.holders.join() === "node-2";
      await until(moved, { title: "it has moved", withinMs: LONG_MS });
      drill.signal("SIGINT");
      assertEquals(await drill.ended(), 1, drill.output);
      assertMatch(
        drill.output,
        /given up, because it was stopped; the address is back where it was/,
      );
      assertEquals(cluster.network.holders, ["node-1"]);
    }),
);
