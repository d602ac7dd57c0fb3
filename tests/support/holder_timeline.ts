// When the address was held by a machine that lives, by the cloud's books and by what is known of the machines.
import type { HolderChange } from "./cloud/model.ts";

/** A span without a living holder; it has no end while it lasts. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number | null;
}

/** What became of a machine, or of its watchdog. */
interface Fate {
  readonly atMs: number;
  readonly id: string;
  readonly alive: boolean;
}

/** The holders of one address in the course of time. A machine is alive until it is said to be dead. */
export class HolderTimeline {
  readonly #history: readonly HolderChange[];
  readonly #fates: Fate[] = [];

  /** `history` is the cloud's, and grows. */
  constructor(history: readonly HolderChange[]) {
    this.#history = history;
  }

  /** From then on the machine serves nobody, or serves again. */
  mark(id: string, fate: "dead" | "alive", atMs: number = performance.now()): void {
    this.#fates.push({ atMs, id, alive: fate === "alive" });
  }

  /** Every span without a living holder from an instant on, or from the first hold. */
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

  /** How long no living machine held it between two instants. */
  withoutMs(fromMs: number, toMs: number = performance.now()): number {
    return this.gaps(fromMs).reduce(
      (sum, gap) => sum + Math.max(0, Math.min(gap.toMs ?? toMs, toMs) - gap.fromMs),
      0,
    );
  }
}
