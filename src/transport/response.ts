// An incoming answer, in the shape that `fetch` gives it.
import { type Head, type Incoming, readBody } from "./http1.ts";

/** The answer as `fetch` gives it; its body is read from the connection on demand. */
export function responseOf(
  { status, headers, body }: Head,
  incoming: Incoming,
  { finished, failure }: {
    finished: (whole: boolean) => void;
    failure: (error: unknown) => Error;
  },
): Response {
  if (body === 0) {
    finished(true);
    return new Response(null, { status, headers });
  }
  const pieces = readBody(incoming, body);
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await pieces.next();
        if (!done) return controller.enqueue(value);
        finished(true);
        controller.close();
      } catch (error) {
        const told = failure(error);
        finished(false);
        controller.error(told);
      }
    },
    cancel: () => finished(false),
  });
  return new Response(unpacked(stream, headers), { status, headers });
}

/** We ask for no compression, but some servers compress anyway. */
function unpacked(stream: ReadableStream<Uint8Array>, headers: Headers): ReadableStream {
  const coding = headers.get("content-encoding")?.trim().toLowerCase();
  if (coding !== "gzip" && coding !== "deflate") return stream;
  return stream.pipeThrough(new DecompressionStream(coding) as TransformStream<Uint8Array>);
}
