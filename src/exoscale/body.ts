// Reads the body of an answer within limits: on bytes, on the values in them, and on time (the signal).
import { CloudError } from "./cloud_error.ts";

/**
 * Limits for answers. Values count because they cost more than their text: 8 MiB of `{},{},...` become 300 MiB of
 * objects and half a second in which no heartbeat leaves. One instance takes about 1.3 kB and 50 values on API v2.
 */
export interface Allowance {
  bytes: number;
  values: number;
}

/** For one answer: some three thousand instances. Six at once, more than there ever are, take some 130 MiB. */
export function answerAllowance(): Allowance {
  return { bytes: 4 * 1024 * 1024, values: 250_000 };
}

/** For all pages of one listing of API v1, where a machine takes some 4 kB. */
export function listingAllowance(): Allowance {
  return { bytes: 16 * 1024 * 1024, values: 600_000 };
}

const COMMA = 0x2c, BRACKET = 0x5b, BRACE = 0x7b;

/** The whole body as text. Throws `oversized-answer`, or the signal's reason if that comes first. */
export async function readBody(
  response: Response,
  { title, signal, allowance }: { title: string; signal: AbortSignal; allowance: Allowance },
): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  // Cancel a body that does not end by itself: the pending read is then the last.
  const end = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", end, { once: true });
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return text + decoder.decode();
      allowance.bytes -= value.length;
      allowance.values -= valuesIn(value);
      if (allowance.bytes < 0 || allowance.values < 0) {
        const message = `${title}: the answer is too large: more bytes or values than are read`;
        throw new CloudError("oversized-answer", message, { status: response.status });
      }
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    end();
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** How many values begin here if this is JSON. Those inside strings count, too, which errs on the safe side. */
function valuesIn(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) {
    if (byte === COMMA || byte === BRACKET || byte === BRACE) count += 1;
  }
  return count;
}
