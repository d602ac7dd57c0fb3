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
  return [findings, problems];
}

/** A flag goes before a variable, ours before the CLI's, all before our file; and the secret itself before its file. */
function goesBefore(file: Given, secret: Given | undefined): boolean {
  const ranks = [/^-/, /^IF_/, /^EXOSCALE_/, /^/];
  const rank = ({ source }: Given) => ranks.findIndex((each) => each.test(source));
  return !secret || rank(file) < rank(secret);
}
