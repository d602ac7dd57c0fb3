// --drain-on cordon: asks every five seconds whether the Kubernetes node is cordoned, and drains this node while it is.
// A question without an answer changes nothing and is logged once.
import type { Aside } from "../core/election/aside.ts";
import { messageOf } from "../core/message_of.ts";
import type { Clock, Log } from "../world.ts";

/** Time between two questions. */
export const CORDON_MS = 5_000;

/** What the watch needs. */
export interface CordonWatchOptions {
  readonly node: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the node is cordoned; rejects with why that is unknown. */
  readonly ask: (signal: AbortSignal) => Promise<boolean>;
  /** Told each change: the drain, or null. */
  readonly tell: (cordon: Aside | null) => void;
}

/** Asks until `close`. */
export class CordonWatch {
  readonly #options: CordonWatchOptions;
  readonly #ending = new AbortController();
  readonly #asking: Promise<void>;
  #cordoned = false;
  #failed = false;

  constructor(options: CordonWatchOptions) {
    this.#options = options;
    this.#asking = this.#keepAsking();
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.#ending.abort();
    await this.#asking;
  }

  async #keepAsking(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await this.#ask(signal);
      await this.#options.clock.sleep(CORDON_MS, signal);
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { node, ask, tell, log, clock } = this.#options;
    let cordoned: boolean;
    try {
      cordoned = await ask(signal);
    } catch (error) {
      if (signal.aborted || this.#failed) return;
      this.#failed = true;
      const stays = this.#cordoned ? "drained" : "as it is";
      const text = `the API server does not tell whether node ${node} is cordoned: ` +
        `${messageOf(error)}; this node stays ${stays}`;
      return log.write("warning", "drain", text);
    }
    if (this.#failed) log.write("info", "drain", `the API server tells about node ${node} again`);
    this.#failed = false;
    if (signal.aborted || cordoned === this.#cordoned) return;
    this.#cordoned = cordoned;
    const why = `Kubernetes node ${node} is cordoned`;
    tell(cordoned ? { kind: "drained", by: "cordon", why, wallMs: clock.wallMs() } : null);
  }
}
