// The arm64 program from its start to its end: what it prints, and one-shot modes on the simulated cloud.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { VERSION } from "../../scripts/release/targets.ts";
import { ELASTIC_IP } from "../support/cluster.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { CloudServer } from "../support/cloud/server.ts";
import { arm64Test, run } from "./emulated.ts";

const ID = "2f8f5c6a-7d0e-4b52-9d3c-6a3f0f1f7a11";
const CREDENTIALS = { IF_EXOSCALE_API_KEY: SIM_KEY, IF_EXOSCALE_API_SECRET: SIM_SECRET };

arm64Test("arm64: -version says which one it is", async () => {
  const { code, output } = await run(["-version"]);
  assertEquals(code, 0, output);
  assertMatch(output, new RegExp(`^exoip ${VERSION.replaceAll(".", "\\.")} \\(commit .+\\)$`));
});

arm64Test("arm64: -n accepts a configuration, and names what is wrong with another", async () => {
  const peers = ["-p", "127.0.0.1,127.0.0.2", "-i", ID];
  const good = await run(["-W", "-n", "-xi", ELASTIC_IP, ...peers], { env: CREDENTIALS });
  assertEquals(good.code, 0, good.output);
  const bad = await run(["-W", "-n", "-xi", "1.2.3", ...peers], { env: CREDENTIALS });
  assert(bad.code !== 0);
  assertStringIncludes(bad.output, "1.2.3");
});

arm64Test("arm64: --print-config prints a file that gives the same again", async () => {
  const args = ["--print-config", "-W", "-xi", ELASTIC_IP, "-p", "127.0.0.2", "-P", "42", "-i", ID];
  const { code, output } = await run(args, { env: CREDENTIALS });
  assertEquals(code, 0, output);
  assertMatch(output, /^priority = 42\b/m);
  const path = await Deno.makeTempFile({ suffix: ".toml" });
  try {
    await Deno.writeTextFile(path, output);
    const again = await run(["--print-config", "-W", "--config", path], { env: CREDENTIALS });
    assertEquals(again.code, 0, again.output);
    const settings = (text: string) => text.replaceAll(/ *#.*/g, "").split("\n").filter(Boolean);
    assertEquals(settings(again.output), settings(output));
  } finally {
    await Deno.remove(path);
  }
});

for (const api of ["v1", "v2"] as const) {
  arm64Test(`arm64: -A and -D on API ${api} attach and detach over TLS`, async () => {
    const server = new CloudServer(null);
    const address = server.model.addAddress(ELASTIC_IP);
    const { id } = server.model.addInstance(1, "127.0.0.1");
    const common = ["-O", "-xi", ELASTIC_IP, ...server.args(api), "-i", id];
    try {
      for (const [mode, holders] of [["-A", id], ["-D", ""]] as const) {
        const { code, output } = await run([mode, ...common], { env: CREDENTIALS });
        assertEquals(code, 0, output);
        assertEquals([...address.holders].join(), holders);
      }
      const env = { ...CREDENTIALS, IF_EXOSCALE_API_SECRET: "wrong" };
      const wrong = await run(["-A", ...common], { env });
      assertEquals(wrong.code, 1, wrong.output);
      assertEquals(address.holders.size, 0);
    } finally {
      await server.close();
    }
  });
}
