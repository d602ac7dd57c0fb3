// Process signals as the watchdog knows them, heard from the first statement of main.ts on.
import { unblockSignals } from "./signal_mask.ts";
import type { SignalListener, SignalName, Signals } from "../world.ts";

/** In the order in which they begin to be heard. */
const MEANING: ReadonlyArray<readonly [Deno.Signal, SignalName]> = Deno.build.os === "windows"
  ? [["SIGINT", "stop"], ["SIGBREAK", "stop"]]
  : [
    ["SIGHUP", "reload"],
    ["SIGTERM", "stop"],
    ["SIGINT", "stop"],
    ["SIGUSR1", "better"],
    ["SIGUSR2", "worse"],
  ];
/** Signals of each name that are kept. */
const KEPT_MAX = 100;

/** Hands signals to the latest listener, and keeps what it cannot use, or what comes before there is one. */
export class SignalQueue implements Signals {
  #listeners: readonly SignalListener[] = [];
  #kept: readonly SignalName[] = [];

  listen(listener: SignalListener): () => void {
    // One function may listen twice.
    const hear: SignalListener = (signal) => listener(signal);
    this.#listeners = [...this.#listeners, hear];
    const kept = this.#kept;
    this.#kept = [];
    for (const signal of kept) this.tell(signal);
    return () => void (this.#listeners = this.#listeners.filter((each) => each !== hear));
  }

  /** A signal has come. */
  tell(signal: SignalName): void {
    const listener = this.#listeners.at(-1);
    if (listener && listener(signal) !== "later") return;
    if (this.#kept.filter((each) => each === signal).length >= KEPT_MAX) return;
    this.#kept = [...this.#kept, signal];
  }
}

class ProcessSignals extends SignalQueue {
  #hearing = false;

  /** From now on no signal ends the process by itself. */
  hear(): void {
    if (this.#hearing) return;
    this.#hearing = true;
    for (const [signal, name] of MEANING) Deno.addSignalListener(signal, () => this.tell(name));
    // Handlers replace a signal's being ignored, as nohup does it; a mask they do not.
    unblockSignals(MEANING.map(([signal]) => signal));
  }

  override listen(listener: SignalListener): () => void {
    this.hear();
    return super.listen(listener);
  }
}

/** Those of this process. */
export const processSignals: ProcessSignals = new ProcessSignals();
