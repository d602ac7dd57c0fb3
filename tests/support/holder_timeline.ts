// When a living machine held the address, by the cloud's history and the known state of the machines.
import type { HolderChange } from "./cloud/model.ts";

/** A span without a living holder; without an end while it lasts. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number | null;
}

/** A change in the state of a machine, or of its watchdog. */
interface Fate {
  readonly atMs: number;
  readonly id: string;
  readonly alive: boolean;
}

/** The holders of one address over time. A machine is alive until it is marked dead. */
export class HolderTimeline {
  readonly #history: readonly HolderChange[];
  readonly #fates: Fate[] = [];

  /** `history` belongs to the cloud, and grows. */
  constructor(history: readonly HolderChange[]) {
    this.#history = history;
  }

  /** From then on the machine serves nothing, or serves again. */
  mark(id: string, fate: "dead" | "alive", atMs: number = performance.now()): void {
    this.#fates.push({ atMs, id, alive: fate === "alive" });
  }

  /** Every span without a living holder, from an instant or from the first hold on. */
  gaps(sinceMs?: number): Gap[] {
    const startMs = sinceMs ?? this.#history.find(({ holders }) => holders.length > 0)?.atMs;
    if (startMs === undefined) return [];
    const turns = [...this.#history, ...this.#fates].sort((one, other) => one.atMs - other.atMs);
    const dead = new Set<string>(), gaps: Gap[] = [];
    let holders: readonly string[] = [], fromMs: number | null = startMs;
    for (const turn of turns) {
      if ("holders" in turn) holders = turn.holders;
      else if (turn.alive) dead.delete(turn.id);
      else dead.add(turn.id);
      const atMs = Math.max(turn.atMs, startMs);
      if (holders.every((id) => dead.has(id))) {
        fromMs ??= atMs;
      } else {
        if (fromMs !== null && atMs > fromMs) gaps.push({ fromMs, toMs: atMs });
        fromMs = null;
      }
    }
    return fromMs === null ? gaps : [...gaps, { fromMs, toMs: null }];
  }

  /** For how long no living machine held it between two instants. */
  withoutMs(fromMs: number, toMs: number = performance.now()): number {
    return this.gaps(fromMs).reduce(
      (sum, gap) => sum + Math.max(0, Math.min(gap.toMs ?? toMs, toMs) - gap.fromMs),
      0,
    );
  }
}
