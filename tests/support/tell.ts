// What a signal asks of a watchdog, without a process that could be sent one.
import type { Watchdog } from "../../src/watch/watchdog.ts";
import type { SignalName } from "../../src/world.ts";

/** Tells the watchdog what that signal means for it. */
export function tellWatchdog(watchdog: Watchdog, signal: Exclude<SignalName, "reload">): void {
  if (signal === "stop") watchdog.tell({ kind: "stop" });
  else watchdog.tell({ kind: "nudge", by: signal === "better" ? -1 : 1 });
}
