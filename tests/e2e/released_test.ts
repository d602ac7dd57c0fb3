// A real watchdog whose Elastic IP is released in the cloud, and allocated again.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Cluster, ELASTIC_IP, PATIENT } from "../support/cluster.ts";
import { freeTcpPort } from "../support/ports.ts";
import { until } from "../support/until.ts";

Deno.test("a released Elastic IP is named once, and taken when it exists again", async () => {
  const cluster = new Cluster({ ...PATIENT, count: 2 });
  const [one, two] = [cluster.node(1), cluster.node(2)];
  const args = ["--reconcile-interval", "5s"], page = freeTcpPort();
  try {
    cluster.start(one, { priority: 10, args: [...args, "--listen-status", `127.0.0.1:${page}`] });
    cluster.start(two, { priority: 20, args });
    await until(() => cluster.holders.includes("node-1"), { title: "it holds" });
    cluster.server.model.release(cluster.address);
    const said = (word: string) => one.lines.filter(({ text }) => text.includes(word));
    await until(() => said("address-released").length > 0, { title: "it is named" });
    const ready = () => fetch(`http://127.0.0.1:${page}/readyz`);
    const refusal = await ready();
    assertEquals(refusal.status, 503);
    assertMatch(await refusal.text(), /^nobody can have 198\.51\.100\.50: .*it was released: /);
    // After some more readings.
    const looks = () => cluster.server.calls.filter(({ what }) => what === "/elastic-ip").length;
    const before = looks();
    await until(() => looks() >= before + 2, { title: "it is looked for" });
    assertEquals(said("address-released").length, 1, one.process?.output);
    assert(!/another hand|cloud-lost|peer-dead/.test(one.process?.output ?? ""));
    assertEquals([one.role, two.role], ["master", "backup"]);
    const managed = cluster.server.model.addAddress(ELASTIC_IP, { managed: true });
    await until(() => said("address-unusable").length > 0, { title: "it is back, not for us" });
    assertMatch(said("address-unusable")[0]?.text ?? "", /is a managed Elastic IP/);
    assertMatch(await (await ready()).text(), /is a managed Elastic IP/);
    cluster.server.model.release(managed);
    await until(() => said("address-released").length > 1, { title: "it is gone again" });
    const again = cluster.server.model.addAddress(ELASTIC_IP);
    await until(() => again.holders.has(one.instance.id), { title: "it holds again" });
    await until(() => said("address-back").length > 0, { title: "that is said, too" });
    await cluster.heardToHold(one);
    one.process?.signal("SIGKILL");
    // The other node knows only the old id.
    await until(() => again.holders.has(two.instance.id), { title: "the other takes it" });
    await until(() => !again.holders.has(one.instance.id), { title: "and relieves the dead" });
  } finally {
    await cluster.close();
  }
});
