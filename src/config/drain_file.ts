// The record of a drain: a file that the command writes and the watchdog reads at its start, so that a drain outlives
// the process and the machine. The watchdog never writes it, and needs no right to.
import type { Aside } from "../core/election/aside.ts";
import { messageOf } from "../core/message_of.ts";
import type { Environment } from "../world.ts";

/** Folder of the records, if neither --state-dir nor the service manager names one. */
const FOLDER = "/var/lib/exoip";

/** The record of the watchdog on that port. `folder` is the value of --state-dir, null when it was not given. */
export function drainFileOf(folder: string | null, port: number, env: Environment): string {
  // A service of systemd can have several state folders; the first is ours.
  const [managed] = (env.STATE_DIRECTORY ?? "").split(":");
  return `${(folder ?? (managed || FOLDER)).replace(/\/+$/, "")}/${port}.drain.json`;
}

/** The text of a record. */
export function drainText({ by, why, wallMs }: Aside): string {
  return JSON.stringify({ drained: true, by, reason: why, at: new Date(wallMs).toISOString() }) +
    "\n";
}

/**
 * The drain in the record, null without one. A record that cannot be read counts as a drain: a machine under
 * repair must not come back by accident, and a drained node still serves while no other node can.
 */
export async function readDrain(
  path: string,
  { read, nowWallMs }: { read: (path: string) => string | Promise<string>; nowWallMs: number },
): Promise<{ readonly drain: Aside | null; readonly problem: string | null }> {
  let problem: string;
  try {
    const drain = drainIn(await read(path));
    if (drain) return { drain, problem: null };
    problem = 'it is no record of a drain, wanted {"drained":true,"by":...,"reason":...,"at":...}';
  } catch (error) {
    const absent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (absent) return { drain: null, problem: null };
    problem = messageOf(error);
  }
  const why = `${path} cannot be read`;
  return { drain: { kind: "drained", by: "unknown", why, wallMs: nowWallMs }, problem };
}

function drainIn(text: string): Aside | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { drained, by, reason, at } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const wallMs = typeof at === "string" ? Date.parse(at) : NaN;
  if (drained !== true || typeof by !== "string" || typeof reason !== "string") return null;
  return Number.isNaN(wallMs) ? null : { kind: "drained", by, why: reason, wallMs };
}
