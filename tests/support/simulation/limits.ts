// The times that the specification promises, written down independently, so that a mistake in the core's own shows.
import type { NodeSettings } from "../../../src/core/node/state.ts";

/** Silence after which a peer is dead. */
export function deadTimeOf({ intervalMs, deadRatio }: NodeSettings): number {
  return intervalMs * deadRatio;
}

/** How long a dead peer that signed can seem alive, whatever is replayed or delayed. */
export function deceivedMsOf(settings: NodeSettings): number {
  return 61_000 + 4 * deadTimeOf(settings);
}

/** How long a node only listens after its start, and after a sleep. */
export function holdOffOf(settings: NodeSettings): number {
  return deadTimeOf(settings) + 100;
}

/** How long an unsigned peer must be heard before it can be evicted, after that many recent evictions. */
export function lifeOf(settings: NodeSettings, evictions: number): number {
  if (evictions < 2) return 1.5 * settings.intervalMs;
  return deadTimeOf(settings) * Math.min(2 ** (evictions - 1), 32);
}
