// The `exo` CLI's configuration file: the lowest source of credentials and zone. Source: exoscale/cli,
// cmd/root.go.
import { parse } from "smol-toml";
import type { Environment } from "./cli.ts";
import type { Findings } from "./config.ts";

/** Reads a text file; throws `Deno.errors.NotFound` when there is none. */
export type ReadTextFile = (path: string) => string;

/** Where the file may be, in the CLI's order. */
export function exoConfigPaths(env: Environment, os: typeof Deno.build.os): string[] {
  if (env.EXOSCALE_CONFIG) return [env.EXOSCALE_CONFIG];
  const { HOME: home, XDG_CONFIG_HOME: xdg, APPDATA: appData } = env;
  const user = os === "windows"
    ? appData
    : os === "darwin"
    ? home && `${home}/Library/Application Support`
    : xdg || (home && `${home}/.config`);
  const folders = [user && `${user}/exoscale`, home && `${home}/.exoscale`, home, "."];
  return folders.filter((folder) => folder).map((folder) => `${folder}/exoscale.toml`);
}

/** The account that the CLI would use: undefined without a file, an error text for a broken one. */
export function readExoAccount(
  env: Environment,
  { os, readTextFile }: { os: typeof Deno.build.os; readTextFile: ReadTextFile },
): { account?: Findings["account"]; problem?: string } {
  for (const path of exoConfigPaths(env, os)) {
    let text: string;
    try {
      text = readTextFile(path);
    } catch (error) {
      // Not there, or not ours to read: the CLI looks further, too. But a file that was named must be there.
      if (!env.EXOSCALE_CONFIG) continue;
      const reason = error instanceof Error ? error.message : `${error}`;
      return { problem: `EXOSCALE_CONFIG: cannot read ${path}: ${reason}` };
    }
    try {
      return { account: accountIn(lowerKeys(parse(text)), env.EXOSCALE_ACCOUNT) };
    } catch (error) {
      const reason = (error instanceof Error ? error.message : `${error}`).split("\n")[0];
      return { problem: `${path}: ${reason}` };
    }
  }
  return {};
}

function accountIn(file: unknown, wanted: string | undefined): Findings["account"] {
  const { accounts, defaultaccount } = file as Record<string, unknown>;
  if (!Array.isArray(accounts)) return {};
  const name = wanted || defaultaccount;
  const account = accounts.find((each) => each.name === name) ??
    (name === undefined && accounts.length === 1 ? accounts[0] : undefined);
  if (!account) throw new Error(`no account named ${JSON.stringify(name)}`);
  const text = (key: string) => typeof account[key] === "string" ? account[key] : undefined;
  const [apiKey, secret, zone] = [text("key"), text("secret"), text("defaultzone")];
  return { ...(apiKey && { apiKey }), ...(secret && { secret }), ...(zone && { zone }) };
}

/** The CLI reads keys without regard to case. */
function lowerKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowerKeys);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.toLowerCase(), lowerKeys(inner)]),
  );
}
