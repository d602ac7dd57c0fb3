// Key and secret that change in their files while a watchdog runs.
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { load } from "../../src/config/load.ts";
import { parseKeyFile } from "../../src/config/key_file.ts";
import { CloudError, type CloudErrorKind } from "../../src/exoscale/cloud_error.ts";
import { type Credentials, Signer } from "../../src/exoscale/signature.ts";
import { Renewal } from "../../src/watch/renewal.ts";
import { settle, VirtualClock } from "../support/clock.ts";
import { callsTo } from "../support/cloud_calls.ts";
import { FakeCloud } from "../support/fake_cloud.ts";
import { COMMON, ID } from "../support/fake_host.ts";

const OLD: readonly [string, string] = ["EXOold", "old-secret"],
  NEW: readonly [string, string] = ["EXOnew", "new-secret"];
const keyFile = ([key, secret]: readonly [string, string], end?: number) =>
  JSON.stringify({ key, secret, ...(end !== undefined && { "expires-at": new Date(end) }) });

/** A renewal with files that the test can change, in virtual time. */
async function fixture(files: Record<string, string | Error>, args: string[]) {
  const lines: string[] = [], reads: string[] = [], hidden: string[] = [];
  const clock = new VirtualClock({ nowMs: 1_000 });
  const read = (path: string) => {
    const text = files[path] ?? new Deno.errors.NotFound(`no ${path}`);
    if (text instanceof Error) throw text;
    return text;
  };
  const machine = {
    root: "",
    fetch: () => Promise.reject(new Error("no network")),
    run: () => Promise.reject(new Error("no programs")),
    readTextFile: () => Promise.reject(new Error("no files")),
  };
  const readTextFile = async (path: string) => {
    reads.push(path);
    return await Promise.resolve(read(path));
  };
  const host = { env: {}, os: "linux" as const, machine, clock, readTextFile };
  const argv = ["-W", ...COMMON, ...args];
  const loaded = await load(argv, { ...host, readTextFile: read });
  const signer = new Signer({ apiKey: OLD[0], secret: OLD[1] });
  const log = {
    write: (severity: string, event: string, text: string) =>
      void lines.push(`${severity} ${event}: ${text}`),
  };
  const hide = ({ secret }: Credentials) => void hidden.push(secret);
  const renewal = new Renewal({ argv, host, log, loaded, signer, hide });
  return { renewal, signer, lines, reads, hidden, clock, pass: (ms: number) => clock.pass(ms) };
}

/** One call with that error from the cloud. */
async function refused(renewal: Renewal, kind: CloudErrorKind): Promise<void> {
  const look = () => Promise.reject(new CloudError(kind, "no"));
  const calls = callsTo(Object.assign(new FakeCloud(ID), { look }), {
    keyRefused: () => renewal.refused(),
  });
  calls.begin(1, { verb: "look", others: true });
  await calls.ended();
}

for (const kind of ["unauthorized", "forbidden"] as const) {
  Deno.test(`a secret that has changed in its file is used once the cloud says ${kind}`, async () => {
    const files: Record<string, string> = { "/secret": OLD[1] };
    const { renewal, signer, lines, hidden } = await fixture(files, [
      ...["-xk", OLD[0], "--api-secret-file", "/secret"],
    ]);
    files["/secret"] = NEW[1];
    await refused(renewal, kind);
    await settle();
    assert(signer.credentials.secret === NEW[1], "the new one is used");
    assertEquals(signer.credentials, { apiKey: OLD[0], secret: NEW[1] });
    assertEquals(hidden, [NEW[1]]);
    assertEquals(lines, [
      "info credentials: key or secret has changed in its file: used from now on",
    ]);
    renewal.close();
  });
}

Deno.test("each kind of file is read again: JSON, variables, our configuration", async () => {
  const rows: readonly [string[], (pair: readonly [string, string]) => string][] = [
    [["--api-secret-file", "/file"], keyFile],
    [
      ["--env-file", "/file"],
      ([key, secret]) => `EXOSCALE_API_KEY=${key}\nEXOSCALE_API_SECRET=${secret}`,
    ],
    [["--config", "/file"], ([key, secret]) => `api-key = "${key}"\napi-secret = "${secret}"`],
    [["--api-secret-file", "/file", "-xk", NEW[0]], ([, secret]) => secret],
  ];
  for (const [args, written] of rows) {
    const files = { "/file": written(OLD) };
    const { renewal, signer } = await fixture(files, args);
    files["/file"] = written(NEW);
    await refused(renewal, "forbidden");
    await settle();
    assert(signer.credentials.secret === NEW[1], `${args}`);
    assertEquals(signer.credentials.apiKey, NEW[0]);
    renewal.close();
  }
});

