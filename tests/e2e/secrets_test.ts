// Secrets never leak: whole runs in every mode, with a normal cloud and with one that echoes all its input and more.
// Then the test searches every output, the watchdog's answers, the process list and the wire.
import { assert, assertEquals } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { CloudServer } from "../support/cloud/server.ts";
import { thisComputer } from "../../main.ts";
import { runProgram } from "../../src/program.ts";
import { hurriedClock } from "../support/cloud/cloud_fixture.ts";
import { ELASTIC_IP } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { ExoipProcess } from "../support/process.ts";
import { freeUdpPort } from "../support/ports.ts";

const SHARED = "Zw6-shared-secret-of-this-cluster", NEXT = "Qp9-secret-that-will-replace-it";
const SECRETS = [SIM_KEY, SIM_SECRET, SHARED, NEXT];
const ENV = {
  IF_EXOSCALE_API_KEY: SIM_KEY,
  IF_EXOSCALE_API_SECRET: SIM_SECRET,
  IF_SHARED_SECRET: `${SHARED}\n${NEXT}`,
};

/** No ten-character part of a secret may appear, in any form. */
function assertClean(text: string, where: string, secrets = SECRETS): void {
  for (const secret of secrets) {
    const bytes = new TextEncoder().encode(secret);
    for (const form of [secret, encodeURIComponent(secret), encodeBase64(bytes), bytes.toHex()]) {
      const at = text.indexOf(form.slice(0, 10));
      assert(at < 0, `${where}: ${text.slice(Math.max(0, at - 80), at + 80)}`);
    }
  }
}

function commandLine(pid: number): string {
  return Deno.build.os === "linux" ? Deno.readTextFileSync(`/proc/${pid}/cmdline`) : "";
}

Deno.test("no secret comes out of a watchdog, its status, its heartbeats, -v, -A and -D", async () => {
  const server = new CloudServer();
  const address = server.model.addAddress(ELASTIC_IP);
  const { id } = server.model.addInstance(1, "127.0.0.1");
  server.model.addInstance(2, "127.0.0.2");
  const port = freeUdpPort();
  const common = ["-O", "-v", "-xi", ELASTIC_IP, ...server.args("v2"), "-i", id];
  const watch = ["-W", ...common, "-p", "127.0.0.2", "-l", `127.0.0.1:${port}`, "-t", "50ms"];
  const peer = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.2", port });
  const wire: Uint8Array[] = [];
  const listening = (async () => {
    for await (const [bytes] of peer) wire.push(bytes.slice());
  })();
  try {
    const check = new ExoipProcess([...watch, "-n"], { env: ENV });
    assertEquals(await check.ended(), 0, check.output);
    assertClean(check.output, "-n -v");

    const watchdog = new ExoipProcess(watch, { env: ENV });
    await until(() => watchdog.output.includes("] attached: ") && wire.length > 5, {
      title: "it holds, and knows it",
    });
    assert(address.holders.has(id));
    await peer.send(new Uint8Array(24), { transport: "udp", hostname: "127.0.0.1", port });
    const status = new ExoipProcess(["--status", "-l", `127.0.0.1:${port}`], { env: ENV });
    assertEquals(await status.ended(), 2, status.output);
    assertClean(status.output, "--status");
    assertClean(commandLine(watchdog.pid), "process list");
    await until(() => watchdog.output.includes("refused"), { title: "a refusal" });
    watchdog.signal("SIGTERM");
    assertEquals(await watchdog.ended(), 0, watchdog.output);
    assert(watchdog.output.includes("signed: yes, 2 keys"), watchdog.output);
    assertClean(watchdog.output, "-W -v");
    assertClean(wire.map((bytes) => new TextDecoder("latin1").decode(bytes)).join("\n"), "wire");
    assert(wire.every(({ length }) => length === 96), "all are signed");

    for (const mode of ["-A", "-D"]) {
      const once = new ExoipProcess([mode, ...common], { env: ENV });
      assertEquals(await once.ended(), 0, once.output);
      assertClean(once.output, mode);
    }
    const wrong = new ExoipProcess(["-W", "-D", "-xi", "1.2", "-xs", SIM_SECRET, "-xsx", SHARED]);
    assertEquals(await wrong.ended(), 2);
    assertClean(wrong.output, "unusable command line");
  } finally {
    peer.close();
    await listening;
    await server.close();
  }
});

