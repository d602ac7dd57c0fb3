// The effect of a signal on a watchdog, without a process to signal.
import type { Watchdog } from "../../src/watch/watchdog.ts";
import type { SignalName } from "../../src/world.ts";

/** Tells the watchdog what that signal means. */
export function tellWatchdog(watchdog: Watchdog, signal: Exclude<SignalName, "reload">): void {
  if (signal === "stop") watchdog.tell({ kind: "stop" });
  else watchdog.tell({ kind: "nudge", by: signal === "better" ? -1 : 1 });
}
