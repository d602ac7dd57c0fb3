// Two requests at a time: a failure ends the other, and is told when nothing is left.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { together } from "../src/exoscale/together.ts";

/** Never answers; rejects some time after it was ended. */
function endless(signal: AbortSignal, ended: string[], name: string): Promise<never> {
  return new Promise((_, reject) => {
    const end = () =>
      queueMicrotask(() => {
        ended.push(name);
        reject(new Error(`${name} was ended`));
      });
    if (signal.aborted) end();
    else signal.addEventListener("abort", end);
  });
}

Deno.test("together() gives both answers", async () => {
  const both = together(new AbortController().signal, () => [
    Promise.resolve(1),
    Promise.resolve("two"),
  ]);
  assertEquals(await both, [1, "two"]);
});

Deno.test("together() ends the other when one fails, and tells the first failure", async () => {
  const ended: string[] = [];
  const both = together(new AbortController().signal, (signal) => [
    Promise.reject(new Error("the first")),
    endless(signal, ended, "the other"),
  ]);
  await assertRejects(() => both, Error, "the first");
  assertEquals(ended, ["the other"]);
});

Deno.test("together() ends both when it is ended itself", async () => {
  const ending = new AbortController(), ended: string[] = [];
  const both = together(ending.signal, (signal) => [
    endless(signal, ended, "one"),
    endless(signal, ended, "the other"),
  ]);
  ending.abort();
  await assertRejects(() => both, Error, "was ended");
  assertEquals(ended.length, 2);
  assert(ended.includes("one") && ended.includes("the other"));
});
