// An HTTP check: does the server give the expected answer? Each run makes a connection of its own, because an old one
// that still works proves nothing.
import type { StatusRange } from "./spec.ts";
import { networkReason } from "./network_reason.ts";

/** How much of an answer is searched for the text. */
export const BODY_MAX_BYTES = 256 * 1_024;

/** The expected answer. */
export interface HttpWanted {
  readonly url: string;
  readonly statuses: readonly StatusRange[];
  /** Text in its body, null when only the status counts. */
  readonly body: string | null;
  /** Authorities to trust in addition to the runtime's own. */
  readonly caCerts: readonly string[];
}

/** Resolves when the answer is as expected; rejects with the difference, or when aborted. */
export async function httpCheck(wanted: HttpWanted, signal: AbortSignal): Promise<void> {
  using client = Deno.createHttpClient({
    poolMaxIdlePerHost: 0,
    caCerts: [...wanted.caCerts],
  });
  let complaint: string | null;
  try {
    complaint = await complaintAbout(wanted, { client, signal });
  } catch (error) {
    throw new Error(networkReason(error), { cause: error });
  }
  if (complaint !== null) throw new Error(complaint);
}

async function complaintAbout(
  { url, statuses, body }: HttpWanted,
  { client, signal }: { client: Deno.HttpClient; signal: AbortSignal },
): Promise<string | null> {
  const headers = { "user-agent": "exoip" };
  const response = await fetch(url, { client, headers, redirect: "manual", signal });
  const { status } = response;
  const expected = statuses.some(([low, high]) => low <= status && status <= high);
  if (expected && body !== null) {
    if (await contains(response.body, body)) return null;
    return `status ${status}, but the text is not in the answer's first 256 KiB`;
  }
  await response.body?.cancel();
  return expected ? null : `status ${status}, wanted ${statuses.map(rangeText).join(", ")}`;
}

function rangeText([low, high]: StatusRange): string {
  return low === high ? `${low}` : `${low}-${high}`;
}

/** Whether the text is in the beginning of the answer. Leaves the rest unread. */
async function contains(
  stream: ReadableStream<Uint8Array> | null,
  wanted: string,
): Promise<boolean> {
  const decoder = new TextDecoder();
  let text = "", size = 0;
  for await (const chunk of stream ?? []) {
    const part = chunk.subarray(0, BODY_MAX_BYTES - size);
    size += part.length;
    // Keep only as much of the searched text as may contain the beginning of a match.
    text = text.slice(text.length - Math.min(text.length, wanted.length - 1)) +
      decoder.decode(part, { stream: true });
    if (text.includes(wanted)) return true;
    if (size >= BODY_MAX_BYTES) return false;
  }
  return false;
}
