// From the configuration to a usable cloud, while the cloud is not available yet.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { readValues } from "../../src/options/parse.ts";
import { type Config, configure } from "../../src/config/config.ts";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { connectionFor } from "../../src/startup/connection.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import {
  APIS,
  cloudFetch,
  CloudFixture,
  ELASTIC_IP,
  PATIENT,
} from "../support/cloud/cloud_fixture.ts";

function configOf(fixture: CloudFixture, mode: string, address: string): Config {
  const endpoint = ["-xe", fixture.server.endpoint("v2")];
  const argv = [mode, "-xi", address, "-xk", SIM_KEY, "-xs", SIM_SECRET, ...endpoint];
  const config = configure(readValues(argv, {}), {});
  assert(!("problems" in config), JSON.stringify(config));
  return config;
}

/** Connects; `lines` are the log. */
async function connect(
  fixture: CloudFixture,
  config: Config,
  signal: AbortSignal = new AbortController().signal,
) {
  const lines: string[] = [];
  const never = () => Promise.reject(new Error("not there"));
  const connection = await connectionFor(config, {
    instanceId: fixture.self.id,
    host: {
      fetch: cloudFetch,
      clock: fixture.clock,
      machine: { fetch: never, root: "", readTextFile: never, run: never },
    },
    log: { write: (severity, event, text) => void lines.push(`${severity} ${event}: ${text}`) },
    signal,
  });
  return { connection, lines };
}

Deno.test("connectionFor() waits for the cloud to tell the address of a name, and says so", async () => {
  await using fixture = new CloudFixture();
  fixture.address.description = "web";
  let failures = 0;
  fixture.server.fault = () => failures++ < 3 ? "503-retry-after" : null;
  const { connection, lines } = await connect(fixture, configOf(fixture, "-W", "web/20"));
  assertEquals(connection?.elasticIps, [{ elasticIp: ELASTIC_IP, priority: 20 }]);
  assertEquals(lines.length, 4);
  assert(
    /^warning address-unknown: cannot find .*waiting for the cloud$/.test(lines[0] ?? ""),
    lines[0],
  );
  assertEquals(lines[3], `info address: "web" is ${ELASTIC_IP}`);
});

Deno.test("connectionFor() gives up on a name that does not exist, and in -A on a cloud that is away", async () => {
  await using fixture = new CloudFixture();
  const unknown = await connect(fixture, configOf(fixture, "-W", "web"));
  assertEquals([unknown.connection, unknown.lines.length], [null, 1]);
  assert(unknown.lines[0]?.startsWith("critical address-unknown: "), unknown.lines[0]);
  fixture.server.fault = () => "500";
  const away = await connect(fixture, configOf(fixture, "-A", "web"));
  assertEquals(away.connection, null);
  const severities = away.lines.map((line) => line.split(" ")[0]);
  assertEquals(severities, [...severities.slice(1).map(() => "warning"), "critical"]);
  assert(severities.length > 4, `only ${severities.length} attempts within a minute`);
});

Deno.test("connectionFor() stops waiting when told to", async () => {
  await using fixture = new CloudFixture();
  const stopping = new AbortController();
  fixture.server.fault = () => {
    stopping.abort();
    return "500";
  };
  const { connection, lines } = await connect(
    fixture,
    configOf(fixture, "-W", "web"),
    stopping.signal,
  );
  assertEquals([connection, lines], [null, []]);
});

Deno.test("connectionFor() asks nobody for an address that is one", async () => {
  await using fixture = new CloudFixture();
  const { connection } = await connect(fixture, configOf(fixture, "-W", ELASTIC_IP));
  assertEquals(connection?.elasticIps, [{ elasticIp: ELASTIC_IP, priority: null }]);
  assertEquals(fixture.server.calls, []);
});

Deno.test("connectionFor() makes clients that follow other peers and another key", async () => {
  await using fixture = new CloudFixture();
  for (const api of APIS) {
    fixture.model.credentials = null;
    const config = {
      ...configOf(fixture, "-W", ELASTIC_IP),
      api,
      endpoint: fixture.server.endpoint(api),
    };
    const { connection } = await connect(fixture, config);
    const cloud = connection!.connect(ELASTIC_IP, () => {});
    await cloud.prepare(PATIENT);
    const peersAt = async ({ address }: { address: string }) =>
      (await cloud.members(PATIENT, [address])).peers.map(({ address }) => address);
    assertEquals(await peersAt(fixture.peer), [fixture.peer.address]);
    fixture.model.credentials = { apiKey: "EXOnew", secret: "another" };
    await assertRejects(() => peersAt(fixture.third), CloudError);
    connection!.signer.use(fixture.model.credentials);
    assertEquals(await peersAt(fixture.third), [fixture.third.address], api);
  }
});
