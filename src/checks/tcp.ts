// A tcp check: does the port accept a connection?
import { lookup } from "node:dns/promises";
import { networkReason } from "./network_reason.ts";

/**
 * Resolves once one of the host's addresses, tried in turn, accepts a connection, which is closed at once. Rejects when
 * none does, or when aborted.
 */
export async function tcpCheck(
  { hostname, port }: { hostname: string; port: number },
  signal: AbortSignal,
): Promise<void> {
  let reason = "host name not found";
  try {
    // Separate from the connection: Deno 2.7 never frees what belongs to the signal if the name is not found.
    for (const { address } of await lookup(hostname, { all: true })) {
      if (signal.aborted) break;
      const error = await connect({ hostname: address, port, signal });
      if (error === null) return;
      reason = networkReason(error);
    }
  } catch (error) {
    reason = networkReason(error);
  }
  throw new Error(reason);
}

/** Why there is no connection, null when there was one. */
async function connect(options: Deno.ConnectOptions): Promise<unknown> {
  try {
    const connection = await Deno.connect(options);
    connection.close();
    return null;
  } catch (error) {
    return error;
  }
}
