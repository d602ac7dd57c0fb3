// Which cloud, with which credentials, in which zone: the endpoint's path, --api, order of sources.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readValues } from "../../src/options/parse.ts";
import { type Config, configure, type ExternalInputs } from "../../src/config/config.ts";
import type { Environment } from "../../src/world.ts";

const ONCE = ["-A", "-xi", "198.51.100.50"];
const KEYED = [...ONCE, "-xk", "EXOkey", "-xs", "secret"];
const ACCOUNT = { apiKey: "EXOaccount", secret: "account secret", zone: "at-vie-1" };

const read = (argv: readonly string[], env: Environment, inputs: ExternalInputs = {}) =>
  configure(readValues(argv, env), inputs);

function configOf(argv: readonly string[], env: Environment, inputs?: ExternalInputs): Config {
  const config = read(argv, env, inputs);
  assert(!("problems" in config), `${argv.join(" ")}: ${JSON.stringify(config)}`);
  return config;
}

function problemsOf(argv: readonly string[], env: Environment, inputs?: ExternalInputs): string[] {
  const outcome = read(argv, env, inputs);
  return "problems" in outcome ? outcome.problems : [];
}

Deno.test("configure() tells the API from the endpoint's path, and both from --api", () => {
  const rows: ReadonlyArray<
    readonly [argv: string[], api: Config["api"], endpoint: string | null]
  > = [
    [[], "v2", null],
    [["--api", "v2"], "v2", null],
    [["-xe", "https://api-ch-gva-2.exoscale.com/v2"], "v2", "https://api-ch-gva-2.exoscale.com/v2"],
    [["-xe", "https://c.test:8443/x/v2/"], "v2", "https://c.test:8443/x/v2"],
    [["-xe", "https://c.test:8080/client/api"], "v1", "https://c.test:8080/client/api"],
    [["-xe", "https://c.test/compute", "--api", "v1"], "v1", "https://c.test/compute"],
    [["-xe", "https://c.test/cloud", "--api", "v1"], "v1", "https://c.test/cloud"],
    [["-xe", "https://c.test", "--api", "v2"], "v2", "https://c.test"],
  ];
  for (const [argv, api, endpoint] of rows) {
    const config = configOf([...KEYED, ...argv], {});
    assertEquals([config.api, config.endpoint], [api, endpoint], argv.join(" "));
  }
});

const V1_IS_OFF =
  /^-xe \(IF_EXOSCALE_API_ENDPOINT\): https?:\/\/\S+exoscale\.\S+ is Exoscale's API v1, which is switched off: leave/;

