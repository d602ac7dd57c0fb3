// Which heartbeats leave at a step.
import { advert, advertTo, sameAdvert } from "./advert.ts";
import { departure } from "./departure.ts";
import type { Node, NodeEffect } from "./node.ts";
import { detaching } from "./ownership.ts";
import type { Turn } from "./steering.ts";

/** Sends what is due: to all at each interval, and at once when what we say, or to whom, has changed. */
export function speak(
  node: Node,
  { atMs, effects, joined }: Turn & { joined: boolean },
): [Node, NodeEffect[]] {
  const { election, ownership } = node;
  const { brisk, settings } = election;
  const intervalMs = brisk && atMs < brisk.untilMs ? brisk.intervalMs : settings.intervalMs;
  const hint = advert(election);
  // Nobody may rely on a hold that is being given up.
  const says = { ...hint, holds: hint.holds && !detaching(ownership) };
  const news = !sameAdvert(says, node.said);
  const due = atMs >= election.heartbeatAtMs;
  const exit = departure.exitCode(node, atMs);
  if ((due || news || joined || exit !== null) && election.selfId !== null) {
    // A farewell must not get lost: three datagrams.
    const copies = says.leaving && !node.said.leaving ? 3 : 1;
    for (let copy = 0; copy < copies; copy++) {
      for (const peer of election.peers.values()) {
        const told = advertTo(peer, says, { state: election, atMs });
        effects.push({ kind: "send", to: peer.address, advert: told, hearsYou: peer.alive });
      }
      // The other one, which does not think that we are its peer, must hear of us, too.
      const { twin } = election;
      if (twin?.certain && !election.peers.has(twin.address)) {
        effects.push({ kind: "send", to: twin.address, advert: says, hearsYou: true });
      }
    }
  }
  if (exit !== null) effects.push({ kind: "exit", code: exit });
  const onTime = election.heartbeatAtMs + intervalMs;
  const heartbeatAtMs = !due ? election.heartbeatAtMs : onTime > atMs ? onTime : atMs + intervalMs;
  return [{ ...node, said: says, election: { ...election, heartbeatAtMs } }, effects];
}

/** Somebody to whom nothing was sent yet; or nothing to anybody, for want of our own id. */
export function someoneJoined(before: Node, { election }: Node): boolean {
  if (election.selfId !== before.election.selfId) return true;
  if (election.peers === before.election.peers) return false;
  return [...election.peers.keys()].some((address) => !before.election.peers.has(address));
}
