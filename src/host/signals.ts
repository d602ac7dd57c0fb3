// Process signals as the watchdog knows them, heard from the first statement of main.ts on.
import { unblockSignals } from "./signal_mask.ts";
import type { SignalName, Signals } from "../world.ts";

const MEANING: ReadonlyArray<readonly [Deno.Signal, SignalName]> = Deno.build.os === "windows"
  ? [["SIGINT", "stop"], ["SIGBREAK", "stop"]]
  : [
    ["SIGHUP", "reload"],
    ["SIGTERM", "stop"],
    ["SIGINT", "stop"],
    ["SIGUSR1", "better"],
    ["SIGUSR2", "worse"],
  ];
/** Signals that are kept for the first listener. */
const KEPT_MAX = 100;

/** The signals of this process. What comes before anybody listens is kept for the first who does. */
class ProcessSignals implements Signals {
  readonly #listeners = new Set<(signal: SignalName) => void>();
  readonly #kept: SignalName[] = [];
  #hearing = false;

  /** From now on no signal ends the process by itself. */
  hear(): void {
    if (this.#hearing) return;
    this.#hearing = true;
    for (const [signal, name] of MEANING) Deno.addSignalListener(signal, () => this.#tell(name));
    // Handlers replace a signal's being ignored, as nohup does it; a mask they do not.
    unblockSignals(MEANING.map(([signal]) => signal));
  }

  listen(listener: (signal: SignalName) => void): () => void {
    this.hear();
    this.#listeners.add(listener);
    for (const name of this.#kept.splice(0)) listener(name);
    return () => void this.#listeners.delete(listener);
  }

  #tell(name: SignalName): void {
    if (this.#listeners.size === 0 && this.#kept.length < KEPT_MAX) this.#kept.push(name);
    for (const listener of [...this.#listeners]) listener(name);
  }
}

/** Those of this process. */
export const processSignals: ProcessSignals = new ProcessSignals();
