// Another machine that speaks with our own instance id: a cloned disk, or the same -i twice. What each of them changes
// in the cloud, it changes for the other; so while it is heard neither changes anything.
//
// What it takes to stop a node so: with a shared secret a signed heartbeat that is fresh, which only a node can make.
// Without one, an address that the cloud lists for a peer or for ourselves, from which anybody who can send could speak
// for that peer just as well. In either case twice, at least half an interval apart, and it ends by itself when nothing
// more is heard.
import { deadTimeMs, type Election } from "./election_state.ts";

/** Longest interval of the other that counts. */
const THEIR_INTERVAL_MAX_MS = 10_000;

/** A heartbeat with our own id, which we did not send. */
export interface TwinHeard {
  readonly from: string;
  /** Its tag is right. */
  readonly sealed: boolean;
  /** Null where it has no word for it. */
  readonly sequence: number | null;
  readonly intervalMs: number | null;
}

/** The other machine. */
export interface Twin {
  readonly address: string;
  readonly firstAtMs: number;
  /** Heard often enough to be believed. */
  readonly certain: boolean;
  /** Of its last signed heartbeat; what is recorded and sent again has no higher one. */
  readonly sequence: number;
  /** When it counts as gone. */
  readonly untilMs: number;
}

/** The election with that heartbeat noted. */
export function hearTwin(state: Election, heard: TwinHeard, atMs: number): Election {
  const { from, sealed } = heard;
  const listed = state.peers.has(from) || state.selfAddresses.includes(from);
  const known = state.twin?.address === from ? state.twin : null;
  const sequence = sealed ? heard.sequence ?? 0 : known?.sequence ?? -1;
  const fresh = sealed ? sequence > (known?.sequence ?? -1) : listed;
  // One is enough to refuse everything, so another does not push it out.
  if (!fresh || (state.twin?.certain && !known)) return state;
  const { intervalMs, deadRatio } = state.settings;
  const theirsMs = Math.min(heard.intervalMs ?? 0, THEIR_INTERVAL_MAX_MS);
  const slowerMs = Math.max(intervalMs, theirsMs);
  const firstAtMs = known?.firstAtMs ?? atMs;
  return {
    ...state,
    twin: {
      address: from,
      firstAtMs,
      certain: known?.certain === true || atMs >= firstAtMs + intervalMs / 2,
      sequence,
      untilMs: atMs + deadTimeMs({ intervalMs: slowerMs, deadRatio }) + slowerMs,
    },
  };
}

/** The election without one that is not heard any more. */
export function forgetTwin(state: Election, atMs: number): Election {
  return state.twin !== null && state.twin.untilMs <= atMs ? { ...state, twin: null } : state;
}
