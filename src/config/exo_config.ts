// The `exo` CLI's configuration file: the lowest source of credentials and zone. Source: exoscale/cli,
// cmd/root.go.
import { parse } from "smol-toml";
import { withoutEndSlashes } from "../exoscale/endpoint.ts";
import { PROBLEMS_MAX } from "./env_file.ts";
import { messageOf } from "../core/message_of.ts";
import type { Account } from "./cloud.ts";
import type { Host } from "../host/host.ts";
import type { Environment } from "../world.ts";

/** Reads a text file; rejects with `Deno.errors.NotFound` when there is none. */
export type ReadTextFile = (path: string) => string | Promise<string>;

/**
 * Where the file may be, in the CLI's order. The CLI also looks into the current folder, last; we do not, because a
 * command in the file would run for anybody who starts us there. So a relative folder does not count either.
 */
export function exoConfigPaths(env: Environment, os: typeof Deno.build.os): string[] {
  if (env.EXOSCALE_CONFIG) return [env.EXOSCALE_CONFIG];
  const { HOME: home, XDG_CONFIG_HOME: xdg, APPDATA: appData } = env;
  const user = os === "windows"
    ? appData
    : os === "darwin"
    ? home && `${home}/Library/Application Support`
    : xdg || (home && `${home}/.config`);
  const absolute = os === "windows" ? /^([A-Za-z]:)?[\\/]/ : /^\//;
  const folders = [user && `${user}/exoscale`, home && `${home}/.exoscale`, home];
  return folders.filter((folder) => folder && absolute.test(folder))
    .map((folder) => `${folder}/exoscale.toml`);
}

/** An account in the file: the secret itself, or the command that prints it. */
export interface ExoAccount extends Account {
  /** Program and arguments; as in the CLI, it overrides the secret. */
  readonly secretCommand?: readonly string[];
}

/** Empty without a file; a problem with a broken one. */
export interface ExoFindings {
  readonly account?: ExoAccount;
  /** The file that was read. */
  readonly path?: string;
  readonly problem?: string;
  readonly warnings?: readonly string[];
}

/** Access to a file that could be read, but whose permissions could not. */
const UNKNOWN = { readable: null, writable: "nobody knows who can write it" };

/** The account that the CLI would use: the named one, else the default one, else the only one. */
export async function readExoAccount(
  env: Environment,
  { os, readTextFile, fileAccess, wanted }: {
    os: typeof Deno.build.os;
    readTextFile: ReadTextFile;
    fileAccess?: Host["fileAccess"];
    /** Name of the account, undefined or empty for the default one. */
    wanted?: string | undefined;
  },
): Promise<ExoFindings> {
  for (const path of exoConfigPaths(env, os)) {
    let text: string;
    try {
      text = await readTextFile(path);
    } catch (error) {
      // The file is missing or unreadable for us: like the CLI, look further. But a file that was named must be there.
      const named = env.EXOSCALE_CONFIG ? "EXOSCALE_CONFIG: " : "";
      if (named === "" && isElsewhere(error)) continue;
      const reason = messageOf(error);
      return { problem: `${named}cannot read ${path}: ${reason}` };
    }
    const { writable, readable } = fileAccess
      ? await fileAccess(path) ?? UNKNOWN
      : { writable: null, readable: null };
    // Anybody who can write it chooses a command that we run.
    if (writable !== null) {
      return { problem: `${path} is not used: ${writable}, wanted only this user and root` };
    }
    try {
      const account = accountIn(lowerKeys(parse(text)), wanted);
      const shows = account.secret !== undefined && readable !== null;
      return { account, path, warnings: shows ? [`${path} has a secret and ${readable}`] : [] };
    } catch (error) {
      const reason = messageOf(error).split("\n")[0];
      return { problem: `${path}: ${reason}` };
    }
  }
  return {};
}

function isElsewhere(error: unknown): boolean {
  const { NotFound, PermissionDenied, NotADirectory } = Deno.errors;
  return [NotFound, PermissionDenied, NotADirectory].some((kind) => error instanceof kind);
}

function accountIn(file: unknown, wanted: string | undefined): ExoAccount {
  const { accounts, defaultaccount } = file as Record<string, unknown>;
  if (!Array.isArray(accounts)) {
    if (wanted) throw new Error(`no account named ${JSON.stringify(wanted)}`);
    return {};
  }
  // An empty name counts as not given.
  const name = wanted || defaultaccount || undefined;
  if (accounts.length === 0 && name === undefined) return {};
  const account = accounts.find((each) => each.name === name) ??
    (name === undefined && accounts.length === 1 ? accounts[0] : undefined);
  if (!account) {
    const some = accounts.slice(0, PROBLEMS_MAX).map((each) => JSON.stringify(each.name)).join(
      ", ",
    );
    const more = accounts.length > PROBLEMS_MAX ? " and others" : "";
    const known = `there are: ${some || "none"}${more}`;
    if (name !== undefined) throw new Error(`no account named ${JSON.stringify(name)}, ${known}`);
    const cure = "name one with --account (EXOSCALE_ACCOUNT)";
    throw new Error(`several accounts, and no defaultaccount, ${known}: ${cure}`);
  }
  const text = (key: string) => typeof account[key] === "string" ? account[key] : undefined;
  const [apiKey, secret, zone] = [text("key"), text("secret"), text("defaultzone")];
  const [endpoint, environment] = [withoutEndSlashes(text("endpoint") ?? ""), text("environment")];
  const command: unknown = account.secretcommand;
  const words = Array.isArray(command) ? command.map((word) => `${word}`) : [];
  return {
    ...(apiKey && { apiKey }),
    ...(secret && { secret }),
    ...(words.length > 0 && { secretCommand: words }),
    ...(zone && { zone }),
    // Old files name the API that is switched off.
    ...(endpoint && /^https?:.*\/v2$/.test(endpoint) && { endpoint }),
    ...(environment && { environment }),
  };
}

/** The CLI reads keys without regard to case. */
function lowerKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowerKeys);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.toLowerCase(), lowerKeys(inner)]),
  );
}
