// The `exo` CLI's configuration file: where it is searched, and which key it gives.
import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "../support/fast_check.ts";
import { exoConfigPaths, readExoAccount } from "../../src/config/exo_config.ts";
import type { Environment } from "../../src/world.ts";

const HOME = "/home/me";
const PATH = `${HOME}/.config/exoscale/exoscale.toml`;
const TWO_ACCOUNTS = `
defaultaccount = "work"

[[accounts]]
name = "home"
key = "EXOhome"
secret = "home secret"

[[accounts]]
name = "work"
key = "EXOwork"
secret = "work secret"
defaultZone = "at-vie-1"
endpoint = "https://api.exoscale.ch/v1"
`;
const WORK = { apiKey: "EXOwork", secret: "work secret", zone: "at-vie-1" };

/** Reads with the given files only, and notes each path that was tried. */
async function readWith(files: Record<string, string>, env: Environment = { HOME }) {
  const tried: string[] = [];
  const readTextFile = (path: string) => {
    tried.push(path);
    const text = files[path];
    if (text === undefined) throw new Deno.errors.NotFound(path);
    return text;
  };
  const wanted = env.EXOSCALE_ACCOUNT;
  const { path: _, warnings: __, ...found } = await readExoAccount(env, {
    os: "linux",
    readTextFile,
    wanted,
  });
  return { ...found, tried };
}

Deno.test("exoConfigPaths() follows the CLI's search order on each system", () => {
  const rows: ReadonlyArray<readonly [typeof Deno.build.os, Environment, folders: string[]]> = [
    ["linux", { HOME }, [`${HOME}/.config/exoscale`, `${HOME}/.exoscale`, HOME]],
    ["linux", { HOME, XDG_CONFIG_HOME: "/etc/xdg" }, [
      "/etc/xdg/exoscale",
      `${HOME}/.exoscale`,
      HOME,
    ]],
    ["linux", { HOME, XDG_CONFIG_HOME: "" }, [
      `${HOME}/.config/exoscale`,
      `${HOME}/.exoscale`,
      HOME,
    ]],
    ["darwin", { HOME, XDG_CONFIG_HOME: "/etc/xdg" }, [
      `${HOME}/Library/Application Support/exoscale`,
      `${HOME}/.exoscale`,
      HOME,
    ]],
    ["windows", { APPDATA: "C:/Users/me" }, ["C:/Users/me/exoscale"]],
    ["linux", {}, []],
    // Never a file in the current folder, whatever its name.
    ["linux", { HOME: ".", XDG_CONFIG_HOME: "config" }, []],
    ["linux", { HOME, XDG_CONFIG_HOME: "./x" }, [`${HOME}/.exoscale`, HOME]],
    ["windows", { APPDATA: "me" }, []],
  ];
  for (const [os, env, folders] of rows) {
    assertEquals(exoConfigPaths(env, os), folders.map((folder) => `${folder}/exoscale.toml`));
  }
});

Deno.test("exoConfigPaths() is the path in EXOSCALE_CONFIG alone, unless that is empty", () => {
  assertEquals(exoConfigPaths({ HOME, EXOSCALE_CONFIG: "/etc/exo.toml" }, "linux"), [
    "/etc/exo.toml",
  ]);
  assertEquals(exoConfigPaths({ HOME, EXOSCALE_CONFIG: "" }, "linux")[0], PATH);
});

Deno.test("readExoAccount() reads the first file that is there, and no further", async () => {
  const old = `${HOME}/.exoscale/exoscale.toml`;
  const other = TWO_ACCOUNTS.replaceAll("work", "other");
  assertEquals(await readWith({ [old]: TWO_ACCOUNTS }), { account: WORK, tried: [PATH, old] });
  assertEquals(await readWith({ [PATH]: TWO_ACCOUNTS, [old]: other }), {
    account: WORK,
    tried: [PATH],
  });
  assertEquals((await readWith({})).tried.length, 3);
  assertEquals("account" in await readWith({}), false);
});

Deno.test("readExoAccount() skips a file that may not be read", async () => {
  const tried: string[] = [];
  const readTextFile = (path: string) => {
    tried.push(path);
    throw new Deno.errors.PermissionDenied(path);
  };
  assertEquals(await readExoAccount({ HOME }, { os: "linux", readTextFile }), {});
  assertEquals(tried, exoConfigPaths({ HOME }, "linux"));
});

Deno.test("readExoAccount() takes the account of EXOSCALE_ACCOUNT, else the default one", async () => {
  const home = { apiKey: "EXOhome", secret: "home secret" };
  const files = { [PATH]: TWO_ACCOUNTS };
  assertEquals((await readWith(files)).account, WORK);
  assertEquals((await readWith(files, { HOME, EXOSCALE_ACCOUNT: "home" })).account, home);
  const { problem } = await readWith(files, { HOME, EXOSCALE_ACCOUNT: "none" });
  assertEquals(problem, `${PATH}: no account named "none", there are: "home", "work"`);
});

Deno.test("readExoAccount() reads keys without regard to case", async () => {
  const text = `
    DefaultAccount = "Work"
    [[Accounts]]
    NAME = "Work"
    Key = "EXOwork"
    SECRET = "work secret"
    defaultzone = "at-vie-1"`;
  assertEquals((await readWith({ [PATH]: text })).account, WORK);
});

