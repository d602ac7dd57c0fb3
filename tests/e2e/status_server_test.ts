// --status and --listen-status of real watchdogs: their answers while the cluster changes.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Snapshot } from "../../src/status/snapshot.ts";
import { until } from "../support/until.ts";
import { Cluster, type ClusterNode, PATIENT } from "../support/cluster.ts";
import { freeTcpPort } from "../support/ports.ts";
import { ExoipProcess } from "../support/process.ts";
import { violations } from "../support/json_schema.ts";
import { STATUS_SCHEMA } from "../support/status_schema.ts";

/** Two nodes; the first one is better and has the server. */
async function inCluster(
  body: (parts: {
    cluster: Cluster;
    node: ClusterNode;
    port: number;
    get: (path: string) => Promise<{ status: number; text: string }>;
    snapshot: () => Promise<Snapshot>;
  }) => Promise<void>,
  { interval, deadRatio }: { interval?: string; deadRatio: number } = PATIENT,
): Promise<void> {
  const cluster = new Cluster({ count: 2, deadRatio, ...(interval && { interval }) });
  const port = freeTcpPort();
  const node = cluster.node(1);
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, text: await response.text() };
  };
  try {
    cluster.start(node, { priority: 10, args: ["--listen-status", `:${port}`] });
    cluster.start(cluster.node(2), { priority: 20 });
    await until(() => cluster.holders.join() === "node-1", { title: "node-1 holds" });
    const snapshot = async () => JSON.parse((await get("/status.json")).text);
    await body({ cluster, node, port, get, snapshot });
  } finally {
    await cluster.close();
  }
}

/** A dead time short enough to show that a flood delays heartbeats. */
const STRICT = { interval: "0.5", deadRatio: 3 };

/**
 * Repeats a flood until the peer has heard the first node all the time. A busy machine may let that node wait, too,
 * but not each time; a flood would.
 */
