// Requests to the cloud, over whichever route works. The shape is that of `fetch`; the connections are ours, because
// `fetch` keeps a dead one, takes no address, and decides by itself what to repeat (see ARCHITECTURE.md). They are
// reused only while there is no sign of trouble: a dead connection looks like an idle one, so when anything hangs or
// breaks, no idle connection to that origin is used again.
import type { Clock } from "../world.ts";
import { AddressBook, dial, type DialWorld, type Target } from "./dial.ts";
import {
  close,
  type Head,
  Incoming,
  NotHttp,
  readHead,
  responseOf,
  type Stream,
  writeRequest,
} from "./http1.ts";
import { type Proxy, proxyFor, ProxyProblem, type ProxyVariables } from "./proxy_route.ts";
import {
  failureOf,
  type Protocol,
  type Route,
  TransportFailure,
  type TransportInit,
  wantsOtherProtocol,
} from "./request.ts";
import { RuntimeFetch } from "./runtime_fetch.ts";

/** A `fetch` that reports its route. Throws `TransportFailure`, and what `mayLeave` throws. */
export interface Transport {
  (url: URL, init?: TransportInit): Promise<Response>;
  /** A request calls `mayLeave` itself. */
  readonly asksToLeave: true;
  /** How this URL's origin was last reached, null if never. */
  readonly routeTo: (url: URL) => Route | null;
  /** Closes idle connections. */
  readonly close: () => void;
}

/** What requests need of the machine. */
export interface TransportOptions {
  readonly clock: Clock;
  readonly lookUp: (name: string) => Promise<readonly string[]>;
  readonly variables: ProxyVariables;
  /** Extra certificate authorities, PEM. */
  readonly caCerts: readonly string[];
  /** User agent of the requests: `exoip/1.0.0`. */
  readonly userAgent: string;
}

/** Makes a `fetch` with connections of its own. */
export function openTransport(options: TransportOptions): Transport {
  const sender = new Sender(options);
  return Object.assign((url: URL, init: TransportInit = {}) => sender.send(url, init), {
    asksToLeave: true as const,
    routeTo: (url: URL) => sender.routes.get(url.origin) ?? null,
    close: () => sender.close(),
  });
}

/** A connection that can carry one request after the other. */
interface Connection {
  readonly stream: Stream;
  readonly incoming: Incoming;
  readonly address: string;
  /** Requests that it has carried. */
  carried: number;
}

/** One request on its way. */
interface Sending {
  readonly url: URL;
  readonly init: TransportInit;
  readonly target: Target;
  readonly signal: AbortSignal;
}

