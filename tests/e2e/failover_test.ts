// Real processes on loopback: the binary that EXOIP_BIN names, else the source.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Cluster, ELASTIC_IP, PATIENT } from "../support/cluster.ts";
import { until } from "../support/until.ts";

for (const api of ["v1", "v2"] as const) {
  Deno.test(`a cluster on API ${api} fails over, and hands over without a gap`, async () => {
    const cluster = new Cluster({ ...PATIENT, api });
    const [one, two] = [cluster.node(1), cluster.node(2)];
    try {
      cluster.start(one, { priority: 10 });
      cluster.start(two, { priority: 20 });
      await until(() => cluster.holders.join() === "node-1", { title: "the better one holds" });
      await cluster.meet();

      const history = cluster.server.model.history;
      one.process?.signal("SIGTERM");
      assertEquals(await one.process?.ended(), 0, one.process?.output);
      assertEquals(cluster.holders, ["node-2"]);
      assert(history.every(({ holders }) => holders.length > 0), JSON.stringify(history));

      cluster.start(one, { priority: 10 });
      await until(() => cluster.holders.join() === "node-1", { title: "it has come back" });
      assert(history.every(({ holders }) => holders.length > 0), JSON.stringify(history));

      await cluster.heardToHold(one);
      one.process?.signal("SIGKILL");
      const taken = () => cluster.holders.join() === "node-2";
      await until(taken, { title: "the other took over" });
      const attached = history.findIndex(({ holders }) => holders.length === 2);
      assert(attached >= 0, "attach comes before evict");
    } finally {
      await cluster.close();
    }
  });
}

Deno.test("a signal that makes a node worse moves the address without a gap", async () => {
  const cluster = new Cluster(PATIENT);
  try {
    cluster.start(cluster.node(1), { priority: 10 });
    cluster.start(cluster.node(2), { priority: 11 });
    await until(() => cluster.holders.join() === "node-1", { title: "the better one holds" });
    cluster.node(1).process?.signal("SIGUSR2");
    const worse = () => /priority is now 11/.test(cluster.node(1).process?.output ?? "");
    await until(worse, { title: "the first signal is taken" });
    cluster.node(1).process?.signal("SIGUSR2");
    await until(() => cluster.holders.join() === "node-2", { title: "the address has moved" });
    assert(cluster.server.model.history.every(({ holders }) => holders.length > 0));
  } finally {
    await cluster.close();
  }
});

