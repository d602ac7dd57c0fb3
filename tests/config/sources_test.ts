// Key and secret from the `exo` CLI's account: by name, and through the command that prints the secret.
import { assertEquals, assertMatch } from "@std/assert";
import { readValues } from "../../src/options/parse.ts";
import { configure } from "../../src/config/config.ts";
import { findValues } from "../../src/config/sources.ts";
import type { FileAccess } from "../../src/host/file_access.ts";

const PATH = "/home/me/.config/exoscale/exoscale.toml";
const FILE = `
defaultaccount = "home"
[[accounts]]
name = "home"
key = "EXOhome"
secret = "home secret"
[[accounts]]
name = "work"
key = "EXOwork"
secretCommand = ["pass", "show", "exo work"]
`;

/** Finds and configures with that file alone; `commands` are the programs that ran. */
async function find(
  argv: readonly string[],
  {
    env = {},
    files = { [PATH]: FILE },
    run = () => Promise.resolve("work secret\n"),
    fileAccess = () => ({ readable: null, writable: null }),
    mode = ["-A"],
  }: {
    env?: Record<string, string>;
    files?: Record<string, string>;
    run?: (signal: AbortSignal) => Promise<string>;
    fileAccess?: (path: string) => FileAccess;
    mode?: readonly string[];
  } = {},
) {
  const commands: string[][] = [];
  const never = () => Promise.reject(new Error("not asked"));
  const values = readValues([...mode, "-xi", "198.51.100.50", ...argv], env);
  const [inputs, unreadable, warnings] = await findValues(values, {
    env: { HOME: "/home/me", ...env },
    os: "linux",
    fileAccess,
    readTextFile(path) {
      const text = files[path];
      if (text === undefined) throw new Deno.errors.NotFound(path);
      return text;
    },
    machine: {
      fetch: never,
      root: "",
      readTextFile: never,
      run: (program, args, signal) => {
        commands.push([program, ...args]);
        return run(signal);
      },
    },
  });
  const config = configure(values, inputs);
  const problems = "problems" in config ? config.problems : [];
  const credentials = "problems" in config ? null : config.credentials;
  return { credentials, problems: [...unreadable, ...problems], warnings, commands };
}

Deno.test("findValues() takes the account that --account or EXOSCALE_ACCOUNT names", async () => {
  const work = { apiKey: "EXOwork", secret: "work secret" };
  assertEquals((await find(["--account", "work"])).credentials, work);
  assertEquals((await find([], { env: { EXOSCALE_ACCOUNT: "work" } })).credentials, work);
  const { credentials, commands } = await find([]);
  assertEquals([credentials?.apiKey, commands], ["EXOhome", []]);
});

Deno.test("findValues() runs the account's secretCommand, and only when its output is wanted", async () => {
  assertEquals((await find(["--account", "work"])).commands, [["pass", "show", "exo work"]]);
  const own = ["-xk", "k", "-xs", "s"];
  assertEquals((await find(["--account", "work", ...own])).commands, []);
});

Deno.test("findValues() names a secretCommand that fails, and never what it printed", async () => {
  const { problems } = await find(["--account", "work"], {
    run: () => Promise.reject(new Error("exit code 1")),
  });
  const [expected, missing] = problems;
  assertEquals(expected, `${PATH}: the account's secretCommand (pass) failed: exit code 1`);
  assertMatch(missing ?? "", /^-xs .*: the API secret is missing/);
  assertEquals(problems.length, 2);
});

Deno.test("findValues() names an account, or a file, that is not there", async () => {
  const { problems } = await find(["--account", "none"]);
  assertEquals(problems[0], `${PATH}: no account named "none", there are: "home", "work"`);
  const without = await find(["--account", "work"], { files: {} });
  assertMatch(without.problems[0] ?? "", /^--account \(IF_EXOSCALE_ACCOUNT\): the exo CLI has no/);
});

Deno.test("findValues() knows the CLI's other names of the variables", async () => {
  const env = { EXOSCALE_KEY: "k", CLOUDSTACK_SECRET_KEY: "s" };
  assertEquals((await find([], { env })).credentials, { apiKey: "k", secret: "s" });
});

Deno.test("findValues() runs no secretCommand for -n and --print-config, and takes it for a secret", async () => {
  for (const look of [["-n"], ["--print-config"]]) {
    const { commands, problems, warnings } = await find(["--account", "work", ...look]);
    assertEquals([commands, problems], [[], []], look.join());
    assertEquals(warnings, [
      `${PATH}: the account's secretCommand (pass) prints the secret: not run now`,
    ]);
  }
  const { commands } = await find(["--account", "work", "-n", "--doctor"]);
  assertEquals(commands.length, 1, "the doctor asks the cloud");
  const nothing = await find(["--account", "work"], { run: () => Promise.resolve("\n") });
  assertMatch(nothing.problems[0] ?? "", /the API secret is missing/);
});

Deno.test("findValues() takes an empty path for no file, and says so", async () => {
  const argv = "-W -p 192.0.2.2 -xk k -xs s --zone ch-dk-2 --shared-secret-file".split(" ");
  const { problems } = await find([...argv, ""], { files: {}, mode: [] });
  assertEquals(problems, ["--shared-secret-file (IF_SHARED_SECRET_FILE): its path is empty"]);
});

Deno.test("findValues() warns of secret files that others may read or write, and of authorities that they may add", async () => {
  const files = { "/s": "secret", "/shared": "a secret of the cluster", "/ca": "none" };
  const argv = "-xk k --api-secret-file /s --ca-file /ca --zone ch-dk-2".split(" ");
  const watch = ["-W", "-p", "192.0.2.2", "--shared-secret-file", "/shared"];
  const open = { readable: "everybody reads it", writable: "others write it" };
  const found = async (argv: string[], access: FileAccess) => {
    const { warnings } = await find(argv, { files, fileAccess: () => access, mode: [] });
    return warnings;
  };
  assertEquals(await found([...watch, ...argv], open), [
    "/shared has a secret and everybody reads it: wanted mode 0600",
    "/shared has a secret and others write it",
    "/s has a secret and everybody reads it: wanted mode 0600",
    "/s has a secret and others write it",
    "/ca says which servers are trusted and others write it",
  ]);
  assertEquals(await found([...watch, ...argv], { readable: null, writable: null }), []);
});
