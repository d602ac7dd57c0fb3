// What the configuration needs of files: the secret, and what the `exo` CLI knows.
import type { Given, Values } from "./cli.ts";
import { type Findings, nameOf } from "./config.ts";
import { readExoAccount } from "./exo_config.ts";
import type { Host } from "./host.ts";

/** Reads the secret file and the CLI's configuration, if what they could say is not said already. */
export function findValues(
  { given }: Values,
  host: Pick<Host, "env" | "os" | "readTextFile">,
): [Findings, string[]] {
  const findings: { -readonly [Name in keyof Findings]: Findings[Name] } = {};
  const problems: string[] = [];
  const file = given.get("api-secret-file");
  if (file && goesBefore(file, given.get("xs"))) {
    read("api-secret-file", file.text, (text) => findings.secretFile = text.trim());
  }
  const authorities = given.get("ca-file");
  if (authorities) read("ca-file", authorities.text, (text) => findings.caFile = text);
  const keyed = given.has("xk") && (given.has("xs") || file);
  const placed = given.has("zone") || given.has("xe") || given.get("api")?.text === "v1";
  if (!keyed || !placed) {
    const { account, problem } = readExoAccount(host.env, host);
    if (account) findings.account = account;
    if (problem && !keyed) problems.push(problem);
  }
  return [findings, problems];

  function read(option: string, path: string, use: (text: string) => void): void {
    try {
      use(host.readTextFile(path));
    } catch (error) {
      const reason = error instanceof Error ? error.message : `${error}`;
      problems.push(`${nameOf(option)}: cannot read ${path}: ${reason}`);
    }
  }
}

/** A flag goes before a variable, ours before the CLI's, and the secret itself before its file. */
function goesBefore(file: Given, secret: Given | undefined): boolean {
  const rank = ({ source }: Given) => source.startsWith("-") ? 0 : source.startsWith("IF_") ? 1 : 2;
  return !secret || rank(file) < rank(secret);
}
