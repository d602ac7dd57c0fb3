// Another machine that speaks with our own instance id: a cloned disk, or the same -i twice. What each of them changes
// in the cloud, it changes for the other; so while it is heard neither changes anything.
//
// What it takes to stop a node so: with a shared secret a signed heartbeat that echoes what our process has just sent,
// which only a node that runs beside us can make: what this machine sent before its last start echoes nothing of it.
// One that does not is asked to, by a heartbeat to its address.
// Without a secret, an address that the cloud lists for a peer or for ourselves, from which anybody who can send could
// speak for that peer just as well. In either case twice, at least half an interval apart, and it ends by itself when
// nothing more is heard.
//
// Unsigned from any other address it is a rumour, which anybody can start: it stops nothing, but is told, and while it
// lasts the cloud is looked at often, since a stop of such a machine would take our hold. The sender is answered at the
// address that it names. If it is another machine with our id, it hears of us at an address that the cloud lists for
// both of us, and changes nothing itself.
import { deadTimeMs, type Election, type Rumour, type Twin, type TwinHeard } from "./state.ts";
import type { Mark } from "../heartbeat.ts";
import { recentEchoAt } from "./proof.ts";

/** Longest interval of the other that counts. */
const THEIR_INTERVAL_MAX_MS = 10_000;

/** At least this long a twin counts: however fast it speaks, tags are checked ten times a second. */
const LEAST_MS = 1_000;
/** How long a rumour lasts after the last word. */
const RUMOUR_MS = 60_000;

/** The election with that heartbeat noted. */
export function hearTwin(state: Election, heard: TwinHeard, atMs: number): Election {
  const { from, signed } = heard;
  const known = state.twin?.address === from ? state.twin : null;
  const mark = signed ? markOf(heard) : null;
  if (mark !== null && !proves(heard, state, atMs)) return suspecting(state, { from, mark }, atMs);
  const inPeerList = state.peers.has(from) || state.selfAddresses.includes(from);
  if (!signed && !inPeerList) {
    return suspecting(rumoured(state, from, atMs), { from, mark: null }, atMs);
  }
  const fresh = mark
    ? mark.run !== known?.mark?.run || mark.sequence > known.mark.sequence
    : !signed;
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
      mark: mark ?? known?.mark ?? null,
      untilMs: atMs +
        Math.max(LEAST_MS, deadTimeMs({ intervalMs: slowerMs, deadRatio }) + slowerMs),
    },
  };
}

function markOf({ stamp, sequence }: TwinHeard): Mark | null {
  return stamp && { run: stamp.run, sequence: sequence ?? 0 };
}

/** Whether it was made a moment ago by a process that hears ours. */
function proves({ stamp }: TwinHeard, { run, settings }: Election, atMs: number): boolean {
  const measure = { selfRun: run, atMs, deadMs: deadTimeMs(settings) };
  return recentEchoAt({ stamp }, measure) !== null;
}

function rumoured(state: Election, from: string, atMs: number): Election {
  const { address, firstAtMs, told } = state.rumour ??
    { address: from, firstAtMs: atMs, told: false };
  const enough = told || atMs >= firstAtMs + state.settings.intervalMs / 2;
  return { ...state, rumour: { address, firstAtMs, told: enough, untilMs: atMs + RUMOUR_MS } };
}

/** At most two are asked in an interval, however many come. */
function suspecting(
  state: Election,
  { from: address, mark }: { from: string; mark: Mark | null },
  atMs: number,
): Election {
  const { suspect, settings: { intervalMs } } = state;
  if (suspect !== null && atMs < suspect.askedAtMs + intervalMs / 2) return state;
  return { ...state, suspect: { address, mark, askedAtMs: atMs } };
}

/** What a heartbeat to that address repeats if such a machine is there. */
export function twinEcho({ twin }: Election, address: string): Mark | null {
  return twin?.address === address ? twin.mark : null;
}

/** The election without those that are not heard any more. */
export function forgetTwin(state: Election, atMs: number): Election {
  const over = (it: Twin | Rumour | null) => it !== null && it.untilMs <= atMs;
  const twin = over(state.twin) ? null : state.twin;
  const rumour = over(state.rumour) ? null : state.rumour;
  return twin === state.twin && rumour === state.rumour ? state : { ...state, twin, rumour };
}
