// A heartbeat that comes in, among the events of a test: whether it is accepted depends on the state that it meets.
import { accept } from "../../src/core/election/accept.ts";
import type { Election, Heard } from "../../src/core/election/state.ts";
import type { ElectionEvent } from "../../src/core/election/step.ts";
import type { Node, NodeEvent } from "../../src/core/node_state.ts";

/** One that was not looked at yet. */
export type Incoming = { readonly kind: "incoming" } & Heard;

/** What the node hears of it. */
export function forNode({ election }: Node, event: NodeEvent | Incoming, atMs: number): NodeEvent {
  return event.kind === "incoming" ? accept(election, event, atMs) : event;
}

/** What the election hears of it: of one that is rejected nothing. */
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
