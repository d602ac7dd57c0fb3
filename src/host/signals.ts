// Process signals as the watchdog knows them.
import type { SignalName, Signals } from "../world.ts";

const MEANING: ReadonlyArray<readonly [Deno.Signal, SignalName]> = Deno.build.os === "windows"
  ? [["SIGINT", "stop"], ["SIGBREAK", "stop"]]
  : [
    ["SIGUSR1", "better"],
    ["SIGUSR2", "worse"],
    ["SIGHUP", "reload"],
    ["SIGTERM", "stop"],
    ["SIGINT", "stop"],
  ];

/** The signals of this process. */
export const processSignals: Signals = {
  listen(listener) {
    const handlers = MEANING.map(([signal, name]) => [signal, () => listener(name)] as const);
    for (const [signal, handler] of handlers) Deno.addSignalListener(signal, handler);
    return () => {
      for (const [signal, handler] of handlers) Deno.removeSignalListener(signal, handler);
    };
  },
};
