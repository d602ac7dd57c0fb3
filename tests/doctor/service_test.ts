// --doctor checks the watchdog's needs on its machine: an interface, a port for the status, programs to run.
import { assertEquals, assertMatch } from "@std/assert";
import { type CommandOutcome, type RunCommand, runCommand } from "../../src/host/command.ts";
import { fileMode } from "../../src/host/file_mode.ts";
import { serveStatus } from "../../src/host/status_server.ts";
import { ELASTIC_IP } from "../support/cloud/cloud_fixture.ts";
import { skippableTest } from "../support/skippable.ts";
import { linesOf } from "./examination.ts";

const ENV = { PATH: Deno.env.get("PATH") ?? "" };

const DONE: CommandOutcome = { code: 0, endedBy: null, lateAfterMs: null, output: "", errors: "" };

Deno.test("--doctor asks ip whether the interface of --address-on exists", async () => {
  const argv = ["--address-on", "nope0"];
  const said = 'Device "nope0" does not exist.\n';
  const asked: string[] = [];
  const ip = (outcome: CommandOutcome): RunCommand => (words) => {
    asked.push(words.join(" "));
    return Promise.resolve(outcome);
  };
  const missing = await linesOf("interface", {
    argv,
    host: { runCommand: ip({ ...DONE, code: 1, errors: said }) },
  });
  assertEquals([missing.code, missing.lines], [1, [
    "FAIL --address-on (IF_ADDRESS_ON) nope0: " +
    "there is no such interface: make it, or name another, such as lo, eth0",
  ]]);
  assertEquals(asked.filter((line) => !line.includes("route")), ["ip link show dev nope0"]);
  // The runtime does not list an interface that is down, or has no address yet.
  const interfaces = () => [{ name: "eth0", address: "203.0.113.11" }];
  const there = await linesOf("interface", { argv, host: { interfaces, runCommand: ip(DONE) } });
  assertEquals([there.code, there.lines], [0, [
    `ok ${ELASTIC_IP} will be put on nope0 (--address-on (IF_ADDRESS_ON))`,
  ]]);
  const without = await linesOf("interface", { argv });
  assertMatch(without.lines.join("\n"), /^FAIL --address-on .*nope0: ip: install iproute2$/);
});

const found = await runCommand(["ip", "link", "show", "dev", "lo"], { env: ENV })
  .then(({ code }) => code === 0, () => false);

skippableTest(
  "--doctor tells the loopback interface from none at all with the real ip",
  found ? null : "needs iproute2",
  async () => {
    const look = async (device: string) =>
      await linesOf("interface", {
        argv: ["--address-on", device],
        env: ENV,
        host: { runCommand },
      });
    const there = await look("lo"), missing = await look("nope0");
    assertEquals([there.code, missing.code], [0, 1], missing.lines.join("\n"));
    assertMatch(missing.lines[0] ?? "", /nope0.*: make it, or name another/);
  },
);

Deno.test("--doctor says whether the port of --listen-status can be had", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const place = `127.0.0.1:${listener.addr.port}`;
  const argv = ["--listen-status", place];
  const taken = await linesOf("status", { argv, host: { serveStatus } });
  listener.close();
  assertMatch(taken.lines.join("\n"), new RegExp(`^FAIL TCP ${place}: cannot bind: .*ss -ltnp`));
  let closed = 0;
  const free = await linesOf("status", {
    argv,
    host: {
      serveStatus: ({ port }) => ({ port, close: () => Promise.resolve(void closed++) }),
    },
  });
  assertEquals([taken.code, free.code, free.lines, closed], [1, 0, [`ok TCP ${place} is free`], 1]);
  assertEquals((await linesOf("status")).lines, []);
});

skippableTest(
  "--doctor looks for the programs of --notify and of checks, and runs none",
  Deno.build.os === "windows" ? "needs permissions of files" : null,
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/tell`, "#!/bin/sh\n", { mode: 0o755 });
      await Deno.writeTextFile(`${folder}/plain`, "", { mode: 0o644 });
      await Deno.mkdir(`${folder}/folder`);
      const look = async (notify: string, check: string) => {
        const argv = ["--notify", notify, "--check", check];
        const env = { PATH: `/nowhere:${folder}` };
        const { code, lines } = await linesOf("programs", { argv, env, host: { fileMode } });
        return [code, ...lines.map((line) => line.replaceAll(folder, "DIR"))];
      };
      const notify = "--notify (IF_NOTIFY)", check = "--check (IF_CHECK)";
      assertEquals(await look("tell me", `exec:${folder}/tell`), [
        0,
        `ok ${notify}: DIR/tell is there`,
        `ok ${check}: DIR/tell is there`,
      ]);
      assertEquals(await look("nobody", `exec:${folder}/nobody --at-all`), [
        1,
        `FAIL ${notify}: no nobody in the search path (PATH): install it, or give its whole path`,
        `FAIL ${check}: DIR/nobody is no file: correct the path, or install it`,
      ]);
      assertEquals(await look("folder", "exec:plain"), [
        1,
        `FAIL ${notify}: no folder in the search path (PATH): install it, or give its whole path`,
        `FAIL ${check}: DIR/plain may not be executed: chmod +x DIR/plain`,
      ]);
      assertEquals(await look("tell", "tcp://127.0.0.1:1"), [0, `ok ${notify}: DIR/tell is there`]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
