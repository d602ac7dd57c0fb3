// A relay between one node and etcd that counts the node's requests.
const REQUEST = "POST /v3/";

/** Passes TCP on to an endpoint, and counts the requests in it. */
export class CountingRelay {
  /** Requests so far. */
  count = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: Deno.ConnectOptions;
  readonly #open = new Set<Deno.Conn>();

  constructor(endpoint: string) {
    const { hostname, port } = new URL(endpoint);
    this.#target = { hostname, port: Number(port) };
    void this.#accept();
  }

  /** Where the node finds it. */
  get endpoint(): string {
    const { port } = this.#listener.addr as Deno.NetAddr;
    return `http://127.0.0.1:${port}`;
  }

  /** Ends every connection. */
  close(): void {
    this.#listener.close();
    for (const connection of this.#open) {
      try {
        connection.close();
      } catch { /* its other side was quicker */ }
    }
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) void this.#pass(client).catch(() => {});
    } catch { /* closed */ }
  }

  async #pass(client: Deno.TcpConn): Promise<void> {
    this.#open.add(client);
    const server = await Deno.connect(this.#target);
    this.#open.add(server);
    await Promise.all([
      client.readable.pipeThrough(this.#counter()).pipeTo(server.writable),
      server.readable.pipeTo(client.writable),
    ]);
  }

  /** Counts beginnings of requests, also one that comes in two pieces. */
  #counter(): TransformStream<Uint8Array, Uint8Array> {
    const decoder = new TextDecoder();
    let rest = "";
    return new TransformStream({
      transform: (chunk, controller) => {
        const parts = (rest + decoder.decode(chunk, { stream: true })).split(REQUEST);
        this.count += parts.length - 1;
        rest = parts.at(-1)?.slice(1 - REQUEST.length) ?? "";
        controller.enqueue(chunk);
      },
    });
  }
}
