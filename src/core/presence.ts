// Whether this machine has the Elastic IP on an interface, what the operator is told about it, and whether its absence
// makes the node unhealthy. Pure: looks and times come in.
//
//   the watchdog keeps it on an interface    missing for 2 s: a line, and the node is unhealthy until it is there
//   another program does                     held in the cloud and missing for 1 s: a line; another when it is there
import { type Sight, UNSEEN } from "./own_address.ts";
import { type Report, report } from "./registry/events.ts";
import { spanText } from "./age.ts";

/** How long it may be missing before that counts: a program that changes an interface may restore it itself. */
const KEPT_GRACE_MS = 2_000, OBSERVED_GRACE_MS = 1_000;
/** How long it must stay there to count as present, before and after an alarm: some program may keep removing it. */
const STEADY_MS = 300, STEADY_AGAIN_MS = 1_000;
/** Longest reason: it must fit into the answer to `info`. */
const PROBLEM_MAX_CHARS = 200;

/** What is known about one Elastic IP on this machine. */
export interface Presence {
  readonly sight: Sight;
  /** When the last look was, null before the first. */
  readonly lookedAtMs: number | null;
  /** Since when it has been missing, shorter returns included; null while it is there. */
  readonly missingSinceMs: number | null;
  /** Since when each look has shown it, null when the last one did not. */
  readonly presentSinceMs: number | null;
  /** Whether the operator was told that it is missing. */
  readonly alarmed: boolean;
  /** Why the watchdog cannot put it on its interface; empty when it can, or when it is not configured to. */
  readonly problem: string;
  /** Whether the operator was told that interfaces cannot be read. */
  readonly blind: boolean;
}

/** Before the first look. */
export const NOT_LOOKED: Presence = {
  sight: UNSEEN,
  lookedAtMs: null,
  missingSinceMs: null,
  presentSinceMs: null,
  alarmed: false,
  problem: "",
  blind: false,
};

/** One look, and what the watchdog did before it. */
export interface Look {
  readonly sight: Sight;
  readonly atMs: number;
  /** The interface on which the watchdog keeps the address, null without --address-on. */
  readonly device: string | null;
  /** Whether the watchdog has just put the address there. */
  readonly restored: boolean;
  /** Why it could not, empty when it could; null when there was no attempt before this look. */
  readonly problem: string | null;
  /** Whether the cloud shows the address on this instance, null while unknown. */
  readonly holding: boolean | null;
  /** What an operator can do about a missing address. */
  readonly cure: string;
  /** Why interfaces cannot be read, where that is so. */
  readonly blindness: string;
}

/** Takes in one look; returns the new state and what to report. */
export function notePresence(before: Presence, look: Look): [Presence, Report[]] {
  const { sight, atMs } = look;
  const seen = { ...before, sight, lookedAtMs: atMs };
  if (sight.present === null) {
    if (before.blind) return [seen, []];
    const text = `whether this machine has the address cannot be seen: ${look.blindness}`;
    return [{ ...seen, blind: true }, [report("info", "interface", text)]];
  }
  if (sight.present) return there(before, look);
  const missing = {
    ...seen,
    missingSinceMs: before.missingSinceMs ?? atMs,
    presentSinceMs: null,
    problem: shortened(look.problem ?? before.problem),
  };
  return alarm(missing, look);
}

/** Why the node is unhealthy: the watchdog cannot keep the address on its interface. Null while it can. */
export function lossOf({ alarmed, problem }: Presence, device: string | null): string | null {
  if (device === null || !alarmed) return null;
  return `the address is not on ${device}: ${problem || "ip has not answered yet"}`;
}

/** The address is there, if only for a moment. */
function there(before: Presence, look: Look): [Presence, Report[]] {
  const { sight, atMs, device, restored } = look;
  const { missingSinceMs, alarmed } = before;
  const presentSinceMs = before.presentSinceMs ?? atMs;
  const problem = shortened(look.problem ?? before.problem);
  const seen = { ...before, sight, lookedAtMs: atMs, presentSinceMs, problem };
  const steady = missingSinceMs === null ||
    atMs - presentSinceMs >= (alarmed ? STEADY_AGAIN_MS : STEADY_MS);
  const after = steady ? { ...seen, missingSinceMs: null, alarmed: false, problem: "" } : seen;
  if (restored && !alarmed) {
    const text = `the address was taken off ${device}, and is put back`;
    return [after, [report("warning", "interface", text)]];
  }
  if (!alarmed || !steady) return [after, []];
  // It may be there by a route alone.
  const where = sight.on === null
    ? "this machine has the address"
    : `the address is on ${sight.on}`;
  const now = device === null ? "now" : "again";
  const span = spanText(presentSinceMs - (missingSinceMs ?? presentSinceMs));
  return [after, [report("info", "interface", `${where} ${now}, after ${span} without`)]];
}

/** The address is missing. */
function alarm(
  missing: Presence & { readonly missingSinceMs: number },
  { atMs, device, holding, cure }: Look,
): [Presence, Report[]] {
  const forMs = atMs - missing.missingSinceMs;
  if (device !== null) {
    if (missing.alarmed || forMs < KEPT_GRACE_MS) return [missing, []];
    const lost = { ...missing, alarmed: true };
    const text = `${lossOf(lost, device)}; this node is unhealthy until it is`;
    return [lost, [report("warning", "interface", text)]];
  }
  // Without the hold the alarm ends, so the next hold alarms again.
  if (holding !== true) return [{ ...missing, alarmed: false }, []];
  if (missing.alarmed || forMs < OBSERVED_GRACE_MS) return [missing, []];
  const what =
    "this instance holds the Elastic IP, and no interface of the machine has the address";
  const text = `${what}, so traffic to it is dropped: ${cure}`;
  return [{ ...missing, alarmed: true }, [report("warning", "interface", text)]];
}

function shortened(text: string): string {
  return text.length > PROBLEM_MAX_CHARS ? `${text.slice(0, PROBLEM_MAX_CHARS)}...` : text;
}