class Sender {
  readonly routes = new Map<string, Route>();
  readonly #options: TransportOptions;
  readonly #connections: Connections;
  readonly #runtime: RuntimeFetch;
  readonly #book: AddressBook;
  /** Connections whose request has no answer yet, by origin. */
  readonly #waiting = new Map<string, Set<Connection>>();
  /** How many are being opened, by origin. */
  readonly #opening = new Map<string, number>();
  /** Origins that do not speak our protocol. */
  readonly #foreign = new Set<string>();

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#connections = new Connections(options.clock);
    this.#runtime = new RuntimeFetch(options);
    this.#book = new AddressBook(options.clock);
  }

  close(): void {
    this.#connections.close();
    this.#runtime.close();
  }

  async send(url: URL, init: TransportInit): Promise<Response> {
    const proxy = this.#proxyFor(url);
    const { origin } = url;
    if (this.#foreign.has(origin) || proxy?.plain === false) {
      return await this.#sendThroughRuntime(url, init, proxy);
    }
    const target = targetOf(url, proxy);
    const signal = init.signal ?? new AbortController().signal;
    if (init.fresh) this.#suspectAll(origin);
    const kept = init.alone ? null : this.#connections.take(origin);
    if (kept) init.onKept?.();
    let left = false;
    const mayLeave = async () => {
      await init.mayLeave?.();
      left = true;
    };
    try {
      const connection = kept ?? await this.#openOrWait(target, origin, signal);
      return await this.#exchange(connection, { url, init: { ...init, mayLeave }, target, signal });
    } catch (error) {
      if (!wantsOtherProtocol(causeOf(error))) throw error;
      this.#foreign.add(origin);
      const { mayLeave: _, ...rest } = init;
      return await this.#sendThroughRuntime(url, left ? rest : init, proxy);
    }
  }

  /** Some servers allow a client one connection: it is free again once our own request on it has its answer. */
  async #openOrWait(target: Target, origin: string, signal: AbortSignal): Promise<Connection> {
    this.#opening.set(origin, (this.#opening.get(origin) ?? 0) + 1);
    let failed = true;
    try {
      const opened = await this.#open(target, signal);
      failed = false;
      return opened;
    } catch (error) {
      const others = (this.#opening.get(origin) ?? 1) - 1 + (this.#waiting.get(origin)?.size ?? 0);
      if (!(error instanceof TransportFailure && error.kind === "unreachable") || others === 0) {
        throw error;
      }
    } finally {
      this.#opening.set(origin, (this.#opening.get(origin) ?? 1) - 1);
      if (failed && this.#opening.get(origin) === 0 && !this.#waiting.get(origin)?.size) {
        this.#connections.ended(origin);
      }
    }
    return await this.#connections.next(origin, signal) ?? await this.#open(target, signal);
  }

  /** A request hangs: no idle connection is used again, and its address is tried after others. */
  #suspectAll(origin: string): void {
    this.#connections.condemn(origin);
    for (const { address } of this.#waiting.get(origin) ?? []) this.#book.unanswered(address);
  }

  #proxyFor(url: URL): Proxy | null {
    try {
      return proxyFor(url, this.#options.variables);
    } catch (error) {
      if (!(error instanceof ProxyProblem)) throw error;
      throw new TransportFailure("unreachable", error.message, { cause: error });
    }
  }

  async #sendThroughRuntime(url: URL, init: TransportInit, proxy: Proxy | null): Promise<Response> {
    const protocol: Protocol = this.#foreign.has(url.origin) ? "HTTP/2" : "HTTP/1.1";
    try {
      const response = await this.#runtime.send(url, init, { proxy, protocol });
      const route = { address: null, protocol, tls: true };
      this.routes.set(url.origin, { ...route, proxy: proxy?.title ?? null });
      return response;
    } catch (error) {
      if (protocol === "HTTP/2") this.#foreign.delete(url.origin);
      else if (wantsOtherProtocol(causeOf(error))) {
        this.#foreign.add(url.origin);
        return await this.#sendThroughRuntime(url, init, proxy);
      }
      throw error;
    }
  }

  async #open(target: Target, signal: AbortSignal): Promise<Connection> {
    const { clock, caCerts, lookUp } = this.#options;
    const world: DialWorld = { clock, caCerts, lookUp, book: this.#book };
    const { stream, address } = await dial(target, world, signal);
    return { stream, address, incoming: new Incoming(stream), carried: 0 };
  }

  async #exchange(connection: Connection, sending: Sending): Promise<Response> {
    const { url, init, target, signal } = sending;
    const { stream, incoming, address } = connection;
    await this.#mayLeave(connection, sending);
    const end = () => close(stream);
    signal.addEventListener("abort", end);
    const waiting = this.#waiting.get(url.origin) ?? new Set();
    this.#waiting.set(url.origin, waiting);
    let head: Head;
    try {
      const late = await init.lateHeaders?.();
      incoming.expect();
      waiting.add(connection);
      const given = { ...Object.fromEntries(new Headers(init.headers ?? {})), ...late };
      const request = requestOf(url, { ...init, headers: given }, this.#options.userAgent);
      await writeRequest(stream, request);
      head = await readHead(incoming, init.method ?? "GET");
    } catch (error) {
      signal.removeEventListener("abort", end);
      waiting.delete(connection);
      this.#book.unanswered(address);
      throw this.#broken(connection, sending, error, { silent: incoming.silent });
    }
    connection.carried += 1;
    const { proxy, secure, hostname } = target;
    this.#book.answered(proxy?.hostname ?? hostname, address);
    const route = { address, protocol: "HTTP/1.1", tls: secure } as const;
    this.routes.set(url.origin, { ...route, proxy: proxy?.title ?? null });
    const finished = (whole: boolean) => {
      signal.removeEventListener("abort", end);
      waiting.delete(connection);
      // The connection itself may be the cause: it may lead to a failing or wrong server.
      if (whole && head.keepsOpen && isGood(head)) this.#connections.keep(url.origin, connection);
      else {
        end();
        this.#connections.ended(url.origin);
      }
      if (!whole) this.#connections.condemn(url.origin);
    };
    return responseOf(head, incoming, {
      finished,
      failure: (error) => this.#broken(connection, sending, error),
    });
  }

  /** Nothing has left before this: whatever fails here, the connection is still good. */
  async #mayLeave(connection: Connection, { url, init, signal }: Sending): Promise<void> {
    try {
      await init.mayLeave?.();
      if (signal.aborted) throw new TransportFailure("aborted", "waiting for its turn");
    } catch (error) {
      this.#connections.keep(url.origin, connection);
      throw error;
    }
  }

  /** The exchange broke or was given up: idle connections to that origin may be dead, too. */
  #broken(
    { stream, carried, address }: Connection,
    { url, target, signal }: Sending,
    error: unknown,
    { silent = false } = {},
  ): Error {
    close(stream);
    this.#connections.condemn(url.origin);
    const stale = silent && carried > 0;
    const { hostname, proxy } = target;
    const through = proxy ? ` through ${proxy.title}` : "";
    if (signal.aborted) {
      const where = proxy ? through : ` at ${address}`;
      return new TransportFailure("aborted", `waiting for ${hostname}${where}`, { sent: true });
    }
    const [kind, reason] = error instanceof NotHttp
      ? ["unreachable", `not an HTTP answer (${error.message})`] as const
      : failureOf(error);
    const text = `${reason}: ${hostname}${through}`;
    return new TransportFailure(kind, text, { sent: true, stale, cause: error });
  }
}

