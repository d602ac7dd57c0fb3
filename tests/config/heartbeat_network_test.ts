// --heartbeat-network: what it takes, and what it does not go with.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { run } from "../support/fake_host.ts";

const WATCH = [
  "-W",
  "-n",
  "-xi",
  "198.51.100.50",
  "-xk",
  "EXOkey",
  "-xs",
  "secret",
  "-i",
  "00000001-0000-4000-8000-000000000001",
];

async function problems(...argv: string[]): Promise<string> {
  const { code, err } = await run([...WATCH, ...argv], { env: {} });
  return code === 0 ? "" : err.join("\n");
}

Deno.test("--heartbeat-network takes names, ids and the word public", async () => {
  assertEquals(await problems("--heartbeat-network", "backend"), "");
  assertEquals(await problems("--heartbeat-network", "public,backend"), "");
  assertEquals(await problems("--heartbeat-network", "public", "-p", "203.0.113.12"), "");
  assertEquals(await problems("--heartbeat-network", "backend", "-l", "10.0.0.11:12345"), "");
});

Deno.test("--heartbeat-network says what it does not go with", async () => {
  const rows = [
    [["backend", "-p", "203.0.113.12"], "excludes -p"],
    [["public,backend", "-l", "10.0.0.11:12345"], "names 2 networks, but -l"],
    [["backend", "--api", "v1"], "private networks need API v2"],
    [["backend,"], "the name of a network is empty"],
    [[""], "the name of a network is empty"],
  ] as const;
  for (const [argv, problem] of rows) {
    const said = await problems("--heartbeat-network", ...argv);
    assertStringIncludes(said, "--heartbeat-network (IF_HEARTBEAT_NETWORK)");
    assertStringIncludes(said, problem);
  }
});
