// Standard output and standard error: printed lines, and the log if it goes to standard output, in one order.
import { messageOf } from "../core/message_of.ts";
import type { Host } from "./host.ts";
import { LineWriter } from "./line_writer.ts";

/** Both outputs of this process. */
export interface Printer extends Pick<Host, "print" | "printed"> {
  /** Standard output, for a log that goes there. */
  readonly out: LineWriter;
}

/** Opens both outputs; a stalled output never makes the caller wait. */
export function openPrinter(): Printer {
  const lost = (lines: number) => `exoip: ${lines} lines were lost`;
  const out = new LineWriter(Deno.stdout, lost), err = new LineWriter(Deno.stderr, lost);
  return {
    out,
    print: (stream, line) => (stream === "out" ? out : err).line(line),
    async printed(withinMs) {
      await Promise.all([out.flush(withinMs), err.flush(withinMs)]);
      const { failure } = out;
      if (failure === null || failure instanceof Deno.errors.BrokenPipe) return null;
      return messageOf(failure);
    },
  };
}
