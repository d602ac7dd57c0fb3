// Where signed requests may go: the configured endpoint, and those in the list of zones.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { readValues } from "../../src/options/parse.ts";
import { configure, type ExternalInputs } from "../../src/config/config.ts";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { endpointProblem, isLoopback, sameDomain } from "../../src/exoscale/endpoint.ts";
import { anyEndpoint, findEndpoint, lookUpEndpoint } from "../../src/exoscale/zone.ts";
import { PATIENT } from "../support/cloud/cloud_fixture.ts";
import { COMMON, ID, KEYS, run } from "../support/fake_host.ts";
import { VirtualClock } from "../support/clock.ts";

Deno.test("endpointProblem() allows plain HTTP to this machine, or where it is allowed", () => {
  const table: [url: string, problem: RegExp | null, insecure: RegExp | null][] = [
    ["https://api-ch-gva-2.exoscale.com/v2", null, null],
    ["https://127.0.0.1:8443/v2", null, null],
    ["http://127.0.0.1:8080/v2", null, null],
    ["http://127.9.9.9/v2", null, null],
    ["http://localhost/v2", null, null],
    ["http://[::1]:80/v2", null, null],
    ["http://cloud.test/v2", /plain HTTP/, null],
    ["http://127.evil.test/v2", /plain HTTP/, null],
    ["http://localhost.evil.test/v2", /plain HTTP/, null],
    ["http://10.0.0.1/v2", /plain HTTP/, null],
    ["http://0.0.0.0/v2", /plain HTTP/, null],
    ["https://u:p@cloud.test/v2", /user name/, /user name/],
    ["https://cloud.test/v2?a=b", /query/, /query/],
    ["ftp://cloud.test/v2", /not an http/, /not an http/],
    ["data:text/plain,x", /not an http/, /not an http/],
  ];
  const agrees = (found: string | null, wanted: RegExp | null) =>
    wanted === null ? found === null : wanted.test(found ?? "");
  for (const [text, problem, insecure] of table) {
    const url = new URL(text);
    assert(agrees(endpointProblem(url, { insecure: false }), problem), text);
    assert(agrees(endpointProblem(url, { insecure: true }), insecure), `insecure: ${text}`);
  }
  // URLs normalise all forms of an address.
  assert(isLoopback(new URL("http://2130706433/").hostname));
});

Deno.test("sameDomain() compares whole names", () => {
  const table: [string, string, boolean][] = [
    ["api-de-fra-1.exoscale.com", "api-ch-gva-2.exoscale.com", true],
    ["api.de.exoscale.com", "api-ch-gva-2.exoscale.com", true],
    ["exoscale.com", "api-ch-gva-2.exoscale.com", false],
    ["evilexoscale.com", "api-ch-gva-2.exoscale.com", false],
    ["api.exoscale.com.evil.test", "api-ch-gva-2.exoscale.com", false],
    ["evil.test", "cloud.test", false],
    ["127.0.0.1", "127.0.0.1", true],
    ["127.0.0.2", "127.0.0.1", false],
  ];
  for (const [endpoint, asked, expected] of table) {
    const urls = [endpoint, asked].map((host) => new URL(`https://${host}/v2`)) as [URL, URL];
    assertEquals(sameDomain(...urls), expected, `${endpoint} of ${asked}`);
  }
});

Deno.test("findEndpoint() sends no signed request where only an answer says so", async () => {
  const lies = [
    { name: "a", "api-endpoint": "https://evil.test/v2" },
    { name: "b", "api-endpoint": "http://api-b.exoscale.com/v2" },
    { name: "c", "api-endpoint": "https://k:s@api-c.exoscale.com/v2" },
    { name: "d", "api-endpoint": "https://api-d.exoscale.com.evil.test/v2" },
    { name: "evil.test/v2#" },
    { name: "e", "api-endpoint": "nonsense\n\x1b[2J" },
    { name: "f", "api-endpoint": 17 },
  ];
  const honest = { name: "ch-dk-2", "api-endpoint": "https://api-ch-dk-2.exoscale.com/v2/" };
  const asked: string[] = [];
  const directory = (zones: object[]) => ({
    anyEndpoint: anyEndpoint(),
    clock: new VirtualClock({ leaps: true }),
    signal: PATIENT,
    fetch: (url: URL) => {
      asked.push(url.href);
      const answer = url.pathname === "/v2/zone" ? { zones } : { id: ID };
      return Promise.resolve(Response.json(answer));
    },
  });
  const find = (zones: object[]) =>
    findEndpoint(ID, { apiKey: "EXOkey", secret: "secret", ...directory(zones) });
  assertEquals(await find([...lies.slice(0, 6), honest]), "https://api-ch-dk-2.exoscale.com/v2");
  const wanted = [`${anyEndpoint()}/zone`, `https://api-ch-dk-2.exoscale.com/v2/instance/${ID}`];
  assertEquals(asked, wanted);
  for (const lie of lies.filter(({ name }) => name !== "f")) {
    const error = await assertRejects(() => find([lie]), CloudError, "not asked");
    assertEquals(error.kind, "unexpected-answer");
    const named = () => lookUpEndpoint(`${"name" in lie ? lie.name : ""}`, directory([lie]));
    await assertRejects(named, CloudError, "not asked");
    assert(!/\p{Cc}|k:s/u.test(error.message), error.message);
  }
  await assertRejects(() => find([{}, honest]), CloudError, "item 1 has no name");
  const many = Array.from({ length: 5_000 }, () => ({ name: "x", "api-endpoint": "x" }));
  await assertRejects(() => find(many), CloudError);
});

