// Type=notify as systemd sees it: the real program's messages to NOTIFY_SOCKET, in order, and their times.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Cluster, ELASTIC_IP } from "../support/cluster.ts";
import { TextLineStream } from "../support/lines.ts";
import { until } from "../support/until.ts";
import { ExoipProcess } from "../support/process.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { inFolder, machineTest } from "./requirements.ts";

/** Everything that arrives at a notification socket, one assignment each. */
class Manager {
  readonly heard: { text: string; atMs: number }[] = [];
  readonly #socket: Deno.DatagramConn;

  constructor(path: string) {
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path });
    this.#listen();
  }

  async #listen(): Promise<void> {
    for await (const [bytes] of this.#socket) {
      const atMs = performance.now();
      for (const text of new TextDecoder().decode(bytes).split("\n")) {
        this.heard.push({ text, atMs });
      }
    }
  }

  texts(): string[] {
    return this.heard.map(({ text }) => text);
  }

  first(start: string): { text: string; atMs: number } | undefined {
    return this.heard.find(({ text }) => text.startsWith(start));
  }

  close(): void {
    this.#socket.close();
  }
}

/** Starts a single watchdog that uses that socket. */
function watch(cluster: Cluster, env: Record<string, string>): ExoipProcess {
  const { id, address } = cluster.node(1).instance;
  const common = ["-W", "-O", "-xi", ELASTIC_IP, ...cluster.server.args("v2"), "-i", id];
  const args = [...common, "-p", address, "-l", `${address}:${cluster.port}`, "-t", "0.2"];
  const keys = { IF_EXOSCALE_API_KEY: SIM_KEY, IF_EXOSCALE_API_SECRET: SIM_SECRET };
  return new ExoipProcess(args, { env: { ...keys, ...env } });
}

machineTest(
  "the watchdog says READY once its first election is over, then lives, then STOPPING",
  {},
  () =>
    inFolder(async (folder) => {
      const manager = new Manager(`${folder}/notify`);
      const cluster = new Cluster({ count: 1 });
      const startedAtMs = performance.now();
      const env = { NOTIFY_SOCKET: `${folder}/notify`, WATCHDOG_USEC: "400000" };
      const process = watch(cluster, env);
      try {
        const signs = () => manager.texts().filter((text) => text === "WATCHDOG=1").length;
        const held = () =>
          manager.texts().includes(`STATUS=master (alone), ${ELASTIC_IP} is attached`);
        await until(() => held() && signs() >= 8, { title: "it holds and lives" });
        const ready = manager.first("READY=1"), told = manager.texts();
        const [lost, over, attached] = [
          "STATUS=backup (settling)",
          "READY=1",
          `STATUS=master (alone), ${ELASTIC_IP} is attached`,
        ].map((start) => told.findIndex((text) => text.startsWith(start)));
        assert(lost! >= 0 && lost! < over!, told.join("\n"));
        assert(over! < attached!, "it is ready as it has a role, not as the cloud has answered");
        assert(ready!.atMs - startedAtMs >= 700, "the hold-off of 3 x 200 + 100 ms comes first");

        process.signal("SIGSTOP");
        // What it said before that may be heard late.
        let before = -1;
        const silent = () => before === (before = signs());
        await until(silent, { title: "a process that hangs shows no life", everyMs: 1_000 });
        process.signal("SIGCONT");
        await until(() => signs() > before, { title: "it lives again" });

        process.signal("SIGTERM");
        assertEquals(await process.ended(), 0, process.output);
        await until(() => manager.first("STOPPING=1") !== undefined, { title: "its last word" });
        const stopping = manager.texts().indexOf("STOPPING=1");
        assertMatch(manager.texts()[stopping + 1] ?? "", /^EXTEND_TIMEOUT_USEC=3[45]\d{6}$/);
        const once = ["READY=1", "STOPPING=1"];
        const counts = once.map((word) => manager.texts().filter((text) => text === word).length);
        assertEquals(counts, [1, 1]);
      } finally {
        process.signal("SIGKILL");
        await process.ended();
        await cluster.close();
        manager.close();
      }
    }),
);

