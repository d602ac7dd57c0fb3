// An abort that follows another signal for one piece of work.
import { assertEquals } from "@std/assert";
import { LinkedAbort } from "../../src/transport/linked_abort.ts";

Deno.test("a linked abort ends by itself with its reason, and with the other signal", () => {
  const own = new LinkedAbort(new AbortController().signal);
  own.abort("enough");
  assertEquals([own.signal.aborted, own.signal.reason], [true, "enough"]);
  const other = new AbortController(), linked = new LinkedAbort(other.signal);
  assertEquals(linked.signal.aborted, false);
  other.abort();
  assertEquals(linked.signal.aborted, true);
  assertEquals(new LinkedAbort(other.signal).signal.aborted, true, "it was over already");
  assertEquals(new LinkedAbort().signal.aborted, false, "it follows nothing");
});

Deno.test("what is disposed follows no more, and never ends the other signal", () => {
  const other = new AbortController();
  {
    using linked = new LinkedAbort(other.signal);
    linked.abort();
  }
  assertEquals(other.signal.aborted, false);
  const left = new LinkedAbort(other.signal);
  left[Symbol.dispose]();
  other.abort();
  assertEquals(left.signal.aborted, false);
});
