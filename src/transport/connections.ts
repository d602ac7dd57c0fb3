// Idle connections that wait for the next request to the same origin. A dead connection looks like an idle one, so when
// anything hangs or breaks, no idle connection to that origin is used again.
import type { Clock } from "../world.ts";
import { close } from "./connect.ts";
import type { Incoming, Stream } from "./http1.ts";

/** A connection that can carry one request after the other. */
export interface Connection {
  readonly stream: Stream;
  readonly incoming: Incoming;
  readonly address: string;
  /** Requests that it has carried. */
  carried: number;
}

/** How many stay idle per origin, and for how long at most. */
const IDLE_MAX = 3, IDLE_MAX_MS = 90_000;

interface Idle {
  readonly connection: Connection;
  readonly sinceMs: number;
}

/** The idle connections to all origins. */
export class Connections {
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
