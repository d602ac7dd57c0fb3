// Tracks work outside the event loop's turns: signatures, made by other threads, and requests on real sockets. Virtual
// time must stand still until it is done, or a busy machine would look like a slow one.

/**
 * After this long without progress in real time, something waits for an answer that never comes, and virtual time must
 * go on. In slices: when this process itself stands still, one of them is over at once, and the answers come in the next.
 */
const STUCK_MS = 1_000, SLICES = 10;
/** The header that tells a test server which exchange a request belongs to. */
const HEADER = "x-test-exchange";

let underWay = 0;
let onChange: (() => void)[] = [];

function change(by: number): void {
  underWay += by;
  const told = onChange;
  onChange = [];
  for (const tell of told) tell();
}

/** Resolves when no such work is under way, or all of it is stuck; to whether there was any. */
export async function elsewhereDone(): Promise<boolean> {
  if (underWay === 0) return false;
  while (underWay > 0) {
    let moved = false;
    for (let slice = 0; slice < SLICES && !moved; slice++) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      moved = await new Promise<boolean>((resolve) => {
        onChange.push(() => resolve(true));
        timer = setTimeout(resolve, STUCK_MS / SLICES, false);
      });
      clearTimeout(timer);
    }
    if (!moved) return false;
  }
  return true;
}

for (const name of ["sign", "verify", "importKey", "digest"] as const) {
  const real = crypto.subtle[name].bind(crypto.subtle) as (...args: unknown[]) => Promise<unknown>;
  Object.defineProperty(crypto.subtle, name, {
    configurable: true,
    value: async (...args: unknown[]) => {
      change(1);
      try {
        return await real(...args);
      } finally {
        change(-1);
      }
    },
  });
}

/** One request and its answer: under way while its client waits, unless one side waits for virtual time. */
class Exchange {
  readonly id = `${++exchangeCount}`;
  readonly #over = new AbortController();
  #waits = 0;
  #rests = 0;
  #counts = false;

  /** Aborts once the client no longer waits. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** The client no longer wants an answer: the server stops waiting, and the exchange ends. */
  end(): void {
    exchanges.delete(this.id);
    this.#over.abort();
    this.#add({});
  }

  /** The client waits for this. */
  wait<Value>(work: Promise<Value>): Promise<Value> {
    this.#add({ waits: 1 });
    return work.finally(() => this.#add({ waits: -1 }));
  }

  /** One side does nothing until virtual time has passed. */
  rest<Value>(work: Promise<Value>): Promise<Value> {
    this.#add({ rests: 1 });
    return work.finally(() => this.#add({ rests: -1 }));
  }

  #add({ waits = 0, rests = 0 }: { waits?: number; rests?: number }): void {
    this.#waits += waits;
    this.#rests += rests;
    const counts = this.#waits > 0 && (this.#rests === 0 || this.#over.signal.aborted);
    if (counts !== this.#counts) change(counts ? 1 : -1);
    this.#counts = counts;
  }
}

let exchangeCount = 0;
const exchanges = new Map<string, Exchange>();

/** A server waits for virtual time before it answers the request, but no longer than its client. */
export async function restIn(
  request: Request,
  sleep: (over: AbortSignal) => Promise<void>,
): Promise<void> {
  const id = request.headers.get(HEADER), exchange = exchanges.get(id ?? "");
  if (exchange) await exchange.rest(sleep(exchange.over));
  else if (id === null) await sleep(request.signal);
}

interface Init extends RequestInit {
  readonly mayLeave?: () => Promise<void>;
}

/** A `fetch` to a server on a real socket that makes virtual time wait. */
export function waitedFor<Fetch extends (url: URL, init: never) => Promise<Response>>(
  fetch: Fetch,
): Fetch {
  const send = async (url: URL, init: Init): Promise<Response> => {
    const exchange = new Exchange();
    exchanges.set(exchange.id, exchange);
    const end = () => exchange.end();
    init.signal?.addEventListener("abort", end, { once: true });
    exchange.over.addEventListener("abort", () => init.signal?.removeEventListener("abort", end));
    const headers = new Headers(init.headers);
    headers.set(HEADER, exchange.id);
    const { mayLeave } = init;
    const watched = {
      ...init,
      headers,
      ...(mayLeave && { mayLeave: () => exchange.rest(mayLeave()) }),
    };
    try {
      const response = await exchange.wait(fetch(url, watched as never));
      const { status, headers: told } = response;
      return new Response(readIn(exchange, response.body), { status, headers: told });
    } catch (error) {
      exchange.end();
      throw error;
    }
  };
  return Object.assign(send, fetch) as unknown as Fetch;
}

function readIn(
  exchange: Exchange,
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
): ReadableStream<Uint8Array<ArrayBuffer>> | null {
  if (body === null) {
    exchange.end();
    return null;
  }
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await exchange.wait(reader.read());
        if (!done) return controller.enqueue(value);
        controller.close();
        exchange.end();
      } catch (error) {
        exchange.end();
        throw error;
      }
    },
    async cancel(reason) {
      exchange.end();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
