// One answer for all simultaneous callers.
import { assertEquals, assertRejects } from "@std/assert";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { SingleFlight } from "../../src/exoscale/single_flight.ts";

const calm = new AbortController().signal;

Deno.test("SingleFlight shares an answer that is under way, and asks again once it has ended", async () => {
  const sharing = new SingleFlight<number>();
  const answers: Array<(value: number) => void> = [];
  const ask = () => new Promise<number>((resolve) => answers.push(resolve));
  const both = [sharing.get(ask, calm), sharing.get(ask, calm)];
  assertEquals(answers.length, 1);
  answers[0]?.(1);
  assertEquals(await Promise.all(both), [1, 1]);
  const later = sharing.get(ask, calm);
  answers[1]?.(2);
  assertEquals(await later, 2);
});

Deno.test("SingleFlight shares a failure, but not that the asker has gone", async () => {
  const sharing = new SingleFlight<number>();
  const failing = () => Promise.reject(new CloudError("timeout", "no answer"));
  const both = [sharing.get(failing, calm), sharing.get(failing, calm)];
  for (const each of both) await assertRejects(() => each, CloudError, "no answer");

  const gone = sharing.get(() => Promise.reject(new CloudError("aborted", "gone")), calm);
  const left = sharing.get(() => Promise.resolve(3), calm);
  await assertRejects(() => gone, CloudError, "gone");
  assertEquals(await left, 3);
});
