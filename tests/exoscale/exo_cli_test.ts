// The official CLI with the simulated cloud: if the CLI accepts its answers, they resemble the real ones. EXO_BIN names
// the program (github.com/exoscale/cli, built with `go build`).
import { assert, assertEquals, assertMatch } from "@std/assert";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { CloudFixture, ELASTIC_IP } from "../support/cloud/cloud_fixture.ts";
import { skippableTest } from "../support/skippable.ts";

const EXO = Deno.env.get("EXO_BIN") ?? "";

/** Its output. Throws its error message. */
async function exo(fixture: CloudFixture, ...args: string[]): Promise<string> {
  const home = await Deno.makeTempDir();
  try {
    const { success, stdout, stderr } = await new Deno.Command(EXO, {
      args: [...args, "--zone", "ch-gva-2"],
      clearEnv: true,
      env: {
        HOME: home,
        SSL_CERT_FILE: fixture.server.caFile,
        EXOSCALE_API_KEY: SIM_KEY,
        EXOSCALE_API_SECRET: SIM_SECRET,
        EXOSCALE_API_ENDPOINT: fixture.server.endpoint("v2"),
      },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assert(success, `exo ${args.join(" ")}: ${text(stdout)}${text(stderr)}`);
    return text(stdout);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

skippableTest(
  "the official CLI lists and shows instances, attaches and detaches",
  EXO === "" ? "needs EXO_BIN, the official CLI" : null,
  async () => {
    await using fixture = new CloudFixture();
    const { self } = fixture;
    const list = await exo(fixture, "compute", "instance", "list");
    assertMatch(list, new RegExp(`${self.id}.*standard\\.micro.*${self.address}.*running`));
    const { name } = self;
    assertMatch(await exo(fixture, "compute", "instance", "show", name), /Elastic IPs +\| n\/a/);
    const change = (verb: string) =>
      exo(fixture, "compute", "instance", "elastic-ip", verb, name, ELASTIC_IP);
    await change("attach");
    assertEquals([...fixture.address.holders], [self.id]);
    const shown = await exo(fixture, "compute", "instance", "show", name);
    assert(shown.includes(ELASTIC_IP), shown);
    assertMatch(await exo(fixture, "compute", "elastic-ip", "show", ELASTIC_IP), /Instances +\| /);
    await change("detach");
    assertEquals([...fixture.address.holders], []);
  },
);
