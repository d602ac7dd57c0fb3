// Requirements of these tests: Patroni, PostgreSQL and etcd; a test without them is skipped.
import { MISSING as NO_NETWORKS } from "../netns/requirements.ts";
import { skippableTest } from "../support/skippable.ts";

/**
 * Runs a command as the user of PostgreSQL, which refuses root. The user may pass all folders: the environment of Patroni
 * may be in one that only root can enter.
 */
export const AS_POSTGRES = [
  ..."setpriv --reuid=postgres --regid=postgres --init-groups".split(" "),
  ..."--inh-caps=+dac_override --ambient-caps=+dac_override --".split(" "),
];

/** Folder of PostgreSQL's programs, the newest that is installed; null without one. */
export const POSTGRESQL: string | null = newestPostgresql();

/** Python of the environment in which Patroni is installed, which has psycopg2, too. */
export const PYTHON: string = pythonOfPatroni();

/** Why these tests cannot run here, null when they can. */
export const MISSING: string | null = await whatIsMissing();

/** A test with the real Patroni. Where that is not available it is skipped, and its name says why. */
export function patroniTest(name: string, body: (t: Deno.TestContext) => Promise<void>): void {
  skippableTest(name, MISSING, body);
}

async function whatIsMissing(): Promise<string | null> {
  if (NO_NETWORKS !== null) return NO_NETWORKS;
  if (POSTGRESQL === null) return "needs PostgreSQL (postgresql) in /usr/lib/postgresql";
  if (!await runs("etcd", "--version")) return "needs etcd (etcd-server)";
  if (!await runs(...AS_POSTGRES, "true")) {
    return "needs setpriv (util-linux) and its right to set capabilities";
  }
  if (PYTHON === "") return "needs patroni (pip install patroni[etcd3] psycopg2-binary) in PATH";
  const imports = await runs(...AS_POSTGRES, PYTHON, "-c", "import patroni, etcd, psycopg2");
  return imports ? null : `${PYTHON} cannot run patroni with etcd and psycopg2 as postgres`;
}

async function runs(...command: readonly string[]): Promise<boolean> {
  const [program = "", ...args] = command;
  return await new Deno.Command(program, { args, cwd: "/" }).output()
    .then(({ success }) => success, () => false);
}

function newestPostgresql(): string | null {
  const folder = "/usr/lib/postgresql";
  const versions = exists(folder) ? [...Deno.readDirSync(folder)].map(({ name }) => name) : [];
  const [newest] = versions.filter((version) => exists(`${folder}/${version}/bin/postgres`))
    .sort((one, other) => Number(other) - Number(one));
  return newest === undefined ? null : `${folder}/${newest}/bin`;
}

function pythonOfPatroni(): string {
  const folders = (Deno.env.get("PATH") ?? "").split(":").filter(Boolean);
  const found = folders.find((folder) => exists(`${folder}/patroni`));
  const first = found === undefined ? "" : Deno.readTextFileSync(`${found}/patroni`).split("\n")[0];
  return /^#!(\S+)$/.exec(first ?? "")?.[1] ?? "";
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
