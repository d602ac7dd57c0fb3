// Signals before there is a watchdog: which ones end the program, and which are left for the run.
import { assertEquals } from "@std/assert";
import { SignalQueue } from "../../src/host/signals.ts";
import { endOf, unlessStopped } from "../../src/startup/early_signals.ts";
import type { SignalName } from "../../src/world.ts";

/** The early effect of those signals, and the ones that the following run hears. */
function early(watches: boolean, ...told: SignalName[]): { ended: unknown; left: SignalName[] } {
  const signals = new SignalQueue(), left: SignalName[] = [];
  const signal = endOf(signals, { watches });
  for (const each of told) signals.tell(each);
  signals.listen((each) => void left.push(each));
  return { ended: signal.aborted ? signal.reason : null, left };
}

Deno.test("a stop ends what has not begun; a reload and a change of rank are left for the watchdog", () => {
  const all = ["better", "reload", "worse"] as const;
  assertEquals(early(true, ...all), { ended: null, left: [...all] });
  assertEquals(early(true, "better", "stop", "reload"), {
    ended: "stop",
    left: ["better", "reload"],
  });
});

Deno.test("a reload, as a terminal that is closed sends it, ends a mode that watches nothing", () => {
  assertEquals(early(false, "better", "worse").ended, null);
  assertEquals(early(false, "reload").ended, "reload");
  assertEquals(early(false, "stop", "reload").ended, "stop", "the first counts");
});

Deno.test("unlessStopped() waits for the work or the end, whichever is first", async () => {
  const ending = new AbortController();
  assertEquals(await unlessStopped(Promise.resolve(7), ending.signal), 7);
  const waiting = unlessStopped(new Promise(() => {}), ending.signal);
  ending.abort();
  assertEquals(await waiting, null);
  assertEquals(await unlessStopped(Promise.resolve(7), ending.signal), null);
  assertEquals(await unlessStopped(Promise.reject(new Error("late")), ending.signal), null);
});
