// How often the Elastic IP moves, and the limit after which it stays with a holder that can serve. Each node counts for
// itself: its own take-overs and those that heartbeats report. A holder that reaches the limit advertises the best
// possible priority, so that nodes that have just started, and the original, leave the address with it, too.
import type { Election, Moves } from "./state.ts";

/** Stands for this node. */
export const SELF = "self";

/** Before any holder was seen. */
export const NO_MOVES: Moves = { holder: null, atMs: [] };

/**
 * Counts the moves between two states of the election: the address arrives at a node that was not its last holder. The
 * first holder does not count, and neither does a holder that restarts. The original's heartbeats show no moves.
 */
export function noteMoves(before: Election, after: Election, atMs: number): Election {
  const { moveLimit } = after.settings;
  if (moveLimit === null) return after;
  const arrived = arrivalsBetween(before, after);
  let { moves } = after;
  for (const holder of arrived) {
    if (holder === moves.holder) continue;
    const seen = moves.holder === null ? moves.atMs : [...moves.atMs, atMs];
    moves = { holder, atMs: seen.slice(-moveLimit.moves) };
  }
  return { ...after, moves };
}

function arrivalsBetween(before: Election, after: Election): string[] {
  const own = after.holding === true && before.holding !== true ? [SELF] : [];
  if (before.peers === after.peers) return own;
  const others = [...after.peers.values()].filter(({ address, alive, trailer }) =>
    alive && trailer?.holds && before.peers.get(address)?.trailer?.holds !== true
  );
  return [...own, ...others.map(({ instanceId, heardId }) => instanceId ?? heardId)];
}

/** Until when the moves seen are as many as the limit allows; null while they are fewer. */
export function limitedUntilMs(
  { settings: { moveLimit }, moves: { atMs } }: Election,
): number | null {
  if (moveLimit === null) return null;
  const first = atMs[atMs.length - moveLimit.moves];
  return first === undefined ? null : first + moveLimit.withinMs;
}

/** How many moves the limit still allows, null without a limit. */
export function movesLeft(
  { settings: { moveLimit }, moves }: Election,
  atMs: number,
): number | null {
  if (moveLimit === null) return null;
  const recent = moves.atMs.filter((each) => each > atMs - moveLimit.withinMs).length;
  return Math.max(0, moveLimit.moves - recent);
}