Deno.test("what is refused for good costs one reading in half a minute", async () => {
  const { renewal, lines, reads, pass } = await fixture({ "/secret": OLD[1] }, [
    ...["-xk", OLD[0], "--api-secret-file", "/secret"],
  ]);
  for (let second = 0; second < 600; second++) {
    await refused(renewal, "forbidden");
    await pass(1_000);
  }
  assert(reads.length >= 15 && reads.length <= 25, `${reads.length} readings in ten minutes`);
  assertEquals(lines, []);
  renewal.close();
});

Deno.test("other failures, and credentials that no file has, are no reason to read", async () => {
  const { renewal, reads } = await fixture({ "/secret": OLD[1] }, [
    ...["-xk", OLD[0], "--api-secret-file", "/secret"],
  ]);
  for (const kind of ["timeout", "not-found", "clock-late", "server-error"] as const) {
    await refused(renewal, kind);
  }
  const bare = await fixture({}, ["-xk", OLD[0], "-xs", OLD[1]]);
  await refused(bare.renewal, "forbidden");
  assertEquals([reads, bare.reads], [[], []]);
});

Deno.test("a file that cannot be read, or is wrong, is named once and changes nothing", async () => {
  const files: Record<string, string | Error> = { "/secret": keyFile(OLD) };
  const { renewal, signer, lines, pass } = await fixture(files, ["--api-secret-file", "/secret"]);
  files["/secret"] = '{"key": ';
  for (let second = 0; second < 100; second++) {
    await refused(renewal, "unauthorized");
    await pass(1_000);
  }
  assertEquals(lines.length, 1);
  assertMatch(
    lines[0] ?? "",
    /^warning credentials: the old ones stay: --api-secret-file .* is not valid JSON$/,
  );
  assertEquals(signer.credentials.secret, OLD[1]);
  delete files["/secret"];
  await pass(30_000);
  await refused(renewal, "unauthorized");
  await settle();
  assert(lines.length === 2, "the other problem is named, too");
  renewal.close();
});

Deno.test("a key with an end is renewed from its file before it ends", async () => {
  const endMs = 3_600_000, nextEndMs = 7_200_000;
  const files = { "/key": keyFile(OLD, endMs) };
  const { renewal, signer, lines, reads, pass, clock } = await fixture(files, [
    ...["--api-secret-file", "/key"],
  ]);
  renewal.use({ apiKey: OLD[0], secret: OLD[1], expiresAtMs: endMs });
  await pass(3_000_000);
  assertEquals(reads, [], "not long before the end");
  files["/key"] = keyFile(NEW, nextEndMs);
  await pass(330_000);
  assertEquals(signer.credentials, { apiKey: NEW[0], secret: NEW[1], expiresAtMs: nextEndMs });
  assert(clock.nowMs() < endMs, "in time");
  // The next one is never written: the expiry is logged once.
  await pass(5_000_000);
  assertMatch(
    lines.at(-1) ?? "",
    /^critical credentials: the API key ended at 1970-01-01T02:00:00/,
  );
  assertEquals(lines.length, 2);
  renewal.close();
});

Deno.test("parseKeyFile() reads a secret, an answer of assume-iam-role, and the controller manager's file", () => {
  assertEquals(parseKeyFile(" s\n"), { secret: "s" });
  assertEquals(
    parseKeyFile('{"key":"k","secret":"s","name":"n","expires-at":"2026-01-02T15:04:05Z"}'),
    { apiKey: "k", secret: "s", expiresAtMs: Date.UTC(2026, 0, 2, 15, 4, 5) },
  );
  assertEquals(parseKeyFile('{"name":"n","api_key":"k","api_secret":"s"}'), {
    apiKey: "k",
    secret: "s",
  });
  assertThrows(() => parseKeyFile("{"), Error, "begins like JSON and is not valid JSON");
  assertThrows(() => parseKeyFile('{"key":"k"}'), Error, "has no texts");
  assertThrows(
    () => parseKeyFile('{"key":"k","secret":"s","expires-at":"soon"}'),
    Error,
    "not a date",
  );
});
