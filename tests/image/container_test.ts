// The image in real containers: user 65534, a read-only root, no capabilities, and no other files.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ELASTIC_IP, PATIENT } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { Archives, run } from "./archive.ts";
import { ContainerCluster } from "./container_cluster.ts";
import { imageTest } from "./requirements.ts";
import { Container } from "./runc.ts";

const NEEDS = { needs: ["runc", "namespaces"] } as const;

imageTest(
  "two containers find out who and where they are, take the address, tell, and hand it over",
  async (binary) => {
    await using archives = await Archives.make(binary);
    await using cluster = await ContainerCluster.create(archives);
    const [a, b] = [cluster.node(1).instance, cluster.node(2).instance];
    const timing = ["-t", "0.2", "-r", `${PATIENT.deadRatio}`];
    const watchdog = (priority: number) => ["-W", "-G", "edge", ...timing, "-P", `${priority}`];
    const one = await cluster.start(1, watchdog(10));
    const two = await cluster.start(2, watchdog(20));
    const story = () => `1:\n${one.output}\n2:\n${two.output}`;
    const wait = (condition: () => boolean, title: string) =>
      until(condition, { title }).catch((error) => {
        throw new Error(`${error.message}\n${story()}`);
      });
    await wait(() => cluster.holders.join() === "node-1", "the better one takes the address");
    await wait(() => /outranked/.test(two.output), "the other one is backup");
    const syslog = /syslog at \/dev\/log takes no lines/;
    await wait(() => syslog.test(one.output), "there is no syslog");
    for (const [number, peer] of [[1, b], [2, a]] as const) {
      const text = await cluster.info(number);
      assertMatch(
        text,
        new RegExp(`\n${ELASTIC_IP}\n {2}role +${["", "master", "backup"][number]}`),
      );
      assertStringIncludes(text, peer.address);
    }
    await one.signal("TERM");
    assertEquals(await one.ended(), 0, story());
    assertEquals(cluster.holders, ["node-2"]);
    await two.signal("TERM");
    assertEquals(await two.ended(), 0, story());
    assertEquals(cluster.holders, []);
    assertEquals(cluster.gaps.map(({ toMs }) => toMs), [null], "only the last to go leaves nobody");
  },
  NEEDS,
);

imageTest("the process has no rights, and sees nothing that it could run", async (binary) => {
  await using archives = await Archives.make(binary);
  await using cluster = await ContainerCluster.create(archives);
  const container = await cluster.start(1, ["-W", "-p", cluster.network.address(2)]);
  await until(() => cluster.holders.join() === "node-1", { title: "it holds" });
  const pid = await container.pid();
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  for (const set of ["Inh", "Prm", "Eff", "Bnd", "Amb"]) {
    assertMatch(status, new RegExp(`^Cap${set}:\\s+0+$`, "m"));
  }
  assertMatch(status, /^Uid:\s+65534\s+65534\s+65534\s+65534$/m);
  assertMatch(status, /^NoNewPrivs:\s+1$/m);
  const [root = ""] = (await Deno.readTextFile(`/proc/${pid}/mountinfo`)).split("\n");
  assertMatch(root, / \/ ro[, ]/);
  const inside = `/proc/${pid}/root`;
  const programs = await run("find", [inside + "/", "-xdev", "-type", "f", "-perm", "/111"]);
  const names = programs.split("\n").map((path) => path.replace(inside, ""));
  assertEquals(names.filter((name) => !/\.so(\.\d+)?$/.test(name)), ["/exoip"]);
}, NEEDS);

imageTest("without any one of its libraries the program does not start", async (binary) => {
  await using archives = await Archives.make(binary);
  const rootfs = await archives.unpack(archives.rootfs, "rootfs");
  const start = async () => {
    const container = await Container.start({ rootfs, args: ["-version"] });
    try {
      const code = await container.ended();
      return { code, output: container.output };
    } finally {
      await container.remove();
    }
  };
  const { code, output } = await start();
  assertEquals(code, 0, output);
  assertMatch(output, /^exoip \d/);
  const libraries = await run("find", [`${rootfs}/lib`, `${rootfs}/lib64`, "-type", "f"]);
  for (const path of libraries.split("\n")) {
    await Deno.rename(path, `${path}.away`);
    const lame = await start();
    assert(lame.code !== 0, `it starts without ${path}`);
    await Deno.rename(`${path}.away`, path);
  }
}, NEEDS);