async function delaysNoHeartbeat(cluster: Cluster, flood: () => Promise<void>): Promise<void> {
  const { lines } = cluster.node(2);
  const outranked = () => lines.findLast(({ text }) => / role: /.test(text))?.text ?? "";
  for (let times = 1;; times++) {
    await until(() => /backup \(outranked/.test(outranked()), { title: "its peer hears it" });
    const from = lines.length;
    await flood();
    const dead = lines.slice(from).filter(({ text }) => /peer-dead|master/.test(text));
    if (dead.length === 0) return;
    assert(times < 4, `its peer did not hear it: ${dead.map(({ text }) => text).join("; ")}`);
  }
}

/** Runs `--status` with those arguments for that node, to its end. */
async function statusOf(cluster: Cluster, number: number, ...args: string[]) {
  const listen = `127.0.0.${number}:${cluster.port}`;
  const process = new ExoipProcess(["--status", "-l", listen, ...args]);
  return { code: await process.ended(), output: process.output };
}

Deno.test("a watchdog answers --status, and over HTTP, what it is now", async () => {
  await inCluster(async ({ cluster, get, snapshot, node }) => {
    await until(async () => (await get("/readyz")).status === 200, {
      title: "ready",
      everyMs: 100,
    });
    const holds = async () => (await snapshot()).addresses[0]?.holding === true;
    await until(holds, { title: "it knows that it holds", everyMs: 100 });
    assertEquals((await get("/healthz")).status, 200);
    const text = await statusOf(cluster, 1);
    // This machine has the address on no interface, which monitoring must report.
    assertEquals(text.code, 2, text.output);
    assertMatch(
      text.output,
      /^CRITICAL: this node holds 198\.51\.100\.50, 1 of 1 peers live, master for \d+\.\d s; no /,
    );
    assertMatch(
      text.output,
      /\n198\.51\.100\.50\n {2}role +master \((best|stalled)\) for \d+\.\d s\n/,
    );
    assertMatch(text.output, /\n {2}node-2 \(127\.0\.0\.2\) +live +20 +no +\d+\.\d s ago\n/);
    // It warns for a while when it was paused, as a busy machine may do.
    let backup = await statusOf(cluster, 2, "--nagios");
    await until(async () => {
      if (/paused/.test(backup.output)) backup = await statusOf(cluster, 2, "--nagios");
      return !/paused/.test(backup.output);
    }, { title: "it was not paused" });
    assertEquals(backup.code, 0, backup.output);
    assertMatch(
      backup.output,
      /^EXOIP OK - node-1 \(127\.0\.0\.1\) holds 198\.51\.100\.50, 1 of 1 peers live, .* \| 'holding'=0 /,
    );
    const json = await statusOf(cluster, 2, "--json");
    const { addresses, instanceId }: Snapshot = JSON.parse(json.output);
    assertEquals(violations(JSON.parse(json.output), STATUS_SCHEMA), []);
    assertEquals(violations(JSON.parse((await get("/status.json")).text), STATUS_SCHEMA), []);
    assertEquals(json.output.match(/: \d+\.\d+,/g), null, "whole milliseconds");
    assertEquals([addresses[0]?.role, instanceId], ["backup", cluster.node(2).instance.id]);
    const { addresses: [address], program, changes } = await snapshot();
    assert(address);
    assertEquals([address.role, address.holding, address.peers[0]?.link], ["master", true, "both"]);
    assertEquals([program.version.length > 2, address.cloud.startsWith("API v2 at")], [true, true]);
    assert(changes.some(({ event, text }) => event === "role" && text.startsWith("master (best)")));
    const metrics = (await get("/metrics")).text;
    assertMatch(metrics, /^exoip_holding\{address="198\.51\.100\.50"\} 1$/m);
    assertMatch(metrics, /^exoip_api_calls_total\{address="198\.51\.100\.50",verb="attach"\} 1$/m);
    assertMatch((await get("/")).text, /^<!DOCTYPE html>/);
    assertEquals((await get("/nothing")).status, 404);
    // It reports the stop as soon as it begins, and the process ends although a client is connected.
    cluster.server.fault = () => "hang";
    node.process?.signal("SIGTERM");
    await until(async () => (await snapshot()).phase === "stopping", {
      title: "it leaves",
      everyMs: 100,
    });
    assertEquals((await get("/readyz")).status, 503);
    assertEquals((await get("/healthz")).status, 200);
  });
});

Deno.test("whoever asks and connects as much as he can delays no heartbeat", async () => {
  await inCluster(async ({ cluster, port, get }) => {
    await delaysNoHeartbeat(cluster, async () => {
      const silent = await Promise.all(
        Array.from({ length: 200 }, () => Deno.connect({ hostname: "127.0.0.1", port })),
      );
      const statuses = new Map<number, number>();
      const beganAtMs = performance.now();
      const spentMs = () => performance.now() - beganAtMs;
      const refused = () => statuses.get(503) ?? 0;
      const going = () => spentMs() < 3_000 || (refused() <= 20 && spentMs() < 60_000);
      await Promise.all(Array.from({ length: 8 }, async () => {
        while (going()) {
          // Beyond the limit the server closes the connection silently.
          const { status } = await get("/metrics").catch(() => ({ status: 0 }));
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      }));
      const seconds = (performance.now() - beganAtMs) / 1_000;
      assert((statuses.get(200) ?? 0) <= 20 * (seconds + 2), `${[...statuses]}`);
      const again = async () =>
        (await get("/status.json").catch(() => ({ text: "" }))).text.includes('"role":"master"');
      await until(again, { title: "it answers again, as what it was", everyMs: 100 });
      for (const connection of silent) connection.close();
    });
  }, STRICT);
});

Deno.test("many empty connections, and requests of every kind, keep no supervisor from its answer", async () => {
  await inCluster(async ({ cluster, port, get }) => {
    await until(async () => (await get("/readyz")).status === 200, {
      title: "ready",
      everyMs: 100,
    });
    await delaysNoHeartbeat(cluster, async () => {
      const beganAtMs = performance.now();
      let probed = false;
      const going = () => !probed || performance.now() < beganAtMs + 4_000;
      const statuses = new Map<string, number>();
      const host = "Host: 127.0.0.1\r\n\r\n";
      const requests = [
        `GET /x HTTP/1.1\r\n${host}`,
        "GET / HTTP/1.1\r\nHost: evil\r\n\r\n",
        "hello\r\n\r\n",
      ];
      const ask = async (text: string) => {
        using connection = await Deno.connect({ hostname: "127.0.0.1", port });
        await connection.write(new TextEncoder().encode(text));
        const bytes = new Uint8Array(64);
        const count = await connection.read(bytes);
        return new TextDecoder().decode(bytes.subarray(0, count ?? 0)).slice(9, 12);
      };
      const asking = requests.map(async (text) => {
        while (going()) {
          const status = await ask(text).catch(() => "");
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      });
      const held: Deno.TcpConn[] = [];
      const connecting = Array.from({ length: 20 }, async () => {
        while (going()) {
          const connection = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => null);
          if (connection) held.push(connection);
          if (held.length > 500) held.shift()?.close();
        }
      });
      // A separate process, like a supervisor: this one is busy with the flood. A client that a busy machine lets wait
      // between connection and request may lose its connection, but not each time.
      const script = `
      const url = "http://127.0.0.1:${port}/healthz";
      const ask = (more) =>
        fetch(url, { signal: AbortSignal.timeout(30_000) })
          .catch((error) => more > 0 ? ask(more - 1) : Promise.reject(error));
      for (let count = 0; count < 25; count++) {
        const response = await ask(2);
        if (await response.text() !== "ok\\n") throw new Error("odd: " + response.status);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }`;
      const probe = await new Deno.Command(Deno.execPath(), { args: ["eval", "--quiet", script] })
        .output();
      probed = true;
      await Promise.all([...asking, ...connecting]);
      for (const connection of held) connection.close();
      const output = new TextDecoder().decode(probe.stdout) +
        new TextDecoder().decode(probe.stderr);
      assertEquals(probe.code, 0, output);
      const seconds = (performance.now() - beganAtMs) / 1_000;
      const answered = ["404", "421", "400"].map((status) => statuses.get(status) ?? 0);
      assert(answered.every((count) => count > 0), `${[...statuses]}`);
      const sum = answered.reduce((total, count) => total + count);
      assert(sum <= 20 * (seconds + 2), `${[...statuses]} in ${seconds} s`);
    });
  }, STRICT);
});

Deno.test("a user who asks over UDP all the time keeps nobody else from --status", async () => {
  await inCluster(async ({ cluster }) => {
    const target = { transport: "udp", hostname: "127.0.0.1", port: cluster.port } as const;
    // Many sockets, because the limit for a single one would protect the others.
    const sockets = Array.from(
      { length: 50 },
      () => Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 }),
    );
    let asking = true;
    const flood = (async () => {
      for (let count = 0; asking; count++) {
        const text = new TextEncoder().encode(count % 2 ? "info" : "info json 1");
        await sockets[count % sockets.length]?.send(text, target);
        await new Promise((resolve) => setTimeout(resolve, count % 3 === 0 ? 4 : 1));
      }
    })();
    try {
      for (let attempt = 0; attempt < 5; attempt++) {
        const { output } = await statusOf(cluster, 1);
        assertMatch(output, /\n {2}role +(master|backup) /, "it was answered");
      }
    } finally {
      asking = false;
      await flood;
      for (const socket of sockets) socket.close();
    }
  });
});

