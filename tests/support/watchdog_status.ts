// Asks a watchdog on this machine what --status asks it, without a process.
import { Fragments, JSON_REQUEST } from "../../src/status/fragments.ts";
import type { Snapshot } from "../../src/status/snapshot.ts";

/** The status of the watchdog at that place; null when the answer does not come within a second. */
export async function statusAt(
  place: { hostname: string; port: number },
): Promise<Snapshot | null> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const late = setTimeout(() => socket.close(), 1_000);
  const fragments = new Fragments();
  await socket.send(new TextEncoder().encode(`${JSON_REQUEST} 1`), { transport: "udp", ...place });
  let text: string | null = null;
  for await (const [bytes] of socket) {
    text = fragments.add(bytes, 1);
    if (text === null) continue;
    clearTimeout(late);
    socket.close();
    break;
  }
  return text === null ? null : JSON.parse(text);
}