/** Whether it looks like an answer of the API; CloudStack calls its JSON a script. */
function isGood({ status, headers }: Head): boolean {
  return status < 400 && /json|javascript/i.test(headers.get("content-type") ?? "");
}

function causeOf(error: unknown): unknown {
  return error instanceof TransportFailure ? error.cause : error;
}

function targetOf({ protocol, hostname, port }: URL, proxy: Proxy | null): Target {
  const secure = protocol === "https:";
  return {
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port) || (secure ? 443 : 80),
    secure,
    proxy,
  };
}

function requestOf({ host, pathname, search }: URL, init: TransportInit, userAgent: string) {
  const { method = "GET", headers = {}, body } = init;
  const given = Object.fromEntries(new Headers(headers));
  return {
    method,
    target: pathname + search,
    headers: { host, "user-agent": userAgent, accept: "application/json, */*", ...given },
    ...(typeof body === "string" && { body }),
  };
}

/** How many stay idle per origin, and for how long at most. */
const IDLE_MAX = 3, IDLE_MAX_MS = 90_000;

interface Idle {
  readonly connection: Connection;
  readonly sinceMs: number;
}

/** The idle connections to all origins, and the requests that wait for one. */
class Connections {
  readonly #clock: Clock;
  readonly #idle = new Map<string, Idle[]>();
  /** The requests that wait for a connection, by origin. */
  readonly #wanted = new Map<string, ((connection: Connection | null) => void)[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An idle connection to the origin, null when none looks usable. */
  take(place: string): Connection | null {
    const nowMs = this.#clock.nowMs();
    const waiting = this.#idle.get(place) ?? [];
    for (let each; (each = waiting.pop());) {
      const { connection, sinceMs } = each;
      if (nowMs < sinceMs + IDLE_MAX_MS && connection.incoming.quiet) return connection;
      close(connection.stream);
    }
    return null;
  }

  /** Keeps a connection that has carried a request to its end. */
  keep(place: string, connection: Connection): void {
    const wanted = this.#wanted.get(place)?.shift();
    if (wanted) return wanted(connection);
    const waiting = this.#idle.get(place) ?? [];
    const idle = { connection, sinceMs: this.#clock.nowMs() };
    waiting.push(idle);
    this.#idle.set(place, waiting);
    while (waiting.length > IDLE_MAX) close(waiting.shift()!.connection.stream);
    // Anything that arrives now, above all the end, makes it useless.
    connection.incoming.watch(() => {
      const at = waiting.indexOf(idle);
      if (at < 0) return;
      waiting.splice(at, 1);
      close(connection.stream);
    });
  }

  /** The next connection that becomes idle there; null when one ends instead, or at the signal. */
  async next(place: string, signal: AbortSignal): Promise<Connection | null> {
    const { promise, resolve } = Promise.withResolvers<Connection | null>();
    const waiting = this.#wanted.get(place) ?? [];
    this.#wanted.set(place, waiting);
    waiting.push(resolve);
    const stop = () => {
      const at = waiting.indexOf(resolve);
      if (at >= 0) waiting.splice(at, 1);
      resolve(null);
    };
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** A connection that was in use has ended: waiting requests may open their own. */
  ended(place: string): void {
    for (const wanted of this.#wanted.get(place)?.splice(0) ?? []) wanted(null);
  }

  /** Stops using all idle connections to the origin. */
  condemn(place: string): void {
    this.ended(place);
    for (const { connection } of this.#idle.get(place) ?? []) close(connection.stream);
    this.#idle.delete(place);
  }

  /** Closes all connections. */
  close(): void {
    for (const place of [...this.#idle.keys()]) this.condemn(place);
  }
}
