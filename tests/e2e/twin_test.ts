// Two real watchdogs with the same instance id, as after cloning a disk or its configuration.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Cluster, PATIENT } from "../support/cluster.ts";
import { until } from "../support/until.ts";

Deno.test("two machines with one id change nothing in the cloud until one of them ends", async () => {
  const cluster = new Cluster(PATIENT);
  const [one, two, three] = [cluster.node(1), cluster.node(2), cluster.node(3)];
  const changes = () => cluster.server.calls.filter(({ method }) => method === "PUT").length;
  const output = (node: typeof one) => node.lines.map(({ text }) => text).join("\n");
  try {
    cluster.start(one, { priority: 10 });
    cluster.start(three, { priority: 20 });
    await until(() => cluster.holders.join() === "node-1", { title: "the first one holds" });
    // A node gives way as long as it does not know that it holds.
    await until(() => output(one).includes("] attached:"), { title: "it knows" });
    // Before its first election is over it is a backup, too.
    await until(() => output(three).includes("(outranked"), { title: "the third one is up" });
    const before = changes();
    // Its id is that of the first.
    cluster.start(two, { priority: 5, args: ["-i", one.instance.id] });
    for (const node of [one, two]) {
      await until(() => output(node).includes("] twin:"), {
        title: `${node.name} hears of the other`,
      });
    }
    await until(() => output(one).includes("(twin)"), { title: "the role says why" });
    // A stop of the copy must not take the address from the original.
    two.process?.signal("SIGTERM");
    assertEquals(await two.process?.ended(), 1, output(two));
    await until(() => output(one).includes("no other machine speaks"), { title: "it is over" });
    assertEquals([changes(), cluster.holders.join()], [before, "node-1"]);
    assertMatch(output(one), /CRIT +\] twin: 127\.0\.0\.2 speaks with our own instance id/);
    assertMatch(output(two), /CRIT +\] twin: 127\.0\.0\.1 speaks with our own instance id/);
    // It acts again.
    one.process?.signal("SIGTERM");
    await until(() => cluster.holders.join() === "node-3", { title: "the first one hands over" });
    assert(!output(three).includes("twin"), output(three));
  } finally {
    await cluster.close();
  }
});

Deno.test("a copy at an address that the cloud lists for nobody is told so, and its stop takes nothing", async () => {
  const cluster = new Cluster(PATIENT);
  const [one, two, copy] = [cluster.node(1), cluster.node(2), cluster.node(3)];
  // No instance in the cloud has its address.
  cluster.server.model.instances.delete(copy.instance.id);
  const output = (node: typeof one) => node.lines.map(({ text }) => text).join("\n");
  const args = ["-p", [one, two].map(({ instance }) => instance.address).join(",")];
  const changes = () => cluster.server.calls.filter(({ method }) => method === "PUT").length;
  try {
    cluster.start(one, { priority: 10, peers: null, args });
    cluster.start(two, { priority: 20, peers: null, args });
    await until(() => cluster.holders.join() === "node-1", { title: "the first one holds" });
    await until(() => output(one).includes("] attached:"), { title: "it knows" });
    await until(() => output(two).includes("(outranked"), { title: "the other is up" });
    const before = changes();
    cluster.start(copy, { priority: 5, peers: null, args: [...args, "-i", one.instance.id] });
    for (const node of [one, copy]) {
      await until(() => output(node).includes("] twin:"), {
        title: `${node.name} hears of the other`,
      });
    }
    copy.process?.signal("SIGTERM");
    assertEquals(await copy.process?.ended(), 1, output(copy));
    assertEquals([changes(), cluster.holders.join()], [before, "node-1"]);
    assertMatch(output(copy), /CRIT +\] twin: 127\.0\.0\.1 speaks with our own instance id/);
    assertMatch(output(one), /CRIT +\] twin: 127\.0\.0\.3 speaks with our own instance id/);
    // The one that the cloud lists continues.
    assert(!output(one).includes("(twin)"), output(one));
    one.process?.signal("SIGTERM");
    await until(() => cluster.holders.join() === "node-2", { title: "it hands over" });
  } finally {
    await cluster.close();
  }
});
