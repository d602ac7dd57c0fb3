// The simulated Exoscale as a real server, with latency, a log of its calls, and every kind of bad answer. Like the
// real one it speaks TLS, and HTTP/2 if the client offers it.
import { AsyncLocalStorage } from "node:async_hooks";
import { hostText } from "../../../src/core/ip.ts";
import { systemClock } from "../../../src/host/clock.ts";
import type { Clock } from "../../../src/world.ts";
import { restIn } from "../elsewhere.ts";
import { CLOUD_AUTHORITY, type Identity, identityFor } from "../tls/cloud_identity.ts";
import { answerV1 } from "./api_v1.ts";
import { answerV2, json } from "./api_v2.ts";
import { CloudModel } from "./model.ts";

/**
 * All faults. `lost` carries out the request, but its answer breaks off. An answer that breaks off closes the
 * connection under HTTP/1.1; under HTTP/2 the server resets the stream and keeps the connection.
 */
export const FAULTS = [
  "html",
  "html-502",
  "empty",
  "truncated",
  "endless",
  "401",
  "403",
  "400",
  "404",
  "408",
  "409",
  "412",
  "423",
  "425",
  "429",
  "429-retry-after",
  "500",
  "503-retry-after",
  "hang",
  "break-off",
  "lost",
  "deprecated",
] as const;

/** A fault. */
export type Fault = typeof FAULTS[number];

/** One call that arrived. */
export interface Call {
  readonly atMs: number;
  readonly method: string;
  /** Path on API v2, command on v1. */
  readonly what: string;
  readonly authorized: boolean;
  /** Address of the caller. */
  readonly from: string;
  /** Its port: calls of one connection share it. */
  readonly fromPort: number;
  readonly protocol: "HTTP/1.1" | "HTTP/2";
}

/** Where and how a server listens. */
export interface ServerOptions {
  /** Loopback unless given. */
  readonly hostname?: string;
  /** Other names and addresses of the server, for its certificate. */
  readonly names?: readonly string[];
  /** False for plain HTTP/1.1. */
  readonly tls?: boolean;
  /** Shown instead of a certificate that its clients trust. */
  readonly identity?: Identity;
  /** The system's unless given. */
  readonly clock?: Clock;
}

/** A running server. */
export class CloudServer {
  readonly model: CloudModel;
  readonly calls: Call[] = [];
  /** Fault of each call, null for a good answer. */
  fault: (call: Call) => Fault | null = () => null;
  /** Status and body of a refusal in the cloud's own words, null for another answer. */
  refusal: (call: Call) => readonly [status: number, body: unknown] | null = () => null;
  latencyMs = 5;
  /** How far the server's clock is ahead of the machine's. */
  aheadMs = 0;
  readonly #carriedOut = new AsyncLocalStorage<Call>();
  readonly #ending = new AbortController();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #tls: boolean;
  readonly #clock: Clock;
  #caFile: string | null = null;

