// Warnings about a file that others may read, change or replace.
import type { Host } from "../host/host.ts";

/** Why it matters that others can write a file without secrets. */
export const CONFIGURES = "says what this program does",
  AUTHORISES = "says which servers are trusted";

/** Warnings about a file: only its owner may read a secret, and only its owner may write a file that has a `use`. */
export async function doubtsOf(
  path: string,
  { secret, use = null }: { secret: boolean; use?: string | null },
  { fileAccess }: Pick<Host, "fileAccess">,
): Promise<string[]> {
  const { readable = null, writable = null } = await fileAccess?.(path) ?? {};
  const what = secret ? "has a secret" : use;
  const open = secret && readable !== null ? `${readable}: wanted mode 0600` : null;
  const found = [open, writable].filter((text) => text !== null);
  return what === null ? [] : found.map((text) => `${path} ${what} and ${text}`);
}
