// Where the shared secret is found, and how the configuration uses it.
import { assert, assertEquals } from "@std/assert";
import { readValues } from "../../src/options/parse.ts";
import { type Config, configure } from "../../src/config/config.ts";
import type { Loaded } from "../../src/config/load.ts";
import { keptPrivileges, privilegesText } from "../../src/host/privileges.ts";
import { usesOf } from "../../src/watch/least_privilege.ts";
import { findValues } from "../../src/config/sources.ts";
import { COMMON, KEYS, run } from "../support/fake_host.ts";

const WATCH = ["-W", "-p", "192.0.2.2", ...COMMON];
const ONE = "a secret of the cluster", TWO = "another secret of the cluster";

/** Secrets in force, or the problems. */
async function read(
  argv: readonly string[],
  { env = {}, files = {} }: { env?: Record<string, string>; files?: Record<string, string> } = {},
): Promise<readonly string[]> {
  const whole = { ...KEYS, ...env };
  const values = readValues([...argv], whole);
  const missing = () => Promise.reject(new Error("not there"));
  const [inputs, unreadable] = await findValues(values, {
    env: whole,
    machine: { root: "", fetch: missing, readTextFile: missing, run: missing },
    os: "linux",
    readTextFile(path) {
      const text = files[path];
      if (text === undefined) throw new Deno.errors.NotFound("no such file");
      if (text === "locked") throw new Deno.errors.PermissionDenied("not yours");
      return text;
    },
  });
  const config = configure(values, inputs);
  if ("problems" in config) return [...unreadable, ...config.problems];
  return [...unreadable, ...config.sharedSecrets];
}

Deno.test("the shared secret comes from flag, variable, file in a variable, or systemd, in this order", async () => {
  const files = { "/f": `${ONE}\n`, "/g": TWO, "/run/c/exoip-shared-secret": `${TWO}\n${ONE}` };
  const flag = ["--shared-secret-file", "/f"];
  const credential = { CREDENTIALS_DIRECTORY: "/run/c" };
  const file = { IF_SHARED_SECRET_FILE: "/g" }, secret = { IF_SHARED_SECRET: "the secret itself" };
  const rows = [
    [[...WATCH, ...flag], { ...credential, ...file, ...secret }, [ONE]],
    [WATCH, { ...credential, ...file, ...secret }, ["the secret itself"]],
    [WATCH, { ...credential, ...file }, [TWO]],
    [WATCH, credential, [TWO, ONE]],
    [WATCH, { CREDENTIALS_DIRECTORY: "/run/without" }, []],
    [WATCH, {}, []],
    // Modes without heartbeats do not use it.
    [["-A", ...COMMON, ...flag], {}, []],
  ] as const;
  for (const [argv, env, secrets] of rows) assertEquals(await read(argv, { env, files }), secrets);
});

Deno.test("a shared secret in quotation marks that were taken literally is refused, unless it is a file", async () => {
  const quoted = `"${ONE}"`;
  assertEquals(await read(WATCH, { env: { IF_SHARED_SECRET: quoted } }), [
    "IF_SHARED_SECRET: it begins and ends with a quotation mark, which counts as part of it " +
    "(docker --env-file keeps them): leave both out",
  ]);
  const env = { IF_SHARED_SECRET_FILE: "/f" };
  assertEquals(await read(WATCH, { env, files: { "/f": quoted } }), [quoted]);
});

Deno.test("problems with the shared secret name flag, variable and place, and never the secret", async () => {
  const option = "--shared-secret-file (IF_SHARED_SECRET_FILE)";
  const flag = [...WATCH, "--shared-secret-file", "/f"];
  const unsigned = [...WATCH, "--accept-unsigned"];
  const rows = [
    [flag, {}, {}, `${option}: cannot read /f: no such file`],
    [flag, {}, { "/f": "short!" }, `${option}: /f: the secret has 6 bytes, wanted at least 16`],
    [flag, {}, { "/f": "" }, `${option}: /f: it is empty, wanted a secret`],
    [
      flag,
      {},
      { "/f": `${ONE}\n${ONE}\n${TWO}` },
      `${option}: /f: 3 lines, wanted one secret, or two while one replaces the other`,
    ],
    [
      WATCH,
      { IF_SHARED_SECRET: "short!" },
      {},
      `${option}: IF_SHARED_SECRET: the secret has 6 bytes, wanted at least 16`,
    ],
    [
      WATCH,
      { CREDENTIALS_DIRECTORY: "/c" },
      { "/c/exoip-shared-secret": "locked" },
      `${option}: cannot read /c/exoip-shared-secret: not yours`,
    ],
    [
      [...WATCH, "--heartbeat-format", "original"],
      { IF_SHARED_SECRET: ONE },
      {},
      "--heartbeat-format (IF_HEARTBEAT_FORMAT): the original's 24 bytes have no room for a signature: give up this or the secret",
    ],
    [
      unsigned,
      {},
      {},
      "--accept-unsigned (IF_ACCEPT_UNSIGNED): has no effect without a secret (--shared-secret-file " +
      "(IF_SHARED_SECRET_FILE)), when all are accepted",
    ],
  ] as const;
  for (const [argv, env, files, problem] of rows) {
    assertEquals(await read(argv, { env, files }), [problem]);
  }
});

