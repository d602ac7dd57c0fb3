// One leg of a drill, derived from what was seen: when the move showed, when it was over, and for how long nobody held
// or the service did not answer. Pure: instants and sightings come in.

/** What one look at the cloud showed; it ended at that instant. */
export interface Look {
  readonly atMs: number;
  /** Whether the node that gives the address up holds, and the one that gets it. */
  readonly from: boolean;
  readonly to: boolean;
  /** Some addresses of a group have moved, and the others have not: each has one holder. Left out otherwise. */
  readonly partly?: true;
}

/**
 * Joins the looks at the addresses of a group into one. Harm to one address counts for all, no holder before two. The
 * group has moved once its last address has.
 */
export function joined(looks: readonly [Look, ...Look[]]): Look {
  const [first] = looks, worst = Math.max(...looks.map(({ atMs }) => atMs));
  const harmed = looks.find(({ from, to }) => !from && !to) ??
    looks.find(({ from, to }) => from && to);
  if (harmed) return { ...harmed, atMs: worst };
  const same = looks.every(({ to }) => to === first.to);
  return same ? { ...first, atMs: worst } : { atMs: worst, from: true, to: false, partly: true };
}

/** The result of one probe through the Elastic IP, by the instant at which it began. */
export interface ProbeResult {
  readonly atMs: number;
  readonly answered: boolean;
}

/** A leg that is under way, or over. */
export interface Leg {
  readonly startMs: number;
  /** When the last look ended, or the leg began. */
  readonly lookedAtMs: number;
  /** The latest look, null before the first. */
  readonly last: Look | null;
  /** When the first look showed anything but the holder alone, null before. */
  readonly noticedAtMs: number | null;
  /** Since when the new holder alone holds, null while it does not. */
  readonly movedAtMs: number | null;
  /** Since when the cloud shows nobody, or both; null while it does not. */
  readonly unheldSinceMs: number | null;
  readonly sharedSinceMs: number | null;
  /** Time in which the cloud showed nobody, and both. */
  readonly unheldMs: number;
  readonly sharedMs: number;
  /** Longest time between two looks: all times are only as exact as this. */
  readonly blindMs: number;
  /** Since when the service does not answer, null while it does. */
  readonly unreachableSinceMs: number | null;
  readonly unreachableMs: number;
  /** The latest probe, null before the first. */
  readonly probed: ProbeResult | null;
}

/** A leg whose move is asked for now. */
export function startLeg(atMs: number): Leg {
  return {
    startMs: atMs,
    lookedAtMs: atMs,
    last: null,
    noticedAtMs: null,
    movedAtMs: null,
    unheldSinceMs: null,
    sharedSinceMs: null,
    unheldMs: 0,
    sharedMs: 0,
    blindMs: 0,
    unreachableSinceMs: null,
    unreachableMs: 0,
    probed: null,
  };
}

/** The leg after a look. Each look counts until the next one. */
export function sawHolders(leg: Leg, look: Look): Leg {
  const { last, lookedAtMs } = leg;
  const lastedMs = look.atMs - lookedAtMs;
  const nobody = last !== null && !last.from && !last.to;
  const both = last !== null && last.from && last.to;
  const moved = look.to && !look.from;
  const other = look.to || !look.from || look.partly === true;
  const since = (is: boolean, before: number | null) => is ? before ?? look.atMs : null;
  return {
    ...leg,
    last: look,
    lookedAtMs: look.atMs,
    noticedAtMs: leg.noticedAtMs ?? (other ? look.atMs : null),
    movedAtMs: since(moved, leg.movedAtMs),
    unheldSinceMs: since(!look.from && !look.to, leg.unheldSinceMs),
    sharedSinceMs: since(look.from && look.to, leg.sharedSinceMs),
    unheldMs: leg.unheldMs + (nobody ? lastedMs : 0),
    sharedMs: leg.sharedMs + (both ? lastedMs : 0),
    blindMs: Math.max(leg.blindMs, lastedMs),
  };
}

/** The leg after a probe. Each failed one counts until the next one. */
export function sawService(leg: Leg, probe: ProbeResult): Leg {
  const { probed } = leg;
  // A slow answer can come after the answer to a later question.
  if (probed !== null && probe.atMs <= probed.atMs) return leg;
  const lostMs = probed !== null && !probed.answered ? probe.atMs - probed.atMs : 0;
  return {
    ...leg,
    probed: probe,
    unreachableMs: leg.unreachableMs + lostMs,
    unreachableSinceMs: probe.answered ? null : leg.unreachableSinceMs ?? probe.atMs,
  };
}

/**
 * Longest time without holder, with two holders, or without an answer of the service, before the drill is harmful. With
 * a lease nobody holds for some calls of the cloud.
 */
export const UNHELD_MAX_MS = 5_000, SHARED_MAX_MS = 30_000, UNREACHABLE_MAX_MS = 5_000;
const LEASED_GAP_MAX_MS = 20_000;
/** Longest time without a look. */
export const BLIND_MAX_MS = 20_000;
/** Longest time for one leg. */
export const LEG_MAX_MS = 60_000;

/** Why the drill must end now, null while it may go on. */
export function harmOf(
  leg: Leg,
  atMs: number,
  { leased = false }: { leased?: boolean } = {},
): string | null {
  const unheldMaxMs = leased ? LEASED_GAP_MAX_MS : UNHELD_MAX_MS;
  const unreachableMaxMs = leased ? LEASED_GAP_MAX_MS : UNREACHABLE_MAX_MS;
  const lasts = (sinceMs: number | null, mostMs: number) =>
    sinceMs !== null && atMs - sinceMs >= mostMs;
  const seconds = (ms: number) => `${ms / 1_000} s`;
  if (lasts(leg.unheldSinceMs, unheldMaxMs)) {
    return `nobody has held the address for ${seconds(unheldMaxMs)}`;
  }
  if (lasts(leg.unreachableSinceMs, unreachableMaxMs)) {
    return `the service has not answered for ${seconds(unreachableMaxMs)}`;
  }
  if (lasts(leg.sharedSinceMs, SHARED_MAX_MS)) {
    return `two nodes have held the address for ${seconds(SHARED_MAX_MS)}`;
  }
  if (lasts(leg.lookedAtMs, BLIND_MAX_MS)) {
    return `the cloud has not answered for ${seconds(BLIND_MAX_MS)}`;
  }
  if (leg.movedAtMs === null && lasts(leg.startMs, LEG_MAX_MS)) {
    return `the address has not moved within ${seconds(LEG_MAX_MS)}`;
  }
  return null;
}

/** How long the new state must last, with the service answering, before the leg is over. */
export const CALM_MS = 3_000;

/** Whether the leg is over. */
export function isOver({ movedAtMs, unreachableSinceMs }: Leg, atMs: number): boolean {
  return movedAtMs !== null && atMs - movedAtMs >= CALM_MS && unreachableSinceMs === null;
}
