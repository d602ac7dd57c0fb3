// Plays one act and measures it: when it was noticed, when the address moved, how long nobody held it.
import type { Cluster, ClusterNode } from "../../tests/support/cluster.ts";
import { pause, until } from "../../tests/support/until.ts";
import { type Act, PATIENT_MS } from "./acts.ts";

/** What came of an act; times in ms since it began, null for what did not happen. */
export interface Outcome {
  readonly title: string;
  readonly noticedMs: number | null;
  readonly movedMs: number | null;
  readonly unheldMs: number;
  readonly ok: boolean;
  readonly why: string;
}

/** Pause after each act: long enough to see a hold that comes back, short enough to keep the minute. */
const AFTERMATH_MS = 1_000;

/** Where the acts are played. */
export class Stage {
  readonly #cluster: Cluster;
  readonly #tell: (node: string, line: string) => void;
  #noticed: { pattern: RegExp; atMs: number | null } = { pattern: /$^/, atMs: null };

  constructor(cluster: Cluster, tell: (node: string, line: string) => void) {
    this.#cluster = cluster;
    this.#tell = tell;
  }

  /** Plays the act to its end or its time limit. */
  async play(act: Act): Promise<Outcome> {
    const cluster = this.#cluster;
    const beganMs = performance.now();
    this.#noticed = { pattern: act.noticed, atMs: null };
    act.happen({
      cluster,
      start: (node, priority) => this.#start(node, priority),
      kill: (node, signal) => void cluster.stop(node, signal),
      noticed: () => this.#noticed.atMs !== null,
    });
    const { title } = act;
    const settled = () =>
      cluster.holders.join() === act.holders.join() && this.#noticed.atMs !== null;
    let why = "";
    try {
      await until(settled, { title, withinMs: PATIENT_MS });
      await pause(AFTERMATH_MS);
      if (!settled()) why = "the address moved on";
    } catch {
      const { holders } = cluster;
      why = `wanted ${act.holders.join("+")} to hold, got ${holders.join("+") || "nobody"}`;
    }
    const unheldMs = cluster.timeline.withoutMs(beganMs);
    if (!why && unheldMs > act.unheldMaxMs) why = `unheld for ${Math.round(unheldMs)} ms`;
    const since = (atMs: number | null | undefined) => atMs == null ? null : atMs - beganMs;
    return {
      title,
      noticedMs: since(this.#noticed.atMs),
      movedMs: since(this.#heldSince(act.heir, beganMs)),
      unheldMs,
      ok: why === "",
      why,
    };
  }

  #start(node: ClusterNode, priority: number): void {
    this.#cluster.start(node, {
      priority,
      onLine: ({ atMs, text }) => {
        this.#tell(node.name, text);
        if (this.#noticed.pattern.test(text)) this.#noticed.atMs ??= atMs;
      },
    });
  }

  /** When the heir got the address in this act. */
  #heldSince(name: string, sinceMs: number): number | undefined {
    const id = this.#cluster.nodes.find((node) => node.name === name)?.instance.id ?? "";
    const { history } = this.#cluster.server.model;
    return history.find(({ atMs, holders }) => atMs >= sinceMs && holders.includes(id))?.atMs;
  }
}