Deno.test("peers of a group are found, a join is seen on need, self is no peer", async () => {
  const cluster = new Cluster({ ...PATIENT, group: true });
  const [one, two] = [cluster.node(1), cluster.node(2)];
  two.instance.groups = [];
  cluster.node(3).instance.groups = [];
  try {
    cluster.start(one, { priority: 10 });
    await until(() => cluster.holders.join() === "node-1", { title: "alone it holds" });
    assert(!/peer/.test(one.process?.output ?? ""), one.process?.output);
    two.instance.groups = ["edge"];
    cluster.start(two, { priority: 20 });
    const seen = () => /peer-joined: peer node-2 \(127\.0\.0\.2\) /.test(one.process?.output ?? "");
    await until(seen, { title: "its heartbeats make the list be read" });
    await until(() => /role: backup \(outranked/.test(two.process?.output ?? ""), {
      title: "the new one is backup",
    });
    assertEquals(cluster.holders, ["node-1"]);
  } finally {
    await cluster.close();
  }
});

Deno.test("hostile datagrams are refused with a reason, and info is answered", async () => {
  const cluster = new Cluster();
  const [one, two] = [cluster.node(1), cluster.node(2)];
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.2", port: 0 });
  const stranger = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.9", port: 0 });
  const to = { transport: "udp", hostname: one.instance.address, port: cluster.port } as const;
  try {
    cluster.start(one, { priority: 10 });
    await until(() => cluster.holders.join() === "node-1", { title: "it holds" });
    const heartbeat = (priority: number, id: string) =>
      Uint8Array.fromHex(
        "0201" + priority.toString(16).padStart(2, "0").repeat(2) + "c6336432" +
          id.replaceAll("-", ""),
      );
    const sends: Array<[Deno.DatagramConn, Uint8Array, string]> = [
      [socket, new Uint8Array(1_000), "127.0.0.2: length"],
      [socket, new Uint8Array(24), "127.0.0.2: version"],
      [
        socket,
        Uint8Array.fromHex("0201" + "0a0b" + "00".repeat(20)),
        "127.0.0.2: priority-mismatch",
      ],
      [socket, Uint8Array.fromHex("0201" + "0a0a" + "00".repeat(20)), "127.0.0.2: wrong-address"],
      [socket, heartbeat(1, two.instance.nicId), "127.0.0.2: wrong-id"],
      [stranger, heartbeat(1, two.instance.id), "127.0.0.9: unknown-source"],
    ];
    for (const [from, bytes, refusal] of sends) {
      await from.send(bytes, to);
      const refused = () =>
        one.process?.output.includes(`refused: datagram from ${refusal}`) === true;
      await until(refused, { title: refusal });
    }
    assertEquals(cluster.holders, ["node-1"]);
    await socket.send(new TextEncoder().encode("info\n"), to);
    const [answer] = await socket.receive();
    const text = new TextDecoder().decode(answer);
    assertMatch(text, new RegExp(`^CRITICAL: .*\n(.*\n)*${ELASTIC_IP}\n {2}role +master`));
    assert(!/ status: /.test(one.process?.output ?? ""), "whoever asks fills no log");
  } finally {
    socket.close();
    stranger.close();
    await cluster.close();
  }
});

Deno.test("an original peer in a v1 cluster is understood and understands us", async () => {
  const cluster = new Cluster({ ...PATIENT, api: "v1" });
  const [ours, original] = [cluster.node(1), cluster.node(2)];
  const socket = Deno.listenDatagram({
    transport: "udp",
    hostname: original.instance.address,
    port: cluster.port,
  });
  const to = { transport: "udp", hostname: ours.instance.address, port: cluster.port } as const;
  const nic = original.instance.nicId.replaceAll("-", "");
  let beating = true;
  const beat = (async () => {
    while (beating) {
      await socket.send(Uint8Array.fromHex(`02010505c6336432${nic}`), to);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  try {
    cluster.start(ours, { priority: 10 });
    const outranked = () => /role: backup \(outranked/.test(ours.process?.output ?? "");
    await until(outranked, { title: "ours stands back" });
    const receive = async () => (await socket.receive())[0].subarray(0, 24).toHex();
    const rest = `c6336432${ours.instance.nicId.replaceAll("-", "")}`;
    // Before it was heard, it could have been one that gives up too early.
    let sent = await receive();
    while (sent === `0201ffff${rest}`) sent = await receive();
    assertEquals(sent, `02010a0a${rest}`);
    beating = false;
    await beat;
    await until(() => cluster.holders.join() === "node-1", { title: "ours took over" });
  } finally {
    beating = false;
    await beat;
    socket.close();
    await cluster.close();
  }
});

Deno.test("an original holder learns of ours once ours holds, so that it does not give up before", async () => {
  const cluster = new Cluster({ ...PATIENT, api: "v1" });
  const [ours, original] = [cluster.node(1), cluster.node(2)];
  const { hostname, port } = { hostname: original.instance.address, port: cluster.port };
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port });
  const to = { transport: "udp", hostname: ours.instance.address, port } as const;
  const nic = original.instance.nicId.replaceAll("-", "");
  cluster.address.holders.add(original.instance.id);
  /** Priorities in our heartbeats, each with whether our node held by then. */
  const told: { priority: number; holds: boolean }[] = [];
  let over = false;
  // A machine that was busy before may be quick now: ours cannot hold before it was heard several times.
  cluster.server.fault = ({ method, what }) =>
    (method !== "GET" || /addIpToNic/.test(what)) && told.length <= 3 ? "503-retry-after" : null;
  const beat = (async () => {
    while (!over) {
      await socket.send(Uint8Array.fromHex(`02011e1ec6336432${nic}`), to);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  const listen = (async () => {
    while (!over) {
      const [bytes] = await socket.receive();
      const holds = cluster.holders.includes("node-1");
      told.push({ priority: bytes[2] ?? -1, holds });
      over = bytes[2] === 10;
    }
  })();
  try {
    cluster.start(ours, { priority: 10 });
    await until(() => over, { title: "ours tells its rank" });
    assert(told.at(-1)?.holds, "ours held before it said so");
    assert(told.slice(0, -1).every(({ priority }) => priority === 255), JSON.stringify(told));
    assert(told.length > 3, "it heard of ours all the while");
  } finally {
    over = true;
    await beat;
    await cluster.close();
    socket.close();
    await listen.catch(() => {});
  }
});
