// Signals and their listeners: one listener at a time, and no signal is lost before it.
import { assertEquals } from "@std/assert";
import { SignalQueue } from "../../src/host/signals.ts";
import type { SignalListener, SignalName } from "../../src/world.ts";

/** A listener that records signals, and leaves some for later. */
function listener(...later: SignalName[]): { heard: SignalName[]; hear: SignalListener } {
  const heard: SignalName[] = [];
  return {
    heard,
    hear: (signal) => later.includes(signal) ? "later" : void heard.push(signal),
  };
}

Deno.test("a signal that comes before anybody listens is kept for the first who does", () => {
  const signals = new SignalQueue(), first = listener();
  for (const signal of ["worse", "reload", "better"] as const) signals.tell(signal);
  signals.listen(first.hear);
  signals.tell("stop");
  assertEquals(first.heard, ["worse", "reload", "better", "stop"]);
});

Deno.test("what a listener leaves for later is for the next one, once and in its order", () => {
  const signals = new SignalQueue(), early = listener("better", "worse", "reload");
  signals.tell("reload");
  signals.listen(early.hear);
  for (const signal of ["better", "stop", "worse"] as const) signals.tell(signal);
  assertEquals(early.heard, ["stop"]);
  const run = listener(), third = listener();
  signals.listen(run.hear);
  assertEquals(run.heard, ["reload", "better", "worse"]);
  signals.listen(third.hear);
  assertEquals(third.heard, []);
});

Deno.test("the latest listener alone hears, and the one before it again when that leaves", () => {
  const signals = new SignalQueue(), [early, run] = [listener(), listener()];
  signals.listen(early.hear);
  const leave = signals.listen(run.hear);
  signals.tell("stop");
  leave();
  leave();
  signals.tell("better");
  assertEquals([early.heard, run.heard], [["better"], ["stop"]]);
});

Deno.test("a hundred of each signal are kept, and a flood of one costs no other its place", () => {
  const signals = new SignalQueue(), run = listener();
  for (let count = 0; count < 1_000; count++) signals.tell("better");
  for (const signal of ["reload", "stop"] as const) signals.tell(signal);
  signals.listen(run.hear);
  assertEquals(run.heard.length, 102);
  assertEquals(run.heard.slice(-3), ["better", "reload", "stop"]);
});
