// Process signals by the watchdog's names, handled from the first statement of main.ts on.
import { unblockSignals } from "./signal_mask.ts";
import type { SignalListener, SignalName, Signals } from "../world.ts";

/** In the order in which their handlers are added. */
const MEANING: ReadonlyArray<readonly [Deno.Signal, SignalName]> = Deno.build.os === "windows"
  ? [["SIGINT", "stop"], ["SIGBREAK", "stop"]]
  : [
    ["SIGHUP", "reload"],
    ["SIGTERM", "stop"],
    ["SIGINT", "stop"],
    ["SIGUSR1", "better"],
    ["SIGUSR2", "worse"],
  ];
/** Most signals of each name that are kept. */
const KEPT_MAX = 100;

/** Passes signals to the latest listener. Keeps those that it cannot use, and those that arrive before there is one. */
export class SignalQueue implements Signals {
  #listeners: readonly SignalListener[] = [];
  #kept: readonly SignalName[] = [];

  listen(listener: SignalListener): () => void {
    // The same function may listen twice.
    const hear: SignalListener = (signal) => listener(signal);
    this.#listeners = [...this.#listeners, hear];
    const kept = this.#kept;
    this.#kept = [];
    for (const signal of kept) this.tell(signal);
    return () => void (this.#listeners = this.#listeners.filter((each) => each !== hear));
  }

  /** Takes a signal. */
  tell(signal: SignalName): void {
    const listener = this.#listeners.at(-1);
    if (listener && listener(signal) !== "later") return;
    if (this.#kept.filter((each) => each === signal).length >= KEPT_MAX) return;
    this.#kept = [...this.#kept, signal];
  }
}

class ProcessSignals extends SignalQueue {
  #hearing = false;

  /** Adds the handlers: from now on no such signal ends the process by itself. */
  hear(): void {
    if (this.#hearing) return;
    this.#hearing = true;
    for (const [signal, name] of MEANING) Deno.addSignalListener(signal, () => this.tell(name));
    // A handler overrides an ignored signal (nohup), but not a blocked one.
    unblockSignals(MEANING.map(([signal]) => signal));
  }

  override listen(listener: SignalListener): () => void {
    this.hear();
    return super.listen(listener);
  }
}

/** The signals of this process. */
export const processSignals: ProcessSignals = new ProcessSignals();