/** All secrets at once, cut wherever a quotation may be cut. */
function babble(request: Request, padding: number): string {
  const forms = SECRETS.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    encodeBase64(secret),
    new TextEncoder().encode(secret).toHex(),
  ]);
  const headers = [...request.headers].map(([name, value]) => `${name}: ${value}`);
  return "x".repeat(padding) + [...forms, ...headers, request.url].join(" ");
}

const ANSWERS: readonly ((text: string) => Response)[] = [
  (message) => Response.json({ message }, { status: 500 }),
  (message) => Response.json({ message }, { status: 403 }),
  (message) => Response.json({ errortext: message }, { status: 431 }),
  (message) => new Response(`<html>${message}</html>`, { status: 502 }),
  (message) =>
    new Response("<html>", { headers: { "content-type": `text/${message.slice(0, 4_000)}` } }),
  (message) => new Response(`{"message": "${message}`),
  (message) => new Response("", { status: 302, headers: { location: message.slice(0, 4_000) } }),
  (message) => Response.json({ id: message, state: message, "elastic-ips": [{ ip: message }] }),
  (message) => Response.json({ id: message, state: "failure", reason: message, message }),
];

/** One quick run in this process, on the real computer except for its outputs; returns everything written. */
async function runHere(
  args: readonly string[],
  { stop, rate = 200 }: { stop?: Promise<void>; rate?: number } = {},
): Promise<string> {
  const lines: string[] = [];
  await runProgram(args, {
    ...thisComputer(),
    env: ENV,
    clock: hurriedClock(rate),
    privileges: { keepOnly() {} },
    signals: {
      listen(listener) {
        stop?.then(() => listener("stop"));
        return () => {};
      },
    },
    print: (_, line) => void lines.push(line),
    openLog: () => ({
      kind: "stdout",
      needsRight: false,
      format: "text",
      setLevel() {},
      write: (severity, event, text) => void lines.push(`${severity} ${event}: ${text}`),
      flush: () => Promise.resolve(),
    }),
  });
  return lines.join("\n");
}

Deno.test("no secret comes out when the cloud sends back all that it was sent", async () => {
  for (const api of ["v1", "v2"] as const) {
    let count = 0;
    // Without TLS: five hundred runs, each with its own connection, gain nothing from it.
    const cloud = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      const answer = ANSWERS[count % ANSWERS.length] ?? (() => new Response());
      // Each round shifts the secrets, so that every cut falls somewhere within one.
      return answer(babble(request, (Math.floor(count++ / ANSWERS.length) * 7) % 203));
    });
    const endpoint = `http://127.0.0.1:${cloud.addr.port}/${api === "v1" ? "compute" : "v2"}`;
    const id = "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f";
    const common = ["-O", "-v", "-xi", ELASTIC_IP, "-xe", endpoint, "-i", id];
    try {
      const outputs: string[] = [];
      let enough = () => {};
      const stop = new Promise<void>((resolve) => enough = resolve);
      const statusPort = freeUdpPort();
      const listen = ["-p", "127.0.0.2", "-l", `127.0.0.1:${freeUdpPort()}`];
      listen.push("--listen-status", `127.0.0.1:${statusPort}`);
      const watchdog = runHere(["-W", ...common, ...listen], { stop, rate: 5 });
      // Some answers end a run at once; the next run then begins with the next answer.
      for (let run = 0; count < 29 * ANSWERS.length && run < 1_000; run++) {
        outputs.push(await runHere([run % 2 === 0 ? "-A" : "-D", ...common]));
        // A garbage answer may end the watchdog's start, and then nothing answers here.
        const path = ["status.json", "metrics", ""][run % 3] ?? "";
        const answer = await fetch(`http://127.0.0.1:${statusPort}/${path}`).catch(() => null);
        const text = await answer?.text() ?? "";
        assertClean(text, `/${path} on API ${api}`);
      }
      assert(outputs.some((output) => output.includes("cloud-error")), "calls have failed");
      enough();
      assertClean(await watchdog, `-W on API ${api}`);
      assert(count >= 29 * ANSWERS.length, `${count} answers`);
      assert(outputs.some((output) => output.includes("[secret]")), "something was hidden");
      // These runs have read no shared secret, so they cannot have sent it.
      for (const output of outputs) assertClean(output, `API ${api}`, [SIM_KEY, SIM_SECRET]);
    } finally {
      await cloud.shutdown();
    }
  }
});
