// The largest files that an operator can give, in the worst shapes for their parsers: they must be read quickly,
// because heartbeats wait, and cause a bounded number of problems.
import { assert } from "@std/assert";
import { configure } from "../../src/config/config.ts";
import { load, type Source } from "../../src/config/load.ts";
import { BUNDLE_MAX_BYTES, FILE_MAX_BYTES } from "../../src/host/text_file.ts";
import { quickestMs } from "../support/quickest.ts";

/** Some 20 ms on an idle machine with two cores. A quadratic parser took 6 to 38 s. */
const LIMIT_MS = 500;
/** Problems of files and of options, plus a line for those left out. */
const PROBLEMS_MAX = 60;

const filled = (piece: string, bytes = FILE_MAX_BYTES) =>
  piece.repeat(Math.ceil(bytes / piece.length)).slice(0, bytes);

function lines(line: (index: number) => string, bytes = FILE_MAX_BYTES): string {
  const all: string[] = [];
  for (let size = 0; size < bytes - 80;) size += all[all.push(`${line(all.length)}\n`) - 1]!.length;
  return all.join("");
}

const inPeerList = (item: (index: number) => string, between: string) =>
  lines(item).trimEnd().replaceAll("\n", between);
const address = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;

/** An option, and the content of its file. */
const SHAPES: ReadonlyArray<readonly [option: string, title: string, text: string]> = [
  ["env-file", "lines without =", filled("x\n")],
  ["env-file", "one line", filled("x")],
  ["env-file", "blanks", filled(" ")],
  ["env-file", "line feeds", filled("\r\n")],
  ["env-file", "unknown variables", lines((index) => `IF_X${index}=1`)],
  ["env-file", "an open quote", `A="${filled("x\n")}`],
  ["env-file", "continued lines", `A=${filled("\\\n")}`],
  ["env-file", "a check of blanks", `IF_CHECK='tcp://a:1${filled(" ")}x'`],
  ["env-file", "checks", `IF_CHECK='${inPeerList((index) => `tcp://a:${index + 1}`, " ")}'`],
  ["env-file", "bad checks", `IF_CHECK='${filled("exec: ")}'`],
  ["env-file", "a query of semicolons", `IF_CHECK='http://a/?${filled(";")}'`],
  ["env-file", "a query of secrets", `IF_CHECK='http://a/?${filled("&pass")}'`],
  ["env-file", "many @", `IF_CHECK='http://a/?${filled("@:/")}'`],
  ["env-file", "escapes", `IF_NOTIFY='${filled("\\u0041")}'`],
  ["env-file", "peers", `IF_PEERS='${inPeerList(address, ",")}'`],
  ["env-file", "commas", `IF_PEERS='${filled(",")}'`],
  ["env-file", "addresses", `IF_ADDRESS='${inPeerList(address, ",")}'`],
  ["env-file", "bad priorities", `IF_ADDRESS='${filled("x/9999,")}'`],
  ["env-file", "slashes", `IF_EXOSCALE_API_ENDPOINT='https://a${filled("/")}x'`],
  ["config", "unknown keys", lines((index) => `k${index} = 1`)],
  ["config", "tables", lines((index) => `[a.b${index}.c]`)],
  ["config", "depth", `a = ${filled("[")}`],
  ["config", "dots", `[a${filled(".b")}]`],
  ["config", "blanks", filled(" ")],
  ["config", "lines that begin with blanks", lines(() => " ".repeat(3_000))],
  ["config", "a text of blanks", `a = '''${filled(" ", 60_000)}\n'''`],
  ["config", "a long number", `priority = ${filled("1")}`],
  ["config", "strings", `peers = [${filled('"a",', FILE_MAX_BYTES - 20)}]`],
  ["config", "checks", `check = [${inPeerList((index) => `"exec:a ${index}",`, "\n")}]`],
  ["shared-secret-file", "lines", filled("x\n")],
  ["shared-secret-file", "blanks", `${filled(" ")}x`],
  ["api-secret-file", "line feeds", `${filled("\n")}x`],
  ["ca-file", "beginnings", filled("-----BEGIN CERTIFICATE-----", BUNDLE_MAX_BYTES)],
  ["ca-file", "dashes", filled("-", BUNDLE_MAX_BYTES)],
  ["ca-file", "one without an end", `-----BEGIN CERTIFICATE-----${filled("a", BUNDLE_MAX_BYTES)}`],
  ["account", "accounts", lines((index) => `[[accounts]]\nname = "${index}"`)],
];

const missing = () => Promise.reject(new Deno.errors.NotFound("not there"));

for (const [option, title, text] of SHAPES) {
  Deno.test(`a file for ${option} with nothing but ${title} is read in no time`, async () => {
    const account = option === "account";
    const env: Record<string, string> = account ? { EXOSCALE_CONFIG: "/file" } : {};
    const host: Source = {
      env,
      os: "linux",
      readTextFile: (path) => path === "/file" ? text : missing(),
      machine: { root: "", fetch: missing, readTextFile: missing, run: missing },
    };
    const keys = account ? [] : ["-xk", "EXOk"];
    const argv = ["-W", "-i", "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f", ...keys];
    if (!account) argv.push(`--${option}`, "/file");
    let count = 0;
    const bestMs = await quickestMs(LIMIT_MS, async () => {
      const loaded = await load(argv, host);
      const config = configure(loaded.values, loaded.inputs);
      const wrong = "problems" in config ? config.problems : [];
      count = wrong.length + loaded.problems.length + loaded.warnings.length;
    });
    assert(bestMs < LIMIT_MS, `${bestMs} ms`);
    assert(count <= PROBLEMS_MAX, `${count} problems`);
  });
}
