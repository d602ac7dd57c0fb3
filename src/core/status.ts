// What `info` and the log show: from the state alone, every time as an age.
import type { Node } from "./node.ts";
import type { Peer } from "./peer.ts";

/** Counts since the start, kept by the watchdog. */
export interface Counts {
  readonly sent: number;
  readonly received: number;
  /** By reason word. */
  readonly refused: ReadonlyMap<string, number>;
}

/** The state as lines of text. */
export function statusLines({ election, ownership }: Node, counts: Counts, atMs: number): string[] {
  const { settings, role, reason, roleSinceMs, priority, selfId, peers } = election;
  const age = (sinceMs: number) =>
    Number.isFinite(sinceMs) ? `${((atMs - sinceMs) / 1000).toFixed(1)} s ago` : "never";
  const refused = [...counts.refused].map(([word, count]) => `${word} ${count}`).join(", ");
  const holding = ownership.holding === null ? "unknown" : ownership.holding ? "yes" : "no";
  return [
    `address ${settings.elasticIp}`,
    `role ${role} (${reason}), changed ${age(roleSinceMs)}`,
    `holding ${holding}, cloud read ${age(ownership.seenAtMs)}, able ${
      ownership.able ? "yes" : "no"
    }`,
    `priority ${priority}, interval ${settings.intervalMs} ms, dead ratio ${settings.deadRatio}`,
    `id ${selfId ?? "unknown"}`,
    `heartbeats sent ${counts.sent}, received ${counts.received}, refused ${refused || "none"}`,
    ...[...peers.values()].map((peer) => peerLine(peer, age)),
  ];
}

function peerLine(peer: Peer, age: (sinceMs: number) => string): string {
  const { address, alive, priority, trailer, heardAtMs, instanceId } = peer;
  const flags = trailer === null ? [] : [
    trailer.holds ? "holds" : "",
    trailer.leaving ? "leaving" : "",
    trailer.unable ? "unable" : "",
    trailer.hearsYou ? "" : "does not hear us",
  ].filter(Boolean);
  const words = [alive ? "alive" : "dead", `priority ${priority}`, ...flags];
  const heard = `heard ${age(heardAtMs ?? -Infinity)}`;
  return `peer ${address} ${words.join(", ")}, ${heard}, instance ${instanceId ?? "unknown"}`;
}
