// Lines in the background: complete and in order for a reader that reads, without waiting for one that stalls.
import { assert, assertEquals } from "@std/assert";
import fc from "../support/fast_check.ts";
import { LineWriter } from "../../src/host/line_writer.ts";

/** The written text, and a gate that can block writing. */
function sinkWith({ chunkBytes = () => Infinity }: { chunkBytes?: () => number } = {}) {
  const decoder = new TextDecoder();
  const sink = {
    text: "",
    gate: Promise.resolve(),
    async write(bytes: Uint8Array): Promise<number> {
      await sink.gate;
      const written = bytes.subarray(0, chunkBytes());
      sink.text += decoder.decode(written, { stream: true });
      return written.length;
    },
  };
  return sink;
}

/** Closes the gate of a sink; the returned function opens it again. */
function stall(sink: { gate: Promise<void> }): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  sink.gate = promise;
  return resolve;
}

Deno.test("LineWriter writes lines in order and ends each", async () => {
  const sink = sinkWith();
  const writer = new LineWriter(sink);
  for (const line of ["one", "", "two ü"]) writer.line(line);
  await writer.flush(60_000);
  assertEquals(sink.text, "one\n\ntwo ü\n");
  writer.line("later");
  await writer.flush(60_000);
  assertEquals(sink.text, "one\n\ntwo ü\nlater\n");
});

Deno.test("LineWriter loses nothing in a sink that takes a few bytes at a time", async () => {
  const lines = fc.array(fc.string(), { maxLength: 20 });
  const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 });
  await fc.assert(fc.asyncProperty(lines, sizes, async (texts, chunks) => {
    let at = 0;
    const sink = sinkWith({ chunkBytes: () => chunks[at++ % chunks.length] ?? 1 });
    const writer = new LineWriter(sink);
    for (const text of texts) writer.line(text);
    await writer.flush(60_000);
    assertEquals(sink.text, texts.map((text) => `${text}\n`).join(""));
  }));
});

Deno.test("LineWriter.flush() waits for a stalled sink no longer than it is told", async () => {
  const sink = sinkWith();
  const open = stall(sink);
  const writer = new LineWriter(sink);
  writer.line("late");
  await writer.flush(1);
  assertEquals(sink.text, "");
  open();
  await writer.flush(60_000);
  assertEquals(sink.text, "late\n");
});

Deno.test("LineWriter keeps 1000 lines for a stalled sink and counts the dropped", async () => {
  const sink = sinkWith();
  const open = stall(sink);
  const writer = new LineWriter(sink);
  // The first leaves at once, 1000 wait, 500 are too many.
  for (let number = 0; number < 1_501; number++) writer.line(`line ${number}`);
  assertEquals(sink.text, "");
  open();
  await writer.flush(60_000);
  const lines = sink.text.trimEnd().split("\n");
  assertEquals(lines.slice(0, 1_001), Array.from({ length: 1_001 }, (_, at) => `line ${at}`));
  assertEquals(lines.slice(1_001), ["exoip [WARNING] log: 500 log lines dropped"]);
  writer.line("after");
  await writer.flush(60_000);
  assert(sink.text.endsWith("dropped\nafter\n"), "the count is told once");
});

Deno.test("LineWriter survives a broken sink, tries again with the next line, and tells what was lost", async () => {
  const texts: string[] = [];
  let broken = true;
  const writer = new LineWriter({
    write(bytes) {
      if (broken) return Promise.reject(new Deno.errors.BrokenPipe("nobody reads"));
      texts.push(new TextDecoder().decode(bytes));
      return Promise.resolve(bytes.length);
    },
  });
  for (const line of ["lost", "lost, too"]) {
    writer.line(line);
    await writer.flush(60_000);
  }
  assert(writer.failure instanceof Deno.errors.BrokenPipe);
  broken = false;
  writer.line("read");
  await writer.flush(60_000);
  assertEquals(texts, ["exoip [WARNING] log: 2 log lines dropped\nread\n"]);
  assertEquals(writer.failure, null);
});

Deno.test("LineWriter begins a new line after one that a full disk cut, and counts that one", async () => {
  let text = "", room = 12;
  const writer = new LineWriter({
    write(bytes) {
      if (room === 0) return Promise.reject(new Error("no space left on device"));
      const taken = bytes.subarray(0, room);
      room -= taken.length;
      text += new TextDecoder().decode(taken);
      return Promise.resolve(taken.length);
    },
  });
  for (const line of ["whole", "cut in two", "not at all"]) writer.line(line);
  await writer.flush(60_000);
  assertEquals(text, "whole\ncut in");
  room = Infinity;
  writer.line("after");
  await writer.flush(60_000);
  assertEquals(
    text,
    "whole\ncut in\nexoip [WARNING] log: 2 log lines dropped\nafter\n",
  );
});

Deno.test("LineWriter waits for a sink that has no room instead of losing the line", async () => {
  let refusals = 3, text = "";
  const writer = new LineWriter({
    write(bytes) {
      if (refusals-- > 0) return Promise.reject(new Deno.errors.WouldBlock("try again"));
      text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
  });
  writer.line("patient");
  await writer.flush(60_000);
  assertEquals(text, "patient\n");
});
