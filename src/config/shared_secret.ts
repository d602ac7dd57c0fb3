// Where the shared secret comes from: a file, a variable, or a systemd credential. Never an argument.
import { type Given, isOn, type Values } from "../options/parse.ts";
import { nameOf } from "./config.ts";
import { messageOf } from "../core/message_of.ts";
import type { FoundSecret } from "./security.ts";
import type { Host } from "../host/host.ts";
import { SECRET_VARIABLE } from "../options/security.ts";

/** Name of the systemd credential that is used when no other source is given. */
export const CREDENTIAL = "exoip-shared-secret";

/** The secret, if there is one, or why it is not available. Only the watchdog uses it. */
export async function findSharedSecret(
  { given }: Pick<Values, "given">,
  { env, readTextFile }: Pick<Host, "env" | "readTextFile">,
): Promise<{ found?: FoundSecret; path?: string; problem?: string }> {
  const on = (option: string) => isOn(given.get(option));
  // A doctor run without a mode checks for the watchdog.
  if (!on("W") && !(on("doctor") && !on("A") && !on("D"))) return {};
  const file = given.get("shared-secret-file"), text = env[SECRET_VARIABLE];
  if (text && !byFlag(file)) return { found: { text, source: SECRET_VARIABLE } };
  const folder = env.CREDENTIALS_DIRECTORY;
  const path = file?.text ?? (folder && `${folder}/${CREDENTIAL}`);
  if (file && file.text === "") {
    return { problem: `${nameOf("shared-secret-file")}: its path is empty` };
  }
  if (!path) return {};
  try {
    return { found: { text: await readTextFile(path), source: path }, path };
  } catch (error) {
    if (!file && error instanceof Deno.errors.NotFound) return {};
    const reason = messageOf(error);
    return { problem: `${nameOf("shared-secret-file")}: cannot read ${path}: ${reason}` };
  }
}

function byFlag(file: Given | undefined): boolean {
  return file?.source.startsWith("-") ?? false;
}