  constructor(
    model: CloudModel | null = null,
    { hostname = "127.0.0.1", names = [], tls = true, identity, clock = systemClock }:
      ServerOptions = {},
  ) {
    this.model = model ?? new CloudModel(clock);
    this.#tls = tls;
    this.#clock = clock;
    this.#server = Deno.serve({
      hostname,
      port: 0,
      // Its shutdown() would wait for connections that a test has silenced.
      signal: this.#ending.signal,
      onListen() {},
      onError: () => new Response(null, { status: 500 }),
      ...(tls && (identity ?? identityFor(hostname, ...names))),
    }, (request, { remoteAddr }) => this.#answer(request, remoteAddr));
  }

  /** Endpoint for the API. */
  endpoint(api: "v1" | "v2"): string {
    const { hostname, port } = this.#server.addr;
    const scheme = this.#tls ? "https" : "http";
    return `${scheme}://${hostText(hostname)}:${port}/${api === "v2" ? "v2" : "compute"}`;
  }

  /** A file with the server's certificate authority; it exists until the server is closed. */
  get caFile(): string {
    if (this.#caFile === null) {
      this.#caFile = Deno.makeTempFileSync({ prefix: "exoip-", suffix: ".pem" });
      Deno.writeTextFileSync(this.#caFile, CLOUD_AUTHORITY);
    }
    return this.#caFile;
  }

  /** Arguments that make a watchdog find and trust it. */
  args(api: "v1" | "v2"): string[] {
    return ["-xe", this.endpoint(api), ...this.#tls ? ["--ca-file", this.caFile] : []];
  }

  /** The call that is carried out at this moment, for whoever is told by the model of a change; null in between. */
  get carriedOut(): Call | null {
    return this.#carriedOut.getStore() ?? null;
  }

  /** Stops the server; hanging calls are cut. */
  async close(): Promise<void> {
    this.#ending.abort();
    this.model.close();
    await this.#server.finished;
    if (this.#caFile !== null) Deno.removeSync(this.#caFile);
    this.#caFile = null;
  }

  async #answer(request: Request, from: Deno.NetAddr): Promise<Response> {
    const url = new URL(request.url);
    const call: Call = {
      atMs: this.#clock.nowMs(),
      method: request.method,
      what: url.searchParams.get("command") ?? url.pathname.replace(/^\/v2/, ""),
      authorized: request.headers.has("authorization") || url.searchParams.has("signature"),
      from: from.hostname,
      fromPort: from.port,
      // Every HTTP/1.1 request has this header (RFC 9112, 3.2); HTTP/2 has a field of its own instead.
      protocol: request.headers.has("host") ? "HTTP/1.1" : "HTTP/2",
    };
    this.calls.push(call);
    await this.#sleep(this.latencyMs, request);
    const fault = this.fault(call);
    if (fault && fault !== "lost") return await this.#faulty(fault, request);
    const refusal = this.refusal(call);
    if (refusal) return json(refusal[1], refusal[0]);
    const wallMs = this.#clock.wallMs() + this.aheadMs;
    const answer = await this.#carriedOut.run(
      call,
      () =>
        url.pathname.startsWith("/v2")
          ? answerV2(this.model, request, wallMs)
          : answerV1(this.model, request, wallMs),
    );
    answer.headers.set("date", new Date(wallMs).toUTCString());
    if (fault !== "lost") return answer;
    await answer.body?.cancel();
    return new Response(this.#brokenOff());
  }

  async #faulty(fault: Exclude<Fault, "lost">, request: Request): Promise<Response> {
    const page = "<html><body>We will be back soon</body></html>";
    const html = { "content-type": "text/html" };
    switch (fault) {
      case "html":
        return new Response(page, { headers: html });
      case "html-502":
        return new Response(page, { status: 502, headers: html });
      case "empty":
        return new Response("");
      case "truncated":
        return new Response('{"instances":[{"id":"9b1e', {
          headers: { "content-type": "application/json" },
        });
      case "endless":
        return new Response(this.#endless(request));
      case "hang":
        await this.#sleep(600_000, request);
        return new Response(null, { status: 503 });
      case "break-off":
        return new Response(this.#brokenOff());
      case "429-retry-after":
      case "503-retry-after": {
        const answer = json({ message: "slow down" }, Number(fault.slice(0, 3)));
        answer.headers.set("retry-after", "2");
        return answer;
      }
      case "deprecated":
        return json({
          errorresponse: { errorcode: 403, cserrorcode: 9999, errortext: "this API is deprecated" },
        }, 403);
      default:
        return json({ message: `simulated ${fault}` }, Number(fault));
    }
  }

  #endless(request: Request): ReadableStream<Uint8Array> {
    return new ReadableStream({
      pull: async (controller) => {
        await this.#sleep(50, request);
        if (this.#ending.signal.aborted) controller.close();
        else controller.enqueue(new TextEncoder().encode(" "));
      },
    });
  }

  /**
   * Breaks off after the first part was sent, in real time: if cut before any answer, clients would repeat the request.
   */
  #brokenOff(): ReadableStream<Uint8Array> {
    let parts = 0;
    return new ReadableStream({
      pull: async (controller) => {
        if (parts++ === 0) return controller.enqueue(new TextEncoder().encode('{"instances":['));
        await systemClock.sleep(20, this.#ending.signal);
        controller.error(new Error("broken on purpose"));
      },
    });
  }

  /** Sleeps until the time is over, the client has gone, or the server stops. */
  async #sleep(ms: number, request: Request): Promise<void> {
    if (ms === 0) return;
    await restIn(
      request,
      (over) => this.#clock.sleep(ms, AbortSignal.any([this.#ending.signal, over])),
    );
  }
}
