// The report of a drill: a table for people, and JSON for a game day in CI.
import { durationText } from "../core/age.ts";
import { aligned } from "../status/table.ts";
import type { Leg } from "./leg.ts";

/** One leg with its title. */
export interface Ran {
  /** `there`: to the next best node; `back`: to the node that held at first. */
  readonly leg: "there" | "back";
  readonly from: string;
  readonly to: string;
  readonly seen: Leg;
}

/** A drill that has ended. */
export interface Drilled {
  readonly elasticIp: string;
  /** Whether the nodes use a lease: then nobody holds for a moment in each move, which is no failure. */
  readonly leased: boolean;
  /** Unix time of its start. */
  readonly startedAtMs: number;
  readonly legs: readonly Ran[];
  /** Why it was given up, null if it was not. */
  readonly harm: string | null;
  /** Whether the address is back where it was; null while that is unknown. */
  readonly restored: boolean | null;
  /** What was probed, null without --probe. */
  readonly probe: string | null;
}

/** Whether the address moved and came back, and was always served; with a lease, whether no two nodes ever held it. */
export function succeeded({ leased, legs, harm, restored }: Drilled): boolean {
  return harm === null && restored === true && legs.length === 2 &&
    legs.every(({ seen: { unheldMs, sharedMs, unreachableMs } }) =>
      leased ? sharedMs === 0 : unheldMs === 0 && unreachableMs === 0
    );
}

/** The lines for a person. */
export function reportLines(drilled: Drilled): string[] {
  const { legs, probe } = drilled;
  const head = ["leg", "from", "to", "noticed after", "moved after", "unheld", "unreachable"];
  const rows = legs.map(({ leg, from, to, seen }) => [
    ...[leg, from, to],
    spanOf(seen.noticedAtMs, seen),
    spanOf(seen.movedAtMs, seen),
    durationText(Math.round(seen.unheldMs)),
    probe === null ? "not probed" : durationText(Math.round(seen.unreachableMs)),
  ]);
  const blindMs = Math.max(0, ...legs.map(({ seen }) => seen.blindMs));
  const exact = legs.length === 0
    ? []
    : [`the cloud was looked at every ${durationText(Math.round(blindMs))} or more often`];
  return [...aligned([head, ...rows]), "", ...exact, verdictOf(drilled)];
}

function spanOf(atMs: number | null, { startMs }: Leg): string {
  return atMs === null ? "never" : durationText(Math.round(atMs - startMs));
}

/** The sentence at the end. */
export function verdictOf(drilled: Drilled): string {
  const { elasticIp, harm, restored, legs } = drilled;
  if (harm !== null) {
    const now = restored === true
      ? "the address is back where it was"
      : "the address is not back yet: exoip --status shows who holds it";
    return `FAIL: the drill was given up, because ${harm}; ${now}`;
  }
  if (restored !== true || legs.length < 2) {
    return `FAIL: ${elasticIp} did not come back: exoip --status shows who holds it`;
  }
  const [unheldMs, lostMs] = [
    legs.reduce((sum, { seen }) => sum + seen.unheldMs, 0),
    legs.reduce((sum, { seen }) => sum + seen.unreachableMs, 0),
  ];
  const sharedMs = drilled.leased ? legs.reduce((sum, { seen }) => sum + seen.sharedMs, 0) : 0;
  if (unheldMs + lostMs + sharedMs === 0) {
    return `OK: ${elasticIp} moved and came back, and was always served`;
  }
  const parts = [
    ...(sharedMs > 0 ? [`two nodes held it for ${durationText(Math.round(sharedMs))}`] : []),
    ...(unheldMs > 0 ? [`nobody held it for ${durationText(Math.round(unheldMs))}`] : []),
    ...(lostMs > 0 ? [`the service did not answer for ${durationText(Math.round(lostMs))}`] : []),
  ];
  if (succeeded(drilled)) {
    return `OK: ${elasticIp} moved and came back; ${parts.join(", and ")}, as a lease demands`;
  }
  return `FAIL: ${elasticIp} moved and came back, but ${parts.join(", and ")}`;
}

/** The same for programs; times in ms from the start of their leg. */
export function reportJson(drilled: Drilled): Record<string, unknown> {
  const { elasticIp, startedAtMs, legs, harm, restored, probe } = drilled;
  const since = (atMs: number | null, { startMs }: Leg) =>
    atMs === null ? null : Math.round(atMs - startMs);
  return {
    version: 1,
    ok: succeeded(drilled),
    verdict: verdictOf(drilled),
    elasticIp,
    startedAtMs,
    harm,
    restored,
    probe,
    legs: legs.map(({ leg, from, to, seen }) => ({
      ...{ leg, from, to },
      noticedMs: since(seen.noticedAtMs, seen),
      movedMs: since(seen.movedAtMs, seen),
      unheldMs: Math.round(seen.unheldMs),
      sharedMs: Math.round(seen.sharedMs),
      unreachableMs: probe === null ? null : Math.round(seen.unreachableMs),
      resolutionMs: Math.round(seen.blindMs),
    })),
  };
}
