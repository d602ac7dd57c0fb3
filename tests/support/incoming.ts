// An incoming heartbeat as an event of a test: the current state decides whether it is accepted. And an election after
// such events.
import { accept } from "../../src/core/election/accept.ts";
import type { Election, Heard } from "../../src/core/election/state.ts";
import { elect, type ElectionEvent, electionWakeAtMs } from "../../src/core/election/step.ts";
import type { Node, NodeEvent } from "../../src/core/node/state.ts";

/** A heartbeat that was not accepted or rejected yet. */
export type Incoming = { readonly kind: "incoming" } & Heard;

/** The resulting event for the node. */
export function forNode({ election }: Node, event: NodeEvent | Incoming, atMs: number): NodeEvent {
  return event.kind === "incoming" ? accept(election, event, atMs) : event;
}

/** The resulting event for the election; none for a rejected heartbeat. */
export function forElection(
  election: Election,
  event: ElectionEvent | Incoming,
  atMs: number,
): ElectionEvent {
  if (event.kind !== "incoming") return event;
  const verdict = accept(election, event, atMs);
  return verdict.kind === "heard" ? verdict : { kind: "tick" };
}

/** Why it is rejected, null when it is accepted. */
export function reasonFor(election: Election, heard: Heard, atMs: number): string | null {
  const verdict = accept(election, heard, atMs);
  return verdict.kind === "rejected" ? verdict.reason : null;
}

/** The state after events at their instants, with the wake-ups in between. */
export function after(
  state: Election,
  events: ReadonlyArray<readonly [number, ElectionEvent | Incoming]>,
): Election {
  return events.reduce((before, [atMs, event]) => {
    let next = before;
    for (let wakeAtMs = electionWakeAtMs(next); wakeAtMs < atMs;) {
      next = { ...elect(next, { kind: "tick" }, wakeAtMs), heartbeatAtMs: wakeAtMs + 1_000 };
      wakeAtMs = electionWakeAtMs(next);
    }
    return elect(next, forElection(next, event, atMs), atMs);
  }, state);
}
