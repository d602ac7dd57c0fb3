// Shadows as real processes, beside others who move the address: a script in the manner of keepalived and floaty,
// original watchdogs, and a live cluster of ours.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { IamPolicy } from "../../src/exoscale/iam_policy.ts";
import type { Snapshot } from "../../src/status/snapshot.ts";
import type { ShadowReport } from "../../src/status/shadow_report.ts";
import { cloudFetch } from "../support/cloud/cloud_fixture.ts";
import { Cluster, type ClusterNode, ELASTIC_IP, PATIENT } from "../support/cluster.ts";
import { Floaty, OriginalSpeaker } from "../support/other_failover.ts";
import { freeTcpPort, freeUdpPort } from "../support/ports.ts";
import { ExoipProcess } from "../support/process.ts";
import { until } from "../support/until.ts";

/** Requests that change anything, by either API. */
function changesAt({ server: { calls } }: Cluster): number {
  return calls.filter(({ method, what }) => method !== "GET" || !/^(\/|list|query)/.test(what))
    .length;
}

/** What the shadow of a node says, in its lines of the event `shadow`. */
function said({ lines }: ClusterNode): string[] {
  return lines.flatMap(({ text }) => /shadow: (would .*)$/.exec(text)?.[1] ?? []);
}

/** The role that a shadow would have, by its log. */
function roleOf({ lines }: ClusterNode): string | undefined {
  return lines.flatMap(({ text }) => / role: would be (master|backup)/.exec(text)?.[1] ?? []).at(
    -1,
  );
}

/** A shadow's status over HTTP. */
function statusAt(port: number): () => Promise<Snapshot> {
  return async () => await (await fetch(`http://127.0.0.1:${port}/status.json`)).json();
}

/** Stops the process, and returns what it printed after its log. */
async function reportOf(node: ClusterNode): Promise<string> {
  node.process?.signal("SIGTERM");
  assertEquals(await node.process?.ended(), 0, node.process?.output);
  const lines = node.lines.map(({ text }) => text);
  return lines.slice(lines.findIndex((text) => text.startsWith("shadow of "))).join("\n");
}

