// The lease in the configuration, and what a reload says of it; tests/golden/lease.txt has the messages.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Config, configure } from "../../src/config/config.ts";
import { changesBetween } from "../../src/commands/reload.ts";
import { readValues } from "../../src/options/parse.ts";
import { connectStore } from "../../src/startup/store.ts";
import { secretsOf } from "../../src/startup/secrets.ts";
import { systemClock } from "../../src/host/clock.ts";
import { settingLines, settingsOf } from "../../src/commands/print_config.ts";
import { parseConfigFile } from "../../src/config/config_file.ts";
import { COMMON, KEYS } from "../support/fake_host.ts";
import { CLOUD_AUTHORITY, identityFor } from "../support/tls/cloud_identity.ts";

const WATCH = ["-W", ...COMMON];
const LEASE = ["--lease", "etcd:https://A:2379/,etcd:https://[::1]:2379"];
const { cert, key } = identityFor("client.test");
const FILES = { leasePassword: "correct horse\n", leaseCert: cert, leaseKey: key };
const WITH_FILES = [
  ...["--lease-user", "me", "--lease-password-file", "/p"],
  ...["--lease-cert-file", "/c", "--lease-key-file", "/k"],
];

function configOf(argv: readonly string[], inputs: object = {}): Config {
  const config = configure(readValues([...argv], KEYS), inputs);
  assert(!("problems" in config), JSON.stringify(config));
  return config;
}

Deno.test("a lease has everything that its store needs", () => {
  const { lease, exclusive } = configOf([...WATCH, ...LEASE, ...WITH_FILES], FILES);
  assertEquals(lease, {
    store: "etcd",
    endpoints: ["https://a:2379", "https://[::1]:2379"],
    prefix: "/exoip",
    ttlMs: 10_000,
    failsafe: true,
    heartbeats: true,
    user: "me",
    password: "correct horse",
    certificate: { cert, key },
  });
  assertEquals(exclusive, true);
  assertEquals(configOf(WATCH).exclusive, false);
});

Deno.test("only the watchdog has a lease", () => {
  assertEquals(configOf(["-D", ...COMMON, ...LEASE]).lease, null);
});

Deno.test("the password is a secret", () => {
  const config = configOf([...WATCH, ...LEASE, ...WITH_FILES], FILES);
  assert(secretsOf(config).includes("correct horse"));
});

Deno.test("a change of the lease needs a restart", () => {
  const old = configOf([...WATCH, ...LEASE, ...WITH_FILES], FILES);
  const rows: readonly [string, Config][] = [
    ["lease", configOf([...WATCH, "--lease", "etcd:https://b", ...WITH_FILES], FILES)],
    ["lease-ttl", configOf([...WATCH, ...LEASE, ...WITH_FILES, "--lease-ttl", "5"], FILES)],
    ["lease-failsafe", configOf([...WATCH, ...LEASE, ...WITH_FILES, "--lease-failsafe=0"], FILES)],
  ];
  for (const [name, next] of rows) {
    const { needsRestart, config } = changesBetween(old, next, { run: false });
    assertEquals(needsRestart, [name]);
    assertEquals(config.lease, old.lease);
  }
  // Only what was given is named; a lease makes the node exclusive.
  const { needsRestart } = changesBetween(old, configOf(WATCH), { run: false });
  const files = ["lease-password-file", "lease-cert-file", "lease-key-file"];
  assertEquals(needsRestart, ["exclusive", "lease", "lease-user", ...files]);
  const bare = configOf([...WATCH, ...LEASE, "--lease-ttl", "5"]);
  const added = changesBetween(configOf(WATCH), bare, { run: false });
  assertEquals(added.needsRestart, ["exclusive", "lease", "lease-ttl"]);
});

Deno.test("a reload applies user and password to the same store only", () => {
  const old = configOf([...WATCH, ...LEASE, ...WITH_FILES], FILES);
  const login = ["--lease-user", "you", ...WITH_FILES.slice(2)];
  const files = { ...FILES, leasePassword: "another" };
  const next = configOf([...WATCH, ...LEASE, ...login, "--lease-ttl", "5"], files);
  const { apply, needsRestart, parts, config } = changesBetween(old, next, { run: false });
  assertEquals([apply, needsRestart], [["lease-user", "lease-password-file"], ["lease-ttl"]]);
  assertEquals([...parts], ["leaseCredentials"]);
  assertEquals(config.lease, { ...old.lease!, user: "you", password: "another" });
  const elsewhere = configOf([...WATCH, "--lease", "etcd:https://b", ...login], files);
  const moved = changesBetween(old, elsewhere, { run: false });
  assertEquals(moved.needsRestart, ["lease", "lease-user", "lease-password-file"]);
  assertEquals(moved.config, old);
});

Deno.test("the printed configuration can be read again, with a lease and without", () => {
  for (
    const argv of [
      WATCH,
      [...WATCH, ...LEASE],
      [...WATCH, ...LEASE, "--heartbeats", "none"],
    ]
  ) {
    const values = readValues([...argv], KEYS);
    const loaded = { values, inputs: {}, fileVariables: {}, env: KEYS };
    const lines = settingLines(settingsOf(
      { ...loaded, problems: [], warnings: [], readable: true },
      null,
    ));
    const { given, problems } = parseConfigFile(lines.join("\n"), "printed");
    assertEquals(problems, []);
    const keyed = new Map([...readValues(["-W"], KEYS).given, ...given]);
    const again = configure({ given: keyed, ignored: [] }, {});
    assert(!("problems" in again), JSON.stringify(again));
    const { lease, exclusive } = configOf(argv);
    assertEquals([again.lease, again.exclusive], [lease, exclusive]);
  }
});

const STORE_NAME = "etcd at https://a:2379, https://[::1]:2379, keys below /exoip/198.51.100.50/";

Deno.test("a store is prepared without a request; a certificate that cannot be used is named", () => {
  assertEquals(connectStore({ lease: null, caCerts: [] }, { clock: systemClock }), null);
  const { lease } = configOf([...WATCH, ...LEASE, ...WITH_FILES], FILES);
  const stores = connectStore({ lease, caCerts: [CLOUD_AUTHORITY] }, { clock: systemClock });
  assertEquals(stores?.storeOf("198.51.100.50").name, STORE_NAME);
  stores?.close();
  const broken = { ...lease!, certificate: { cert: "no PEM", key: "no PEM" } };
  assertThrows(
    () => connectStore({ lease: broken, caCerts: [] }, { clock: systemClock }),
    Error,
    "--lease-cert-file (IF_LEASE_CERT_FILE)",
  );
});