Deno.test("readExoAccount() takes a lone account without a default, and none of several", async () => {
  const one = '[[accounts]]\nname = "work"\nkey = "EXOwork"\nsecret = "s"';
  const two = `${one}\n[[accounts]]\nname = "home"\nkey = "EXOhome"`;
  assertEquals((await readWith({ [PATH]: one })).account, { apiKey: "EXOwork", secret: "s" });
  for (const none of ["", 'defaultaccount = ""\n']) {
    assertEquals(
      (await readWith({ [PATH]: none + two })).problem,
      `${PATH}: several accounts, and no defaultaccount, there are: "work", "home": ` +
        "name one with --account (EXOSCALE_ACCOUNT)",
    );
  }
  assertEquals((await readWith({ [PATH]: "accounts = []" })).account, {});
});

Deno.test("readExoAccount() leaves out what is missing, empty or no text", async () => {
  const rows: ReadonlyArray<readonly [text: string, account: Record<string, string>]> = [
    ["", {}],
    ['defaultaccount = "work"', {}],
    ['accounts = "work"', {}],
    ['[[accounts]]\nkey = "EXOwork"\nsecretCommand = []', { apiKey: "EXOwork" }],
    ['[[accounts]]\nkey = 7\nsecret = ""\ndefaultZone = "ch-dk-2"', { zone: "ch-dk-2" }],
    ["[[accounts]]\nkey = 2026-01-01T00:00:00Z", {}],
  ];
  for (const [text, account] of rows) {
    const found = await readWith({ [PATH]: text });
    assertEquals([found.account, found.problem], [account, undefined], text);
  }
});

Deno.test("readExoAccount() reports a broken file in one line, without its content", async () => {
  for (const text of ["[[accounts]", 'key = "\nsecret', "= 1", 'key = "EXO', "secret = SECRET"]) {
    const { account, problem = "" } = await readWith({ [PATH]: text });
    assertEquals(account, undefined, text);
    assertMatch(problem, /^\/home\/me\/\.config\/exoscale\/exoscale\.toml: \S.*$/);
    assertEquals(problem.includes("SECRET"), false, problem);
  }
});

Deno.test("readExoAccount() never throws, whatever the file says", async () => {
  const words = ["accounts", "name", "key", "defaultaccount", "=", "[[", "]]", '"', ".", "\n", "1"];
  const text = fc.oneof(
    fc.array(fc.constantFrom(...words, " "), { maxLength: 30 }).map((parts) => parts.join("")),
    fc.string({ unit: "binary" }),
  );
  const names = fc.option(fc.string(), { nil: undefined });
  await fc.assert(fc.asyncProperty(text, names, async (content, wanted) => {
    const found = await readWith({ [PATH]: content }, { HOME, EXOSCALE_ACCOUNT: wanted });
    assert(found.account !== undefined || found.problem !== undefined, JSON.stringify(found));
  }));
});

Deno.test("readExoAccount() counts an empty EXOSCALE_ACCOUNT as unset", async () => {
  const text = 'defaultaccount = "work"\n[[accounts]]\nname = "work"\nkey = "k"\nsecret = "s"';
  const env = { HOME: "/h", EXOSCALE_ACCOUNT: "" };
  const found = await readExoAccount(env, { os: "linux", readTextFile: () => text });
  assertEquals(found.account, { apiKey: "k", secret: "s" });
});

Deno.test("readExoAccount() names a file that EXOSCALE_CONFIG names and that cannot be read", async () => {
  const readTextFile = () => {
    throw new Error("not there");
  };
  const { problem } = await readExoAccount({ EXOSCALE_CONFIG: "/x.toml" }, {
    os: "linux",
    readTextFile,
  });
  assertEquals(problem, "EXOSCALE_CONFIG: cannot read /x.toml: not there");
});

Deno.test("readExoAccount() takes environment, endpoint of API v2, and the command for the secret", async () => {
  const account = async (rest: string) =>
    (await readWith({ [PATH]: `[[accounts]]\nkey = "k"\n${rest}` })).account;
  assertEquals(await account('Environment = "ppapi"'), { apiKey: "k", environment: "ppapi" });
  const endpoint = "https://api-at-vie-1.exoscale.com/v2";
  assertEquals(await account(`endpoint = "${endpoint}/"`), { apiKey: "k", endpoint });
  assertEquals(await account('endpoint = "https://api.exoscale.ch/v1"'), { apiKey: "k" });
  const secretCommand = ["pass", "show", "exo"];
  const both = 'secret = "old"\nSecretCommand = ["pass", "show", "exo"]';
  assertEquals(await account(both), { apiKey: "k", secret: "old", secretCommand });
});

Deno.test("an empty default account is none: the only account serves", async () => {
  const text = 'defaultaccount = ""\n[[accounts]]\nname = "a"\nkey = "k"\nsecret = "s"';
  const env = { EXOSCALE_CONFIG: "/exo.toml" };
  const found = await readExoAccount(env, { os: "linux", readTextFile: () => text });
  assertEquals(found.account, { apiKey: "k", secret: "s" });
});

Deno.test("readExoAccount() uses no file that somebody else can write, named or not", async () => {
  const text = '[[accounts]]\nkey = "k"\nsecretCommand = ["touch", "/tmp/run"]';
  const fileAccess = () => ({ readable: null, writable: "it belongs to another user (1001)" });
  const read = (env: Environment) =>
    readExoAccount(env, { os: "linux", readTextFile: () => text, fileAccess });
  const why = "is not used: it belongs to another user (1001), wanted only this user and root";
  assertEquals(await read({ HOME }), { problem: `${PATH} ${why}` });
  assertEquals(await read({ EXOSCALE_CONFIG: "/x.toml" }), { problem: `/x.toml ${why}` });
  const blind = { os: "linux" as const, readTextFile: () => text, fileAccess: () => null };
  const { account, problem } = await readExoAccount({ HOME }, blind);
  assertEquals(account, undefined);
  assertMatch(problem ?? "", /is not used: nobody knows who can write it/);
});
