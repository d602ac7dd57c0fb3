// The real program with the behaviour of the real cloud, its CLI and its users: endpoints, refusals, old settings.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ELASTIC_IP } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { freeTcpPort } from "../support/ports.ts";
import { ExoipProcess } from "../support/process.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { CloudServer } from "../support/cloud/server.ts";

const KEYS = { IF_EXOSCALE_API_KEY: SIM_KEY, IF_EXOSCALE_API_SECRET: SIM_SECRET };

/** Runs to the end: exit code and output. */
async function run(args: readonly string[], env: Record<string, string> = KEYS) {
  const process = new ExoipProcess(args, { env: { HOME: "/nonexistent", ...env } });
  const code = await process.ended();
  return { code, output: process.output };
}

/** A zone with one machine and a free Elastic IP. */
function zone() {
  const server = new CloudServer();
  const address = server.model.addAddress(ELASTIC_IP);
  const { id } = server.model.addInstance(1, "127.0.0.1");
  return { server, address, id };
}

Deno.test("EXOSCALE_API_ENDPOINT is where the zones are listed, and the zone's own endpoint is asked", async () => {
  const { server, address, id } = zone();
  const directory = new CloudServer();
  directory.model.otherZones.push({ name: "de-fra-1", endpoint: server.endpoint("v2") });
  const env = { ...KEYS, EXOSCALE_API_ENDPOINT: directory.endpoint("v2") };
  try {
    const args = ["-A", "-O", "-xi", ELASTIC_IP, "-i", id];
    const given = await run([...args, "--zone", "de-fra-1", "--ca-file", server.caFile], env);
    assertEquals([given.code, [...address.holders]], [0, [id]], given.output);
    assertEquals(directory.calls.map(({ what }) => what), ["/zone"]);
    const final = await run([...args, ...server.args("v2")], env);
    assertEquals(final.code, 0, final.output);
    assertEquals(directory.calls.length, 1);
  } finally {
    await Promise.all([server.close(), directory.close()]);
  }
});

for (const command of [["-A", "-n"], ["-A"], ["-W", "--doctor"]]) {
  Deno.test(`Exoscale's API v1 is named in one line by ${command.join(" ")}`, async () => {
    const args = [...command, "-O", "-xi", ELASTIC_IP];
    for (const name of ["IF_EXOSCALE_API_ENDPOINT", "EXOSCALE_API_ENDPOINT"]) {
      const env = { ...KEYS, [name]: "https://api.exoscale.ch/compute" };
      const { code, output } = await run(args, env);
      assertEquals(code, 1, output);
      assertEquals(output.trim().split("\n").length, 1, output);
      assertMatch(
        output,
        /api\.exoscale\.ch\/compute is Exoscale's API v1, .*: leave the endpoint/,
      );
    }
  });
}

for (const mode of ["-A", "-D"]) {
  Deno.test(`${mode} repeats a change that the cloud refuses with 400, and tells why`, async () => {
    const { server, address, id } = zone();
    if (mode === "-D") address.holders.add(id);
    let changes = 0;
    server.refusal = ({ method }) =>
      method === "PUT" && changes++ < 2
        ? [400, { message: "Bad request", errors: [{ message: "instance is starting" }] }]
        : null;
    try {
      const args = [mode, "-O", "-xi", ELASTIC_IP, ...server.args("v2"), "-i", id];
      const { code, output } = await run(args);
      assertEquals([code, address.holders.has(id)], [0, mode === "-A"], output);
      assertStringIncludes(output, "HTTP 400: Bad request: instance is starting [refused]");
      assert(changes >= 3, output);
    } finally {
      await server.close();
    }
  });
}

Deno.test("a secret that is rotated in its file is used without a signal", async () => {
  const { server, address, id } = zone();
  server.model.addInstance(2, "127.0.0.2");
  const dir = await Deno.makeTempDir();
  const file = `${dir}/key.json`;
  const write = (key: string, secret: string) =>
    Deno.writeTextFile(file, JSON.stringify({ key, secret, "expires-at": "2126-01-01T00:00:00Z" }));
  await write(SIM_KEY, SIM_SECRET);
  const args = ["-W", "-O", "-xi", ELASTIC_IP, ...server.args("v2"), "-i", id];
  args.push("-p", "127.0.0.2", "-l", `127.0.0.1:${freeTcpPort()}`);
  const watchdog = new ExoipProcess([
    ...[...args, "--api-secret-file", file, "--reconcile-interval", "5s"],
  ], { env: { HOME: "/nonexistent" } });
  try {
    await until(() => address.holders.has(id), { title: "it holds" });
    // The watchdog may have given up every right that it does not need, but must still be able to read the file.
    server.model.credentials = { apiKey: "EXOrotated", secret: "another-secret-than-before" };
    await until(() => watchdog.output.includes("HTTP 403"), { title: "it is refused" });
    await write("EXOrotated", "another-secret-than-before");
    const used = "key or secret has changed in its file";
    await until(() => watchdog.output.includes(used), { title: "it is read", withinMs: 60_000 });
    address.holders.delete(id);
    await until(() => address.holders.has(id), { title: "it acts again", withinMs: 60_000 });
    assert(!watchdog.output.includes("another-secret"), watchdog.output);
  } finally {
    watchdog.signal("SIGKILL");
    await watchdog.ended();
    await server.close();
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("-n refuses an address with a prefix length or a netmask, and literal quotes", async () => {
  const rows: readonly (readonly [args: string[], env: Record<string, string>, said: RegExp])[] = [
    [
      ["-xi", "198.51.100.50/24"],
      KEYS,
      /not a prefix length: write 198\.51\.100\.50, and give the prio/,
    ],
    [["-xi", "198.51.100.50/255.255.255.0"], KEYS, /a netmask is not wanted/],
    [["-xi", ELASTIC_IP], { ...KEYS, IF_EXOSCALE_API_KEY: '"EXOabc"' }, /quotation mark in IF_EXO/],
  ];
  for (const [args, env, said] of rows) {
    const { code, output } = await run(["-W", "-n", "-O", "-p", "192.0.2.2", ...args], env);
    assertEquals(code, 1, output);
    assertMatch(output, said);
    assertEquals(output.trim().split("\n").length, 1, output);
  }
});

Deno.test("an instance without IPv6 cannot watch an Elastic IPv6: the start says what to do", async () => {
  const { server, id } = zone();
  const long = "2001:db8:0:1:2::1";
  server.model.addAddress(long);
  const place = [...server.args("v2"), "-i", id, "-l", `127.0.0.1:${freeTcpPort()}`];
  try {
    const args = ["-W", "-O", "-xi", "2001:db8:0:1:2::/96", "-p", "127.0.0.2", ...place];
    const { code, output } = await run(args);
    assertEquals(code, 1, output);
    assertMatch(
      output,
      /CRIT +\] cloud-refused: this instance cannot have 2001:db8:0:1:2::1: it has/,
    );
    assertStringIncludes(output, `exo api update-instance ${id} 'public-ip-assignment: dual'`);
  } finally {
    await server.close();
  }
});
