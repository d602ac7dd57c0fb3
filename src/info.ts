// The `info` request: the word alone, from this machine.
import type { Link } from "./world.ts";

/** The longest request that is recognised. */
const INFO_MAX_BYTES = 16;

/** Whether the datagram asks how the watchdog is. */
export function asksForInfo(bytes: Uint8Array): boolean {
  return bytes.length <= INFO_MAX_BYTES && new TextDecoder().decode(bytes).trim() === "info";
}

/** Whether the sender is this machine. */
export function isLocal(from: string, { localAddresses }: Pick<Link, "localAddresses">): boolean {
  return from.startsWith("127.") || from === "::1" || localAddresses.includes(from);
}
