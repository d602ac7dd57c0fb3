// Reads the body of an answer within a limit: as one text, or line by line as it comes.

/** Longest answer, and longest line of a stream: enough for some 1,500 candidates. */
const MAX_BYTES = 1024 * 1024;

/** The whole body. Throws when it is too long, or what the connection throws. */
export async function readText(response: Response): Promise<string> {
  let text = "", bytes = 0;
  const decoder = new TextDecoder();
  for await (const piece of response.body ?? []) {
    // Leaving the loop cancels the body.
    if ((bytes += piece.length) > MAX_BYTES) throw new TooLong();
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

/** Each line that is not empty; pieces from the connection may end anywhere in a line. */
export async function* readLines(response: Response): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const piece of response.body ?? []) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_BYTES) throw new TooLong();
    yield* lines.filter((line) => line.trim() !== "");
  }
}

/** An answer that is longer than any that etcd should give. */
export class TooLong extends Error {
  override readonly name = "TooLong";

  constructor() {
    super(`the answer is longer than ${MAX_BYTES / 1024 / 1024} MiB`);
  }
}
