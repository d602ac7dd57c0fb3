// What the process is told by signals while nothing can follow from it yet: a stop ends whatever is under way, a reload
// and a change of rank are kept for the watchdog.
import type { SignalName, Signals } from "../world.ts";

/** Being told to reload, which can happen before anything can. */
export class ReloadRequests {
  #asked = false;
  #reload: (() => void) | null = null;

  /** Somebody asks. */
  ask(): void {
    if (this.#reload) this.#reload();
    else this.#asked = true;
  }

  /** From now on it is done, and at once if somebody has asked. */
  serve(reload: () => void): void {
    this.#reload = reload;
    if (this.#asked) reload();
  }
}

/** Changes of rank that are kept. */
const NUDGES_MAX = 100;

/** Listens from its making on. */
export class Told {
  readonly requests = new ReloadRequests();
  readonly #stopping = new AbortController();
  readonly #nudges: SignalName[] = [];
  readonly #watches: boolean;
  #handedOver = false;

  /** What does one thing, and watches nothing, has nothing to read again: a terminal that is closed stops it. */
  constructor(signals: Signals, { watches }: { watches: boolean }) {
    this.#watches = watches;
    signals.listen((signal) => this.#hear(signal));
  }

  /** Aborted once somebody has told us to stop; the reason is the signal. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Hands on what was kept of rank and stop, to a listener who hears of all later ones by itself. */
  handOver(listener: (signal: SignalName) => void): void {
    this.#handedOver = true;
    for (const nudge of this.#nudges.splice(0)) listener(nudge);
    if (this.signal.aborted) listener("stop");
  }

  #hear(signal: SignalName): void {
    if (signal === "reload" && this.#watches) this.requests.ask();
    else if (signal === "stop" || signal === "reload") this.#stopping.abort(signal);
    else if (!this.#handedOver && this.#nudges.length < NUDGES_MAX) this.#nudges.push(signal);
  }
}

/** What it resolves to; null when we are told to stop before. What is still under way is left alone. */
export async function unlessStopped<Value>(
  work: Promise<Value>,
  signal: AbortSignal,
): Promise<Value | null> {
  if (signal.aborted) return null;
  const stopped = Promise.withResolvers<null>();
  const stop = () => stopped.resolve(null);
  signal.addEventListener("abort", stop);
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
    work.catch(() => {});
  }
}