Deno.test("the report names what the fake floaty did otherwise, and no change leaves", async () => {
  const cluster = new Cluster(PATIENT);
  const [one, two, three] = [cluster.node(1), cluster.node(2), cluster.node(3)];
  const floaty = new Floaty(cluster);
  const ports = new Map([[two, freeTcpPort()], [three, freeTcpPort()]]);
  const port = ports.get(two), status = statusAt(ports.get(two) ?? 0);
  const notified = await Deno.makeTempFile();
  try {
    await floaty.moveTo(one);
    for (const [index, node] of cluster.nodes.entries()) {
      const args = ["--shadow", "--notify", `touch ${notified}.ran`, "--address-on", "lo"];
      const served = ports.get(node);
      const status = served === undefined ? [] : ["--listen-status", `127.0.0.1:${served}`];
      cluster.start(node, { priority: 10 * (index + 1), args: [...args, ...status] });
    }
    await until(() => roleOf(one) === "master", { title: "the first shadow is master" });
    await until(() => [two, three].every((node) => roleOf(node) !== undefined), {
      title: "the others run, too",
    });
    const looks = async () => (await status()).addresses[0]?.comparison?.agreedMs ?? 0;
    await until(async () => await looks() > 4_000, { title: "two looks agree", everyMs: 200 });
    assertEquals(said(one).filter((text) => !/notify|put/.test(text)), [], "nothing to do");
    assert(said(one).some((text) => text === `would put ${ELASTIC_IP} on lo`), one.process?.output);

    // The machine dies, and the script takes the wrong node.
    cluster.stop(one, "SIGKILL");
    await until(
      () => said(two).includes("would attach the Elastic IP: peer node-1 (127.0.0.1) is dead"),
      {
        title: "the second shadow would attach",
      },
    );
    await until(() => said(two).some((text) => /would take .* from .*127.0.0.1/.test(text)), {
      title: "and take it from the dead one",
    });
    await floaty.moveTo(three);
    const differences = async () => (await status()).addresses[0]?.comparison?.differences ?? [];
    await until(
      async () => (await differences()).some(({ others }) => others.includes("node-3 (127.0.0.3)")),
      { title: "the difference shows", everyMs: 200 },
    );
    const other = statusAt(ports.get(three) ?? 0);
    await until(async () => (await other()).addresses[0]?.comparison?.count === 1, {
      title: "the third one sees a difference, too",
      everyMs: 200,
    });
    const page = await (await fetch(`http://127.0.0.1:${port}/`)).text();
    assert(page.includes("Shadow: this watchdog changes nothing"));
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    assertMatch(metrics, /^exoip_shadow 1$/m);
    assertMatch(metrics, /^exoip_shadow_differences_total\{.*\} 1$/m);
    const asked = new ExoipProcess(["--status", "-l", `127.0.0.2:${cluster.port}`]);
    await asked.ended();
    assertMatch(asked.output, /^\w+: shadow, changes nothing: /);
    const unwrapped = asked.output.replaceAll(/\s+/g, " ");
    assertMatch(
      unwrapped,
      /shadow would have held from here \(peer node-1 \(127.0.0.1\) is dead\)/,
    );

    await floaty.moveTo(two);
    for (const snapshot of [status, other]) {
      const agrees = async () =>
        (await snapshot()).addresses[0]?.comparison?.differences.every(({ toMs }) => toMs !== null);
      await until(async () => await agrees() ?? false, { title: "they agree again", everyMs: 200 });
    }
    const second = await reportOf(two), third = await reportOf(three);
    const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`;
    assertMatch(
      second,
      new RegExp(
        `${time}  shadow would have held from here \\(peer node-1 \\(127.0.0.1\\) is dead\\); the cloud showed ` +
          `it on node-\\d \\((127.0.0.1|127.0.0.3).* until ${time} \\(\\d`,
      ),
    );
    assertMatch(second, /the two agreed for [\d.]+ % of the time; 1 difference, listed above/);
    assertMatch(
      third,
      new RegExp(
        `${time}  the cloud moved it to this node, the shadow would not have \\(node-2 \\(127.0.0.2\\) ` +
          `with priority 20 ranks first and was healthy\\), until ${time} \\(\\d`,
      ),
    );
    assertEquals(changesAt(cluster), floaty.changes, "all changes are the script's");
    assertEquals(await Deno.stat(`${notified}.ran`).catch(() => null), null, "not notified");
    assert(said(two).some((text) => /^would notify: master, was backup/.test(text)));
  } finally {
    await cluster.close();
    await Deno.remove(notified);
    cloudFetch.close();
  }
});

for (const api of ["v1", "v2"] as const) {
  Deno.test(`shadows hand over to each other, under a role without changes: ${api}`, async () => {
    const cluster = new Cluster({ api, count: 2 });
    const [one, two] = [cluster.node(1), cluster.node(2)];
    let refused = 0;
    const { model } = cluster.server;
    if (api === "v2") {
      const peers = ["-p", "127.0.0.1,127.0.0.2"];
      const command = new ExoipProcess(
        ["--print-iam-policy", "-W", "--shadow", "-xi", ELASTIC_IP, ...peers],
      );
      assertEquals(await command.ended(), 0, command.output);
      const json = command.lines.filter(({ text }) => !text.startsWith("exoip: "));
      const policy = json.map(({ text }) => text).join("\n");
      assert(!/attach|detach/.test(policy), policy);
      model.role = JSON.parse(policy) as IamPolicy;
      model.refused = () => refused++;
    }
    try {
      cluster.start(two, { priority: 20, args: ["--shadow", "--json"] });
      await until(() => roleOf(two) === "master", { title: "alone, it is master" });
      await until(() => said(two).some((text) => text.startsWith("would attach")), {
        title: "it would attach",
      });
      cluster.start(one, { priority: 10, args: ["--shadow"] });
      const gives = "would give the Elastic IP up: node-1 (127.0.0.1) with priority 10 holds it";
      await until(() => said(two).includes(gives), { title: "it would hand over" });
      await until(() => roleOf(two) === "backup", { title: "it has stepped back" });
      one.process?.signal("SIGTERM");
      assertEquals(await one.process?.ended(), 0, one.process?.output);
      assert(said(one).some((text) => text.startsWith("would give the Elastic IP up: ")));
      await until(() => roleOf(two) === "master", { title: "it is master again" });
      two.process?.signal("SIGTERM");
      assertEquals(await two.process?.ended(), 0, two.process?.output);
      const json = two.lines.at(-1)?.text ?? "";
      const { shadow: [report] } = JSON.parse(json) as { shadow: [ShadowReport] };
      assert(report.summary.length > 0 && report.sinceMs !== null, json);
      assertEquals([changesAt(cluster), refused], [0, 0], two.process?.output);
      assertEquals(cluster.server.model.history, []);
    } finally {
      await cluster.close();
    }
  });
}

Deno.test("a shadow does not go with -A, -D or the original's format", async () => {
  const cluster = new Cluster({ count: 1 });
  const { id } = cluster.node(1).instance;
  try {
    for (
      const [argv, message] of [
        [["-A", "--shadow"], /--shadow \(IF_SHADOW\): a shadow changes nothing, and -A would/],
        [["-D", "--shadow"], /--shadow \(IF_SHADOW\): a shadow changes nothing, and -D would/],
        [["-W", "--shadow", "-p", "127.0.0.1", "--heartbeat-format", "original"], /need extended/],
      ] as const
    ) {
      const common = ["-O", "-xi", ELASTIC_IP, "-xk", "EXOkey", "-xs", "secret", "-i", id];
      const process = new ExoipProcess([...argv, ...common, ...cluster.server.args("v2")]);
      assert(await process.ended() !== 0, process.output);
      assertMatch(process.output, message);
    }
    assertEquals(cluster.server.calls, []);
  } finally {
    await cluster.close();
  }
});

Deno.test("a shadow on the port of a live cluster harms nothing there", async () => {
  const cluster = new Cluster({ ...PATIENT, count: 4 });
  const live = cluster.nodes.slice(0, 3), shadow = cluster.node(4);
  try {
    // The live nodes know the shadow's machine as a peer, and it would rank first.
    for (const [index, node] of live.entries()) {
      cluster.start(node, { priority: 10 * (index + 2) });
    }
    await until(() => cluster.holders.join() === "node-1", { title: "the best node holds" });
    const settled = [/ role: master \(best\)/, ...[1, 2].map(() => / role: backup \(outranked/)];
    const isSettled = ({ process }: ClusterNode, index: number) =>
      settled[index]?.test(process?.output ?? "") ?? false;
    await until(() => live.every(isSettled), { title: "roles are settled" });
    // On a busy machine the reason may change, as after a pause; the role must not.
    const rolesOf = ({ lines }: ClusterNode) =>
      lines.flatMap(({ text }) => / role: (master|backup)/.exec(text)?.[1] ?? [])
        .filter((role, index, roles) => role !== roles[index - 1]);
    const before = { roles: live.map(rolesOf), history: [...cluster.server.model.history] };
    const changes = changesAt(cluster);
    cluster.start(shadow, { priority: 1, args: ["--shadow"] });
    await until(() => said(shadow).some((text) => text.startsWith("would attach")), {
      title: "the shadow hears no shadow, and would attach",
    });
    const refuses = ({ lines }: ClusterNode) =>
      lines.some(({ text }) => /refused: .*shadow/.test(text));
    await until(() => [...live, shadow].every(refuses), { title: "neither believes the other" });
    await reportOf(shadow);
    assertEquals(live.map(rolesOf), before.roles);
    assertEquals(cluster.server.model.history, before.history);
    assertEquals(changesAt(cluster), changes);
    assertEquals(cluster.holders, ["node-1"]);
    assert(live.every(({ alive }) => alive));
  } finally {
    await cluster.close();
  }
});

Deno.test("beside original watchdogs, on a port of their own, shadows see who moves it", async () => {
  const cluster = new Cluster({ count: 2 });
  const [one, two] = [cluster.node(1), cluster.node(2)];
  const floaty = new Floaty(cluster);
  const originalPort = freeUdpPort();
  const hosts = [one, two].map(({ instance }) => instance.address);
  const originals = [one, two].map(({ instance }, index) =>
    new OriginalSpeaker({
      ...{ hostname: instance.address, port: originalPort, elasticIp: ELASTIC_IP },
      peers: hosts.filter((host) => host !== instance.address),
      ...{ id: instance.nicId, priority: 10 * (index + 1) },
    })
  );
  try {
    await floaty.moveTo(one);
    cluster.start(one, { priority: 10, args: ["--shadow"] });
    cluster.start(two, { priority: 20, args: ["--shadow"] });
    const outranked = /role: would be backup \(outranked by .*127.0.0.1/;
    await until(() => roleOf(one) === "master" && outranked.test(two.process?.output ?? ""), {
      title: "the first one leads",
    });
    // The original on the first machine ends with its machine; the other one follows by the cloud.
    originals[0]?.close();
    cluster.stop(one, "SIGKILL");
    await until(() => said(two).some((text) => text.startsWith("would attach")), {
      title: "the shadow would have moved it",
    });
    await floaty.moveTo(two);
    const text = await reportOf(two);
    assertMatch(text, /the two agreed for|nothing to compare yet/);
    const strange = originals.flatMap(({ heard }) => heard).filter(({ length }) => length !== 24);
    assertEquals(strange, [], "no shadow speaks to an original");
    assertEquals(changesAt(cluster), floaty.changes);
  } finally {
    originals[1]?.close();
    await cluster.close();
    cloudFetch.close();
  }
});
