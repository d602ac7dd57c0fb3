// A twin is another machine with our instance id: a cloned disk, or the same -i twice. Any change that one makes in the
// cloud also affects the other, so neither changes anything while it hears the other.
//
// With a shared secret, only a signed heartbeat that echoes what our process has just sent makes a twin. Only a node
// that runs beside us can make one: a heartbeat that this machine sent before its last start echoes nothing of this
// process. A sender without such an echo is asked for one, by a heartbeat to its address. Without a secret, the
// heartbeat must come from an address that the cloud lists for a peer or for ourselves; an attacker who can send from
// there could impersonate that peer anyway. Either way it takes two heartbeats, at least half an interval apart, and it
// ends when nothing more is heard.
//
// Unsigned heartbeats from any other address are a rumour, which anybody can start. A rumour stops nothing, but the
// operator is told, and while it lasts we look at the cloud often, because such a machine would take our hold when it
// stops. We answer the sender at its address. If it is a twin, it hears us from an address that the cloud lists for
// both of us, and changes nothing itself.
import { deadTimeMs, THEIR_INTERVAL_MAX_MS } from "./peer.ts";
import type { Election, Rumour, Twin, TwinHeard } from "./state.ts";
import type { Mark } from "../heartbeat.ts";
import { recentEchoAt } from "./accept.ts";

/** Shortest time for which a twin counts: however fast it sends, signatures are checked only ten times a second. */
const LEAST_MS = 1_000;
/** How long a rumour lasts after its last heartbeat. */
const RUMOUR_MS = 60_000;

/** Notes a heartbeat with our id. */
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
  // One certain twin is enough to stop all changes, so another sender does not replace it.
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

/** Whether a process that hears us made it a moment ago. */
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

/** Notes a suspect, so that it is asked for proof: at most two per interval, however many there are. */
function suspecting(
  state: Election,
  { from: address, mark }: { from: string; mark: Mark | null },
  atMs: number,
): Election {
  const { suspect, settings: { intervalMs } } = state;
  if (suspect !== null && atMs < suspect.askedAtMs + intervalMs / 2) return state;
  return { ...state, suspect: { address, mark, askedAtMs: atMs } };
}

/** The echo for a heartbeat to that address, if the twin is there. */
export function twinEcho({ twin }: Election, address: string): Mark | null {
  return twin?.address === address ? twin.mark : null;
}

/** Forgets a twin or rumour that is no longer heard. */
export function forgetTwin(state: Election, atMs: number): Election {
  const over = (it: Twin | Rumour | null) => it !== null && it.untilMs <= atMs;
  const twin = over(state.twin) ? null : state.twin;
  const rumour = over(state.rumour) ? null : state.rumour;
  return twin === state.twin && rumour === state.rumour ? state : { ...state, twin, rumour };
}