machineTest(
  "the watchdog says RELOADING at the instant of its reload, then READY again",
  {},
  () =>
    inFolder(async (folder) => {
      const manager = new Manager(`${folder}/notify`);
      const cluster = new Cluster({ count: 1 });
      await Deno.writeTextFile(`${folder}/exoip.toml`, "priority = 10\n");
      const env = { NOTIFY_SOCKET: `${folder}/notify`, IF_CONFIG: `${folder}/exoip.toml` };
      const process = watch(cluster, env);
      try {
        await until(() => manager.first("READY=1") !== undefined, { title: "it is ready" });
        await Deno.writeTextFile(`${folder}/exoip.toml`, "priority = 20\n");
        const beganUsec = uptimeUsec();
        process.signal("SIGHUP");
        const readies = () => manager.texts().filter((text) => text === "READY=1").length;
        await until(() => readies() === 2, { title: "it is ready again" });
        await until(() => process.output.includes("priority is now 20"), { title: "it says so" });
        const texts = manager.texts();
        const reloading = texts.indexOf("RELOADING=1");
        assert(reloading > 0 && reloading < texts.lastIndexOf("READY=1"), texts.join("\n"));
        const [, usec] = /^MONOTONIC_USEC=(\d+)$/.exec(texts[reloading + 1] ?? "") ?? [];
        // A process that has given up its rights may be unable to read that clock; systemd accepts that.
        const told = usec === undefined ? beganUsec : Number(usec);
        assert(told >= beganUsec && told <= uptimeUsec() + 10_000, `${usec}`);
      } finally {
        process.signal("SIGKILL");
        await process.ended();
        await cluster.close();
        manager.close();
      }
    }),
);

/** The kernel's clock, rounded down. */
function uptimeUsec(): number {
  return Math.round(Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) * 1e6);
}

machineTest("the watchdog finds an abstract NOTIFY_SOCKET, and needs none", {
  tools: ["python3 (python3)"],
}, async () => {
  const name = `exoip-test-${crypto.randomUUID()}`;
  const cluster = new Cluster({ count: 1 });
  // Deno cannot bind an abstract name of its choice.
  const listener = new Deno.Command("python3", {
    args: ["-uc", LISTEN, name],
    stdout: "piped",
    stdin: "null",
  }).spawn();
  const lines: string[] = [];
  const reading = (async () => {
    for await (const line of listener.stdout.pipeThrough(new TextLineStream())) lines.push(line);
  })();
  await until(() => lines.includes("bound"), { title: "somebody listens" });
  const process = watch(cluster, { NOTIFY_SOCKET: `@${name}` });
  try {
    await until(() => lines.includes("READY=1"), { title: "it is ready" });
    process.signal("SIGTERM");
    assertEquals(await process.ended(), 0, process.output);
    await until(() => lines.includes("STOPPING=1"), { title: "it stops" });
    assert(!lines.includes("WATCHDOG=1"), "nobody asked for signs of life");
    listener.kill("SIGTERM");
    for (const socket of ["", `@${name}`, "/nowhere/notify"]) {
      const unheard = watch(cluster, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "100000" });
      await until(() => /role: master/.test(unheard.output), { title: `it works with ${socket}` });
      unheard.signal("SIGTERM");
      assertEquals(await unheard.ended(), 0, unheard.output);
      assert(!/notify|socket/i.test(unheard.output), unheard.output);
    }
  } finally {
    process.signal("SIGKILL");
    await process.ended();
    await listener.status;
    await reading;
    await cluster.close();
  }
});

const LISTEN = `
import socket, sys
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind("\\0" + sys.argv[1])
print("bound")
while True: print(heard.recv(4096).decode())
`;
