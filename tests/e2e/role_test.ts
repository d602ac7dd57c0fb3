// Real processes with exactly the role that --print-iam-policy prints for them, through a failover.
import { assert, assertEquals } from "@std/assert";
import type { IamPolicy } from "../../src/exoscale/iam_policy.ts";
import { Cluster, ELASTIC_IP, PATIENT } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { ExoipProcess } from "../support/process.ts";

async function printed(...argv: readonly string[]): Promise<IamPolicy> {
  const command = new ExoipProcess(["--print-iam-policy", ...argv], {});
  assertEquals(await command.ended(), 0, command.output);
  // Optional operations appear on standard error, between the lines.
  const json = command.lines.filter(({ text }) => !text.startsWith("exoip: "));
  return JSON.parse(json.map(({ text }) => text).join("\n"));
}

for (
  const [what, group, peers] of [
    ["addresses", false, ["-p", "127.0.0.1,127.0.0.2"]],
    ["a group", true, ["-G", "edge"]],
    ["a private network", true, ["-G", "edge", "--heartbeat-network", "backend"]],
  ] as const
) {
  Deno.test(`the printed role is enough for a fail-over with ${what}`, async () => {
    const cluster = new Cluster({ ...PATIENT, group, count: 2 });
    const [one, two] = [cluster.node(1), cluster.node(2)];
    const { model, calls } = cluster.server;
    model.role = await printed("-W", "-xi", ELASTIC_IP, ...peers);
    const backend = model.addNetwork("backend");
    for (const { instance } of [one, two]) model.join(backend, instance, instance.address);
    const args = peers.slice(2);
    let refused = 0;
    model.refused = () => refused++;
    try {
      cluster.start(one, { priority: 10, args });
      cluster.start(two, { priority: 20, args });
      await until(() => cluster.holders.join() === "node-1", { title: "the better one holds" });
      await cluster.heardToHold(one);
      one.process?.signal("SIGKILL");
      await until(() => cluster.holders.join() === "node-2", { title: "the other took over" });
      assert(calls.length > 0);
      assertEquals(refused, 0, two.process?.output);
      two.process?.signal("SIGTERM");
      assertEquals(await two.process?.ended(), 0, two.process?.output);
      assertEquals(cluster.holders, []);
    } finally {
      await cluster.close();
    }
  });
}
