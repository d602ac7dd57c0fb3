// What of an event of the node concerns the election, and what ownership.
import type { ElectionEvent } from "./election/step.ts";
import type { Election } from "./election/state.ts";
import type { OwnershipEvent } from "./ownership/state.ts";
import { unresolved } from "./election/peer.ts";
import type { NodeEvent } from "./node_state.ts";

/** What the election hears of it. */
export function electionEvent(event: NodeEvent, { peers }: Election): ElectionEvent {
  switch (event.kind) {
    case "heard":
    case "twin-heard":
    case "nudge":
    case "health":
    case "settings":
    case "stop":
    case "members":
    case "missing":
      return event;
    case "peers": {
      const known = event.addresses.map((address) => peers.get(address) ?? unresolved(address));
      return { kind: "members", peers: known, inPeerList: true, missing: event.missing ?? [] };
    }
    case "answered":
      return event.answer.verb === "prepare"
        ? {
          kind: "identified",
          selfId: event.answer.selfId,
          addresses: event.answer.addresses ?? [],
        }
        : { kind: "tick" };
    default:
      return { kind: "tick" };
  }
}

/** What ownership hears of it. */
export function ownershipEvent(event: NodeEvent): OwnershipEvent {
  switch (event.kind) {
    case "answered":
    case "failed":
    case "progress":
      return event;
    default:
      return { kind: "tick" };
  }
}
