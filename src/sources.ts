// What the configuration needs of files: the secret, and what the `exo` CLI knows.
import type { Given, Values } from "./cli.ts";
import { type Findings, nameOf } from "./config.ts";
import { readExoAccount } from "./exo_config.ts";
import type { Host } from "./host.ts";
import { findSharedSecret } from "./shared_secret.ts";

/** Reads the secret file and the CLI's configuration, if what they could say is not said already. */
export function findValues(
  { given }: Pick<Values, "given">,
  host: Pick<Host, "env" | "os" | "readTextFile">,
): [Findings, string[]] {
  const findings: { secretFile?: string; account?: Findings["account"] & object } = {};
  const problems: string[] = [];
  const file = given.get("api-secret-file");
  if (file && goesBefore(file, given.get("xs"))) {
    try {
      findings.secretFile = host.readTextFile(file.text).trim();
    } catch (error) {
      const reason = error instanceof Error ? error.message : `${error}`;
      problems.push(`${nameOf("api-secret-file")}: cannot read ${file.text}: ${reason}`);
    }
  }
  const keyed = given.has("xk") && (given.has("xs") || file);
  const placed = given.has("zone") || given.has("xe") || given.get("api")?.text === "v1";
  if (!keyed || !placed) {
    const { account, problem } = readExoAccount(host.env, host);
    if (account) findings.account = account;
    if (problem && !keyed) problems.push(problem);
  }
  const { found, problem } = findSharedSecret({ given }, host);
  if (problem) problems.push(problem);
  return [found ? { ...findings, sharedSecret: found } : findings, problems];
}

/** A flag goes before a variable, ours before the CLI's, and the secret itself before its file. */
function goesBefore(file: Given, secret: Given | undefined): boolean {
  const rank = ({ source }: Given) => source.startsWith("-") ? 0 : source.startsWith("IF_") ? 1 : 2;
  return !secret || rank(file) < rank(secret);
}
