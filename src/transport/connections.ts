// Connections that wait for the next request to the same place. One is used again only while nothing speaks against
// it: one that has gone silent looks like one at rest, so whatever hangs or breaks condemns all that rest at the place.
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

/** How many wait at one place, and for how long at most. */
const IDLE_MAX = 3, IDLE_MAX_MS = 90_000;

interface Idle {
  readonly connection: Connection;
  readonly sinceMs: number;
}

/** The waiting connections of all places. */
export class Connections {
  readonly #clock: Clock;
  readonly #idle = new Map<string, Idle[]>();
  /** Who waits for one to come free, by place. */
  readonly #wanted = new Map<string, ((connection: Connection | null) => void)[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One that waits at the place, null when there is none that looks usable. */
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

  /** It has carried a request to its end and may carry another. */
  keep(place: string, connection: Connection): void {
    const wanted = this.#wanted.get(place)?.shift();
    if (wanted) return wanted(connection);
    const waiting = this.#idle.get(place) ?? [];
    const idle = { connection, sinceMs: this.#clock.nowMs() };
    waiting.push(idle);
    this.#idle.set(place, waiting);
    while (waiting.length > IDLE_MAX) close(waiting.shift()!.connection.stream);
    // Whatever arrives now, most of all the end, makes it useless.
    connection.incoming.watch(() => {
      const at = waiting.indexOf(idle);
      if (at < 0) return;
      waiting.splice(at, 1);
      close(connection.stream);
    });
  }

  /** The next one that comes free there; null when one ends instead, or at the signal. */
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

  /** One that was in use there has ended: who waits for one may try on its own. */
  ended(place: string): void {
    for (const wanted of this.#wanted.get(place)?.splice(0) ?? []) wanted(null);
  }

  /** None that waits at the place is used any more. */
  condemn(place: string): void {
    this.ended(place);
    for (const { connection } of this.#idle.get(place) ?? []) close(connection.stream);
    this.#idle.delete(place);
  }

  /** Closes all. */
  close(): void {
    for (const place of [...this.#idle.keys()]) this.condemn(place);
  }
}