const problemsOf = (argv: string[], inputs: ExternalInputs = {}) => {
  const outcome = configure(readValues(["-A", "-xi", "198.51.100.50", ...argv], {}), inputs);
  return "problems" in outcome ? outcome.problems : [];
};

Deno.test("configure() names the way to allow plain HTTP, and shows no password", () => {
  const keyed = ["-xk", "EXOkey", "-xs", "secret"];
  const plainHttp = [...keyed, "-xe", "http://c.test:8080/client/api"];
  const [problem] = problemsOf(plainHttp);
  assertStringIncludes(problem ?? "", "plain HTTP to another machine");
  assertStringIncludes(problem ?? "", "--insecure-endpoint (IF_INSECURE_ENDPOINT)");
  assertEquals(problemsOf([...plainHttp, "--insecure-endpoint"]), []);
  const [shown] = problemsOf([...keyed, "-xe", "https://user:hunter2@c.test/v2"]);
  assert(shown?.includes("user name or a password") && !shown.includes("hunter2"), shown);
});

Deno.test("configure() refuses a key that no header can have, and a secret that is a file of lines", () => {
  const table: [argv: string[], ExternalInputs, problem: RegExp | null][] = [
    [["-xk", "EXO\nkey", "-xs", "s"], {}, /^-xk .*visible ASCII/],
    [["-xk", "EXO,key", "-xs", "s"], {}, /^-xk .*comma/],
    [["-xk", "EXOkéy", "-xs", "s"], {}, /^-xk /],
    [["-xk", "EXO key", "-xs", "s"], {}, /^-xk /],
    [["-xk", "k", "-xs", "a\nb"], {}, /^-xs .*the secret is not one line/],
    [["-xk", "k"], { secretFile: "a\nb\n" }, /^--api-secret-file .*the file is not one line/],
    [["-xk", "k"], { secretFile: "x".repeat(5_000) }, /^--api-secret-file .*not one line/],
    [["-xk", "k"], { secretFile: "a\0b" }, /^--api-secret-file .*not one line/],
    [["-xk", "k", "-xs", "blank inside, comma, ü"], {}, null],
    [["-xk", "~!+-/=A_z", "-xs", "s"], {}, null],
  ];
  for (const [argv, inputs, expected] of table) {
    const problems = problemsOf(argv, inputs);
    assertEquals(problems.length, expected === null ? 0 : 1, JSON.stringify([argv, problems]));
    if (expected) assert(expected.test(problems[0] ?? ""), problems[0]);
  }
});

Deno.test("configure() takes no zone of the account that is none: it becomes part of a host name", () => {
  const account = { apiKey: "k", secret: "s", zone: "evil.test/#" };
  const read = (account: ExternalInputs["account"] & object) =>
    configure(readValues(["-A", "-xi", "198.51.100.50"], {}), { account });
  const outcome = read(account);
  assert(!("problems" in outcome) && outcome.usualZone === null);
  const plainHttp = read({ ...account, endpoint: "http://c.test/v2" });
  assert("problems" in plainHttp && /^--account .*plain HTTP/.test(`${plainHttp.problems}`));
});

Deno.test("runProgram() trusts whom the CA file names, and names a certificate that is none", async () => {
  const pem = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
  const args = ["-A", ...COMMON, "--ca-file", "/ca.pem"];
  const good = await run(args, {
    holds: true,
    files: { "/ca.pem": `# both\n${pem("GOOD")}${pem("ALSO")}` },
  });
  assertEquals([good.code, good.calls[0]], [0, "trusting 2 more"]);
  const bad = await run(args, { files: { "/ca.pem": pem("GOOD") + pem("BAD") }, env: KEYS });
  assertEquals([bad.code, bad.calls], [1, []]);
  assertStringIncludes(bad.err.join(), "--ca-file (IF_CA_FILE): one of 2 certificates cannot be");
  const none = await run(args);
  assertStringIncludes(none.err.join(), "--ca-file (IF_CA_FILE): cannot read /ca.pem");
});