Deno.test("no flag takes the shared secret itself: arguments show in ps", async () => {
  for (const flag of ["--shared-secret", "-shared-secret", `--shared-secret=${ONE}`]) {
    const { code, err } = await run([...WATCH, flag, ONE]);
    assertEquals(code, 2);
    assert(!err.join("\n").includes(ONE), err.join("\n"));
  }
});

Deno.test("-v tells whether heartbeats are signed, and not with what", async () => {
  const argv = [...WATCH, "-n", "-v"];
  const shown = async (env: Record<string, string>, ...more: string[]) =>
    (await run([...argv, ...more], { env: { ...KEYS, ...env } })).out
      .find((line) => line.startsWith("signed: "));
  assertEquals(await shown({}), "signed: no");
  assertEquals(await shown({ IF_SHARED_SECRET: ONE }), "signed: yes, one key");
  assertEquals(
    await shown({ IF_SHARED_SECRET: `${ONE}\n${TWO}` }, "--accept-unsigned"),
    "signed: yes, 2 keys, unsigned accepted until a peer has signed",
  );
});

Deno.test("a running program keeps the rights that its configuration needs, and gives the reasons", () => {
  const kept = (
    {
      pidFile = null,
      mode = "watchdog",
      notified = false,
      syslog = false,
      argv = [],
      inputs = {},
      service: given = {},
    }: {
      pidFile?: string | null;
      mode?: "watchdog" | "associate";
      notified?: boolean;
      syslog?: boolean;
      argv?: string[];
      inputs?: Loaded["inputs"];
      service?: Partial<Pick<Config, "checks" | "notify" | "addressOn" | "drainOn">>;
    },
  ) => {
    const service = { checks: [], notify: null, addressOn: null, drainOn: null, ...given };
    const values = readValues(argv, {});
    const none = { env: {}, problems: [], warnings: [], readable: true, fileVariables: {} };
    const loaded = { values, inputs, ...none };
    return Object.fromEntries(
      keptPrivileges(usesOf({ pidFile, mode, ...service }, { syslog, notified, loaded })),
    );
  };
  // A watchdog checks for the Elastic IP all the time.
  const sys = { sys: ["interfaces"] };
  assertEquals(kept({}), sys);
  assertEquals(kept({ syslog: true }), { write: ["syslog"], ...sys });
  assertEquals(kept({ syslog: true, mode: "associate" }), { write: ["syslog"] });
  assertEquals(kept({ notified: true }), { write: ["service manager"], ...sys });
  assertEquals(kept({ pidFile: "/run/pid" }), { read: ["PID file"], write: ["PID file"], ...sys });
  assertEquals(kept({ pidFile: "/run/pid", mode: "associate" }), {});
  const cordon = { read: ["--drain-on (IF_DRAIN_ON)"], ...sys };
  assertEquals(kept({ service: { drainOn: "cordon" } }), cordon);
  assertEquals(kept({ service: { drainOn: "cordon" }, mode: "associate" }), {});
  // SIGHUP reads the files of the start again.
  const file = ["--api-secret-file", "/run/secret"];
  assertEquals(kept({ argv: file }), { read: ["reload"], ...sys });
  assertEquals(kept({ argv: file, mode: "associate" }), {});
  const found = (source: string) => ({ sharedSecret: { text: ONE, source } });
  assertEquals(kept({ inputs: found("/run/credentials/secret") }), { read: ["reload"], ...sys });
  assertEquals(kept({ inputs: found("IF_SHARED_SECRET") }), sys);
  assertEquals(kept({ inputs: { account: {} } }), { read: ["reload"], ...sys });
  const commanded = { run: ["reload: secretCommand"], read: ["reload"], ...sys };
  assertEquals(kept({ inputs: { account: { commanded: true } } }), commanded);
  const checks = [{ title: "exec:true", kind: "exec" as const, words: ["true"] }];
  assertEquals(kept({ service: { checks } }), { run: ["--check (IF_CHECK)"], ...sys });
  assertEquals(kept({ service: { checks }, mode: "associate" }), {});
  assertEquals(kept({ service: { notify: ["/bin/tell"], addressOn: "lo" } }), {
    run: ["--notify (IF_NOTIFY)", "--address-on (IF_ADDRESS_ON)"],
    ...sys,
  });
  const system = ["interfaces"];
  const uses = { programs: ["check"], files: ["reload"], written: [], sockets: [], system };
  const all = keptPrivileges(uses);
  assertEquals(
    privilegesText(all),
    "kept net (heartbeats, cloud), run (check), read (reload), sys (interfaces); " +
      "given up write, env, ffi, import",
  );
});