Deno.test("configure() refuses an endpoint that tells no API, and a contradiction", () => {
  const rows: ReadonlyArray<readonly [argv: string[], problem: RegExp]> = [
    [["-xe", ""], /^-xe \(IF_EXOSCALE_API_ENDPOINT\): "" is not an http\(s\) address/],
    [["-xe", "c.test/v2"], /^-xe \(IF_EXOSCALE_API_ENDPOINT\): "c.test\/v2" is not an http/],
    [["-xe", "ftp://c.test/v2"], /^-xe \(IF_EXOSCALE_API_ENDPOINT\): .* is not an http/],
    [["-xe", "https://c.test/v2?a=b"], /^-xe \(IF_EXOSCALE_API_ENDPOINT\): .* has a query/],
    [["-xe", "https://c.test/v3"], /^-xe \(IF_EXOSCALE_API_ENDPOINT\): .* ends neither in \/v2/],
    [["-xe", "https://c.test/v2", "--api", "v1"], /^--api \(IF_EXOSCALE_API\): v1 contradicts/],
    [["-xe", "https://c.test/compute", "--api", "v2"], /^--api .*: v2 contradicts .*-xe/],
    [["--api", "v3"], /^--api \(IF_EXOSCALE_API\): "v3" is not v1 or v2/],
    [["--api", "v1"], /^--api \(IF_EXOSCALE_API\): without -xe, .*api v1, which is switched off/i],
    [["-xe", "https://api.exoscale.ch/compute"], V1_IS_OFF],
    [["-xe", "https://api.exoscale.ch/v1"], V1_IS_OFF],
    [["-xe", "https://api.exoscale.ch./compute"], V1_IS_OFF],
    [["-xe", "http://api.exoscale.ch/compute"], V1_IS_OFF],
    [["-xe", "https://ppapi.exoscale.ch/compute"], V1_IS_OFF],
    [["-xe", "https://api-ch-gva-2.exoscale.com/v1"], V1_IS_OFF],
    [["-xe", "https://api.exoscale.com/compute/"], V1_IS_OFF],
    [["-xe", "https://api.exoscale.com/v1", "--api", "v1"], V1_IS_OFF],
    [["-xe", "https://api.exoscale.com"], V1_IS_OFF],
    [
      ["--zone", "ch gva"],
      /^--zone \(IF_EXOSCALE_ZONE\): "ch gva" is not a zone's name, wanted .* ch-gva-2$/,
    ],
    [["--zone", "x.test/"], /^--zone \(IF_EXOSCALE_ZONE\): "x.test\/" is not a zone's name/],
  ];
  for (const [argv, expected] of rows) {
    const problems = problemsOf([...KEYED, ...argv], {});
    assertEquals(problems.length, 1, `${argv.join(" ")}: ${JSON.stringify(problems)}`);
    assert(expected.test(problems[0] ?? ""), `${problems[0]} should match ${expected}`);
  }
});

Deno.test("configure() takes EXOSCALE_API_ENDPOINT for the list of zones, as the exo CLI does", () => {
  const weak = { EXOSCALE_API_ENDPOINT: "https://weak.test/v2/", EXOSCALE_ZONE: "de-fra-1" };
  const strong = { IF_EXOSCALE_API_ENDPOINT: "https://c.test/v1", IF_EXOSCALE_ZONE: "ch-dk-2" };
  const old = { EXOSCALE_API_ENDPOINT: "https://cloudstack.test/client/api" };
  const places = [weak, { ...weak, ...strong }, old].map((env) => configOf(KEYED, env))
    .map(({ api, endpoint, directory, zone }) => [api, endpoint, directory, zone]);
  assertEquals(places, [
    ["v2", null, "https://weak.test/v2", "de-fra-1"],
    ["v1", "https://c.test/v1", null, "ch-dk-2"],
    ["v1", "https://cloudstack.test/client/api", null, null],
  ]);
  const [problem = ""] = problemsOf(KEYED, {
    EXOSCALE_API_ENDPOINT: "https://api.exoscale.ch/compute",
  });
  assert(/^EXOSCALE_API_ENDPOINT: .* is Exoscale's API v1/.test(problem), problem);
});

Deno.test("configure() sends a key of CLOUDSTACK_KEY to CLOUDSTACK_ENDPOINT and nowhere else", () => {
  const own = { CLOUDSTACK_ENDPOINT: "https://cloud.example/client/api" };
  const theirs = { CLOUDSTACK_KEY: "k", CLOUDSTACK_SECRET: "s" };
  const exoscale = { EXOSCALE_API_KEY: "k", EXOSCALE_API_SECRET: "s" };
  const inPeerList = { EXOSCALE_API_ENDPOINT: "https://api-ch-gva-2.exoscale.com/v2" };
  const meant = { IF_EXOSCALE_API_ENDPOINT: "https://other.test/compute" };
  const rows: readonly (readonly [env: Environment, api: string, endpoint: string | null])[] = [
    [{ ...own, ...theirs }, "v1", "https://cloud.example/client/api"],
    [{ ...own, ...theirs, ...inPeerList }, "v1", "https://cloud.example/client/api"],
    [{ ...own, CLOUDSTACK_KEY: "k", EXOSCALE_API_SECRET: "s" }, "v1", own.CLOUDSTACK_ENDPOINT],
    [{ ...own, ...theirs, ...meant }, "v1", "https://other.test/compute"],
    [{ ...own, ...exoscale }, "v2", null],
    [{ ...own, ...theirs, ...exoscale }, "v2", null],
    [theirs, "v2", null],
  ];
  for (const [env, api, endpoint] of rows) {
    const config = configOf(ONCE, env);
    assertEquals([config.api, config.endpoint], [api, endpoint], JSON.stringify(env));
  }
  // A key from another source is not sent there.
  const lone = { ...own, ...theirs, IF_EXOSCALE_ACCOUNT: "x" };
  const account = { apiKey: "EXOaccount", secret: "of the account" };
  const values = readValues([...ONCE, "--account", "x"], lone);
  const lent = configure(values, { account });
  assert(!("problems" in lent), JSON.stringify(lent));
  assertEquals([lent.credentials.apiKey, lent.api, lent.endpoint], ["EXOaccount", "v2", null]);
  const secretFile = JSON.stringify({ key: "EXOfile", secret: "of the file" });
  const filed = configure(readValues([...ONCE, "--api-secret-file", "/f"], lone), { secretFile });
  assert(!("problems" in filed), JSON.stringify(filed));
  assertEquals([filed.credentials.apiKey, filed.api, filed.endpoint], ["EXOfile", "v2", null]);
  const off = { ...theirs, CLOUDSTACK_ENDPOINT: "https://api.exoscale.ch/compute" };
  const [problem = "", ...more] = problemsOf(ONCE, off);
  assertEquals(more, []);
  assert(/^CLOUDSTACK_ENDPOINT: .* switched off/.test(problem), problem);
});

Deno.test("configure() takes credentials from flags, variables, secret file, account", () => {
  const env = { IF_EXOSCALE_API_KEY: "EXOenv", IF_EXOSCALE_API_SECRET: "env secret" };
  const weak = { EXOSCALE_API_KEY: "EXOweak", EXOSCALE_API_SECRET: "weak secret" };
  const rows: ReadonlyArray<
    readonly [argv: string[], Environment, ExternalInputs, key: string, secret: string]
  > = [
    [["-xk", "k", "-xs", "s"], env, { account: ACCOUNT }, "k", "s"],
    [["-xk", "k"], { ...env, ...weak }, { account: ACCOUNT }, "k", "env secret"],
    [[], { ...weak, ...env }, { account: ACCOUNT }, "EXOenv", "env secret"],
    // A file is only read when it overrides the given secret.
    [[], env, { secretFile: "f" }, "EXOenv", "f"],
    [[], weak, { account: ACCOUNT }, "EXOweak", "weak secret"],
    [["-xk", "k"], {}, { secretFile: " f\n", account: ACCOUNT }, "k", "f"],
    [[], {}, { account: ACCOUNT }, "EXOaccount", "account secret"],
    [["-xk", "k", "-xs", " s\n"], {}, {}, "k", "s"],
  ];
  for (const [argv, variables, inputs, apiKey, secret] of rows) {
    const { credentials } = configOf([...ONCE, ...argv], variables, inputs);
    assertEquals(credentials, { apiKey, secret }, JSON.stringify([argv, variables]));
  }
});

Deno.test("configure() never completes a given key or secret from the account", () => {
  const rows: ReadonlyArray<readonly [argv: string[], ExternalInputs, missing: string[]]> = [
    [["-xk", "k"], { account: ACCOUNT }, ["-xs"]],
    [["-xs", "s"], { account: ACCOUNT }, ["-xk"]],
    [[], { secretFile: "f", account: ACCOUNT }, ["-xk"]],
    [["-xk", "k"], { secretFile: " \n" }, ["-xs"]],
    [[], { account: { apiKey: "EXOaccount" } }, ["-xs"]],
    [[], {}, ["-xk", "-xs"]],
  ];
  for (const [argv, inputs, missing] of rows) {
    const problems = problemsOf([...ONCE, ...argv], {}, inputs);
    assertEquals(problems.map((problem) => problem.split(" ")[0]), missing, argv.join(" "));
  }
});

Deno.test("configure() keeps the zone of the account for when the metadata does not tell", () => {
  assertEquals(configOf(KEYED, {}, { account: ACCOUNT }).usualZone, "at-vie-1");
  const zone = (argv: string[], env: Environment) =>
    configOf([...KEYED, ...argv], env, { account: ACCOUNT }).zone;
  assertEquals(zone(["--zone", "ch-dk-2"], { EXOSCALE_ZONE: "de-fra-1" }), "ch-dk-2");
  assertEquals(zone([], { EXOSCALE_ZONE: "de-fra-1" }), "de-fra-1");
  assertEquals(zone([], {}), null);
});

Deno.test("configure() lets an account that a flag names go before the variables, not before flags", () => {
  const env = { EXOSCALE_API_KEY: "EXOenv", EXOSCALE_API_SECRET: "env secret" };
  const rows: ReadonlyArray<readonly [argv: string[], Environment, key: string]> = [
    [["--account", "work"], env, "EXOaccount"],
    [[], { ...env, EXOSCALE_ACCOUNT: "work" }, "EXOenv"],
    [[], { EXOSCALE_ACCOUNT: "work" }, "EXOaccount"],
    [["--account", "work", "-xk", "k", "-xs", "s"], env, "k"],
  ];
  for (const [argv, variables, apiKey] of rows) {
    const config = configOf([...ONCE, ...argv], variables, { account: ACCOUNT });
    assertEquals(config.credentials.apiKey, apiKey, argv.join(" "));
  }
});

Deno.test("configure() takes environment and endpoint of an account along with its key only", () => {
  const endpoint = "https://ppapi-at-vie-1.exoscale.com/v2";
  const account = { ...ACCOUNT, endpoint, environment: "ppapi" };
  const placeOf = (argv: string[], env: Environment = {}) => {
    const { environment, directory } = configOf([...ONCE, ...argv], env, { account });
    return [environment, directory];
  };
  assertEquals(placeOf([]), ["ppapi", endpoint]);
  assertEquals(placeOf(["-xk", "k", "-xs", "s"]), ["api", null]);
  assertEquals(placeOf([], { EXOSCALE_API_ENVIRONMENT: "test" }), ["test", endpoint]);
});

Deno.test("configure() names quotation marks that were taken literally", () => {
  const rows: readonly (readonly [Environment, RegExp])[] = [
    [
      { IF_EXOSCALE_API_KEY: '"k"', IF_EXOSCALE_API_SECRET: "s" },
      /^-xk .* in IF_EXOSCALE_API_KEY,/,
    ],
    [
      { EXOSCALE_API_KEY: "k", EXOSCALE_API_SECRET: "'s'" },
      /^-xs .* in EXOSCALE_API_SECRET, which/,
    ],
    [
      { EXOSCALE_KEY: "k", EXOSCALE_SECRET: "s", IF_ADDRESS: '"198.51.100.50"' },
      /^-xi .* IF_ADDRESS/,
    ],
  ];
  for (
    const [variable, option] of [["IF_EXOSCALE_PEERS", "-p"], ["IF_EXOSCALE_PEER_GROUP", "-G"]]
  ) {
    const env = { EXOSCALE_KEY: "k", EXOSCALE_SECRET: "s", [variable!]: '"edge,web"' };
    const [problem = ""] = problemsOf(["-W", "-xi", "198.51.100.50"], env);
    assertStringIncludes(
      problem,
      `${option} (${variable}): it begins and ends with a quotation mark`,
    );
  }
  for (const [env, problem] of rows) {
    const argv = env.IF_ADDRESS ? ["-A"] : ONCE;
    const problems = problemsOf(argv, env);
    assertEquals(problems.length, 1, JSON.stringify(problems));
    assert(problem.test(problems[0] ?? ""), problems[0]);
    assert(problems[0]?.includes("quotation mark") && !problems[0].includes("'s'"), problems[0]);
  }
});
