// One-shot modes and exit codes of the real program.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ELASTIC_IP } from "../support/cluster.ts";
import { freeUdpPort } from "../support/ports.ts";
import { until } from "../support/until.ts";
import { ExoipProcess } from "../support/process.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { CloudServer } from "../support/cloud/server.ts";

/** Runs to the end: exit code and output. */
async function run(args: readonly string[], env: Record<string, string> = {}) {
  const process = new ExoipProcess(args, { env: { HOME: "/nonexistent", ...env } });
  const code = await process.ended();
  return { code, output: process.output };
}

Deno.test("-h, -version and a command line that cannot be parsed", async () => {
  const help = await run(["-h"]);
  assertEquals(help.code, 0);
  assertStringIncludes(help.output, "--handover-timeout");
  const version = await run(["-version"]);
  assertEquals(version.code, 0);
  assertStringIncludes(version.output, "commit");
  assertEquals((await run(["-nonsense"])).code, 2);
});

for (const [api, tls] of [["v1", true], ["v2", true], ["v2", false]] as const) {
  const how = `API ${api}${tls ? "" : ", over plain HTTP to this machine,"}`;
  Deno.test(`-A and -D on ${how} attach and detach once`, async () => {
    const server = new CloudServer(null, { tls });
    const address = server.model.addAddress(ELASTIC_IP);
    const { id } = server.model.addInstance(1, "127.0.0.1");
    const common = ["-O", "-xi", ELASTIC_IP, ...server.args(api), "-i", id];
    const env = { IF_EXOSCALE_API_KEY: SIM_KEY, IF_EXOSCALE_API_SECRET: SIM_SECRET };
    try {
      for (const [mode, holders] of [["-A", 1], ["-A", 1], ["-D", 0], ["-D", 0]] as const) {
        const { code, output } = await run([mode, ...common], env);
        assertEquals(code, 0, output);
        assertEquals(address.holders.size, holders);
      }
      const wrong = await run(["-A", ...common], { ...env, IF_EXOSCALE_API_SECRET: "wrong" });
      assertEquals(wrong.code, 1);
      assertStringIncludes(wrong.output, "could not be attached");
      assertEquals(address.holders.size, 0);
      const calls = server.calls.length;
      const check = await run(["-A", "-n", "-v", ...common], env);
      assertEquals(check.code, 0, check.output);
      assert(!check.output.includes(SIM_SECRET) && !check.output.includes(SIM_KEY), check.output);
      assertEquals(server.calls.length, calls, "-n asks nobody");
    } finally {
      await server.close();
    }
  });
}

Deno.test("all configuration problems are reported together", async () => {
  const { code, output } = await run([
    "-W",
    "-n",
    "-xi",
    "1.2.3",
    "-t",
    "0",
    "-r",
    "0",
    "-P",
    "300",
  ]);
  assertEquals(code, 1);
  for (
    const name of ["IF_ADDRESS", "IF_ADVERTISEMENT_INTERVAL", "IF_DEAD_RATIO", "IF_HOST_PRIORITY"]
  ) {
    assertStringIncludes(output, name);
  }
});

Deno.test("a peer that is no instance is told, and does not keep the watchdog from starting", async () => {
  const server = new CloudServer();
  const address = server.model.addAddress(ELASTIC_IP);
  const { id } = server.model.addInstance(1, "127.0.0.1");
  const args = ["-W", "-O", "-xi", ELASTIC_IP, ...server.args("v2"), "-i", id];
  try {
    const env = { IF_EXOSCALE_API_KEY: SIM_KEY, IF_EXOSCALE_API_SECRET: SIM_SECRET };
    const { code, output } = await run([...args, "-p", "127.0.0.77", "-l", "127.0.0.1:0"], env);
    assertEquals(code, 1);
    assertStringIncludes(output, "is not ADDRESS:PORT");
    const watchdog = new ExoipProcess(
      [...args, "-p", "127.0.0.77", "-l", `127.0.0.1:${freeUdpPort()}`, "-t", "0.1"],
      { env },
    );
    try {
      await until(() => address.holders.size === 1, { title: "it holds" });
      const critical = /CRIT *\] peer-unknown: .*127\.0\.0\.77 \(0 found\)/;
      await until(() => critical.test(watchdog.output), { title: "it tells of the peer" });
    } finally {
      watchdog.signal("SIGTERM");
      assertEquals(await watchdog.ended(), 0, watchdog.output);
    }
  } finally {
    await server.close();
  }
});

Deno.test({
  name: "without -i and without ip the program reads the kernel's routes and the system UUID",
  // In a network namespace of its own, so that no real service is asked.
  ignore: Deno.build.os !== "linux" || Deno.uid() !== 0,
  async fn() {
    const args = ["-n", "-A", "-xi", ELASTIC_IP, "-xe", "http://127.0.0.1:1/v2"];
    const env = { IF_EXOSCALE_API_KEY: SIM_KEY, IF_EXOSCALE_API_SECRET: SIM_SECRET };
    const process = new ExoipProcess(args, { env, wrap: ["unshare", "-n"] });
    const code = await process.ended();
    if (code !== 0) assertStringIncludes(process.output, "/proc/net/route (no default gateway)");
    assert(!process.output.includes("Requires"), process.output);
  },
});