Deno.test("a port that somebody else has keeps no watchdog from serving, and is taken once it is free", async () => {
  const port = freeTcpPort(), listener = Deno.listen({ hostname: "127.0.0.1", port });
  const cluster = new Cluster({ count: 1 });
  const node = cluster.node(1);
  const said = (text: RegExp) => node.lines.filter((line) => text.test(line.text)).length;
  try {
    cluster.start(node, { priority: 10, args: ["--listen-status", `127.0.0.1:${port}`] });
    await until(() => cluster.holders.length === 1, { title: "it holds" });
    const trouble = new RegExp(
      `WARNING\\] listen-status: --listen-status \\(IF_LISTEN_STATUS\\): cannot listen on ` +
        `127.0.0.1:${port}: .*; trying again every 5 s$`,
    );
    assertEquals(said(trouble), 1);
    listener.close();
    await until(() => said(new RegExp(`listen-status: listening on 127.0.0.1:${port} now`)) === 1, {
      title: "it listens",
    });
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
    await answer.body?.cancel();
    assertEquals(answer.status, 200);
    assertEquals(said(trouble), 1);
    node.process?.signal("SIGTERM");
    assertEquals(await node.process?.ended(), 0, node.process?.output);
  } finally {
    try {
      listener.close();
    } catch {
      // The server closes it in the middle of the test.
    }
    await cluster.close();
  }
});
