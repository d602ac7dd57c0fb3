// The operator's input: arguments, variables, the secret, the CA file, and the `exo` CLI's configuration file.
import { assert } from "@std/assert";
import fc from "fast-check";
import { readValues, UsageError } from "../../../src/options/parse.ts";
import { configure, type ExternalInputs } from "../../../src/config/config.ts";
import { parseConfigFile } from "../../../src/config/config_file.ts";
import { parseEnvFile } from "../../../src/config/env_file.ts";
import { readExoAccount } from "../../../src/config/exo_config.ts";
import { flagOf, OPTIONS } from "../../../src/options/all.ts";
import { hostileText } from "./texts.ts";
import { type Target, target } from "./target.ts";

const SECRET = "unspeakable-secret";
const plausible = fc.constantFrom(
  "198.51.100.50",
  "198.51.100.50/10,198.51.100.51",
  "192.0.2.2,web.test",
  "https://c.test/v2",
  "http://127.0.0.1/compute",
  "v1",
  "ch-gva-2",
  "1",
  "0.2",
  "200ms",
  "true",
  ":12345",
  "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f",
);
const values = fc.oneof(plausible, hostileText);
const flags = fc.constantFrom(...OPTIONS.map(flagOf));
const argument = fc.oneof(
  fc.tuple(flags, values).map((pair) => pair as string[]),
  fc.tuple(flags, values).map(([flag, value]) => [`${flag}=${value}`]),
  flags.map((flag) => [flag]),
  values.map((value) => [value]),
);
/** A complete configuration, so that one more argument is checked in full. */
const COMPLETE = [
  [],
  "-A -xi 198.51.100.50 -xk k -xs s".split(" "),
  "-W -xi 198.51.100.50 -xk k -xs s -p 192.0.2.2".split(" "),
];
const argvs = fc.tuple(fc.constantFrom(...COMPLETE), fc.array(argument, { maxLength: 8 }))
  .map(([complete, parts]) => [...complete, ...parts.flat()]);
const variables = fc.constantFrom(...OPTIONS.flatMap((option) => option.variables));
const environments = fc.array(fc.tuple(variables, values), { maxLength: 10 })
  .map((pairs) => Object.fromEntries(pairs));
const inputs: fc.Arbitrary<ExternalInputs> = fc.record({
  secretFile: hostileText,
  caFile: fc.oneof(hostileText, hostileText.map((text) => `-----BEGIN CERTIFICATE-----${text}`)),
  account: fc.record({ apiKey: hostileText, secret: hostileText, zone: hostileText }),
}, { requiredKeys: [] });

/** Arguments and variables to a configuration. */
export const commandLine: Target = target(
  "command-line",
  "arguments and variables become values or a UsageError, values a configuration or problems by name",
  [fc.tuple(argvs, environments, inputs, fc.boolean()), ([argv, env, inputs, secretive]) => {
    const given = secretive ? { ...env, IF_EXOSCALE_API_SECRET: `${SECRET}\n${SECRET}` } : env;
    try {
      const outcome = configure(readValues(argv, given), inputs);
      if ("problems" in outcome) {
        assert(outcome.problems.length > 0);
        for (const problem of outcome.problems) {
          // Named by the option, or by the variable if that has a meaning of its own.
          const named = /^(-|give exactly one|(EXOSCALE_API|CLOUDSTACK)_ENDPOINT: )/.test(problem);
          assert(named, problem);
          assert(!problem.includes(SECRET), problem);
        }
        return;
      }
      const { priority, intervalMs, deadRatio, credentials, listen } = outcome;
      assert(priority >= 0 && priority <= 255 && intervalMs >= 10 && deadRatio >= 1);
      assert(listen.port >= 0 && listen.port <= 65_535);
      new Headers({ authorization: `credential=${credentials.apiKey}` });
      assert(outcome.endpoint === null || URL.canParse(outcome.endpoint));
      assert(outcome.zone === null || URL.canParse(`https://api-${outcome.zone}.exoscale.com`));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      assert(!error.message.includes(SECRET), error.message);
    }
  }],
);

const keys = fc.constantFrom(
  "defaultaccount",
  "accounts",
  "[[accounts]]",
  "[accounts]",
  "name",
  "KEY",
  "secret",
  "defaultZone",
  "__proto__",
  "[[a.b]]",
);
const tomlValues = fc.oneof(
  fc.constantFrom('"alice"', "17", "[]", "{}", "[1, [2]]", "1979-05-27", "inf", "'''x", '"""'),
  hostileText.map((text) => JSON.stringify(text)),
  hostileText,
);
const tomls = fc.oneof(
  hostileText,
  fc.array(fc.oneof(keys, fc.tuple(keys, tomlValues).map(([key, value]) => `${key} = ${value}`)), {
    maxLength: 12,
  }).map((lines) => lines.join("\n")),
  fc.integer({ min: 1, max: 3_000 }).map((depth) => `accounts = ${"[".repeat(depth)}`),
  fc.integer({ min: 1, max: 3_000 }).map((depth) => `a${".b".repeat(depth)} = 1`),
);

/** The CLI's configuration file. */
export const exoFile: Target = target(
  "exo-config",
  "the CLI's file gives an account of texts, or one problem that names the file",
  [fc.tuple(tomls, fc.option(hostileText)), async ([toml, wanted]) => {
    const env = { EXOSCALE_CONFIG: "/exo.toml", ...(wanted && { EXOSCALE_ACCOUNT: wanted }) };
    const { account, problem } = await readExoAccount(env, {
      os: "linux",
      readTextFile: () => toml,
    });
    if (problem !== undefined) assert(problem.startsWith("/exo.toml: "), problem);
    for (const text of Object.values(account ?? {})) assert(typeof text === "string");
  }],
);

const settings = fc.array(
  fc.tuple(fc.oneof(fc.constantFrom(...OPTIONS.map(({ name }) => name)), keys), tomlValues)
    .map(([key, value]) => `${key} = ${value}`),
  { maxLength: 8 },
).map((lines) => lines.join("\n"));
const assignments = fc.array(fc.tuple(fc.oneof(variables, hostileText), values), { maxLength: 8 })
  .map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join("\n"));

/** Our own configuration file and file of variables. */
export const ownFiles: Target = target(
  "own-files",
  "a configuration file and a file of variables give texts, and problems",
  [fc.tuple(fc.oneof(settings, tomls), fc.oneof(assignments, hostileText)), ([toml, lines]) => {
    const file = parseConfigFile(toml, "/exoip.toml");
    for (const { text } of file.given.values()) assert(typeof text === "string");
    const { variables, problems } = parseEnvFile(lines);
    for (const text of Object.values(variables)) assert(typeof text === "string");
    for (const problem of [...file.problems, ...problems]) assert(typeof problem === "string");
  }],
);
