// What goes on beyond the turns of the event loop: signatures, which other threads make, and requests on real sockets.
// Time that a test makes up must stand still until they are done, or a busy machine is taken for a slow one.

/** Nothing has moved for so long in real time: somebody waits for an answer that never comes, and time has to pass. */
const STUCK_MS = 1_000;
/** The header by which a server of the tests knows which exchange a request belongs to. */
const HEADER = "x-test-exchange";

let underWay = 0;
let onChange: (() => void)[] = [];

function change(by: number): void {
  underWay += by;
  const told = onChange;
  onChange = [];
  for (const tell of told) tell();
}

/** Resolves when nothing of that kind is under way, or is stuck; to whether something was. */
export async function elsewhereDone(): Promise<boolean> {
  if (underWay === 0) return false;
  while (underWay > 0) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const moved = await new Promise<boolean>((resolve) => {
      onChange.push(() => resolve(true));
      timer = setTimeout(resolve, STUCK_MS, false);
    });
    clearTimeout(timer);
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

/** One request and its answer: under way while its client waits for it, unless one side waits for time to pass. */
class Exchange {
  readonly id = `${++exchangeCount}`;
  readonly #over = new AbortController();
  #waits = 0;
  #rests = 0;
  #counts = false;

  /** Aborts once the client waits no more. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** The client wants no answer any more: its server need not rest, and what is under way ends. */
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

  /** One side does nothing until time has passed. */
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

/** A server waits for time to pass before it goes on to answer the request; no longer than its client. */
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

/** The way to a server on a real socket, for which made-up time waits. */
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
