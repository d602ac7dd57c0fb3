// The worker of peer_load.ts: one socket per peer, with their heartbeats spread over the interval.
import { encode } from "../../src/core/heartbeat.ts";
import type { Part } from "./peer_load.ts";
import { HEALTHY_TRAILER } from "../../tests/support/node_settings.ts";

/** A peer's source address matters, its port does not. */
function sing({ speakers, listeners, elasticIp, priority, port, intervalMs }: Part): void {
  for (const [index, { address, id }] of speakers.entries()) {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: address, port: 0 });
    const speak = () => {
      const trailer = { ...HEALTHY_TRAILER, sequence: Date.now() };
      const bytes = encode({ priority, elasticIp, id, trailer });
      // A node that does not listen yet is not an error.
      for (const hostname of listeners) {
        socket.send(bytes, { transport: "udp", hostname, port }).catch(() => {});
      }
    };
    setTimeout(() => setInterval(speak, intervalMs), intervalMs * index / speakers.length);
  }
}

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Part>) => void;
  postMessage(message: string): void;
};
scope.onmessage = ({ data }) => {
  sing(data);
  scope.postMessage("singing");
};
