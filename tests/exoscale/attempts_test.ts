// Requests on a network with all kinds of faults, in virtual time: as soon as some connection works, a request arrives,
// and there are never too many at once.
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "../support/fast_check.ts";
import { type AttemptOptions, Attempts } from "../../src/exoscale/attempts.ts";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { CALL_TIMEOUT_MS, type HttpAnswer } from "../../src/exoscale/http.ts";
import { RateLimiter } from "../../src/exoscale/rate_limiter.ts";
import { PATIENT } from "../support/cloud/cloud_fixture.ts";
import { VirtualClock } from "../support/clock.ts";

/** The state of the network for a while. */
interface Phase {
  /**
   * `lost`: no packet gets through, those of open connections arrive when it is over; `silent`: open connections are
   * dead, new ones work; `resets`: each request is cut; `nameless`: name lookups fail, so there are no new connections;
   * `refused`: new connections are refused.
   */
  readonly kind: "good" | "slow" | "lost" | "silent" | "resets" | "nameless" | "refused";
  readonly forMs: number;
}

/** Longest time to find a working connection. */
const CONNECTED_WITHIN_MS = 10_000;
const LATENCY_MS = 20, SLOW_MS = 10_000;

/** A server behind such a network, and connections that carry one request at a time. */
class Network {
  readonly clock = new VirtualClock({ leaps: true });
  /** When requests arrived. */
  readonly arrivals: number[] = [];
  readonly #phases: { readonly kind: Phase["kind"]; readonly fromMs: number }[] = [];
  /** Idle connections, by the time at which they were made. */
  #idle: number[] = [];
  #epoch = 0;

  constructor(phases: readonly Phase[]) {
    let fromMs = 0;
    for (const { kind, forMs } of phases) {
      this.#phases.push({ kind, fromMs });
      fromMs += forMs;
    }
    this.#phases.push({ kind: "good", fromMs });
  }

  get endMs(): number {
    return this.#phases.at(-1)?.fromMs ?? 0;
  }

  #indexNow(): number {
    const nowMs = this.clock.nowMs();
    return this.#phases.findLastIndex(({ fromMs }) => fromMs <= nowMs);
  }

  get #kind(): Phase["kind"] {
    return this.#phases[this.#indexNow()]?.kind ?? "good";
  }

  /** Resolves when the state of the network changes. */
  async #change(signal: AbortSignal): Promise<void> {
    const next = this.#phases[this.#indexNow() + 1]?.fromMs ?? Infinity;
    await this.clock.sleep(next - this.clock.nowMs(), signal);
  }

  /** One request, as the transport would make it. */
  async request(options: AttemptOptions): Promise<HttpAnswer> {
    const { signal, fresh, mayLeave } = options;
    const over = new AbortController(), end = () => over.abort();
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    const done = new AbortController();
    this.clock.sleep(CALL_TIMEOUT_MS, done.signal).then(() => done.signal.aborted || end());
    let sent = false;
    try {
      if (fresh) this.#idle = [];
      const kept = this.#idle.pop();
      const madeAtMs = kept ?? await this.#connect(over.signal);
      await mayLeave();
      over.signal.throwIfAborted();
      sent = true;
      await this.#exchange(madeAtMs, kept !== undefined, over.signal);
      this.#idle.push(madeAtMs);
      return { status: 200, headers: new Headers(), json: {} };
    } catch (error) {
      if (error instanceof CloudError) throw error;
      const kind = signal.aborted ? "aborted" : "timeout";
      throw new CloudError(kind, "no answer", { mayArrive: sent });
    } finally {
      done.abort();
      signal.removeEventListener("abort", end);
    }
  }

  async #connect(signal: AbortSignal): Promise<number> {
    for (;;) {
      const kind = this.#kind;
      if (kind === "nameless") throw new CloudError("name-resolution", "host name not found");
      if (kind === "refused") throw new CloudError("unreachable", "connection refused");
      if (kind !== "lost") break;
      // The kernel repeats the packet that opens a connection, at growing intervals: within a second or more.
      await this.#change(signal);
      await this.clock.sleep(1_000, signal);
      signal.throwIfAborted();
    }
    await this.clock.sleep(LATENCY_MS, signal);
    signal.throwIfAborted();
    return this.clock.nowMs();
  }

  async #exchange(madeAtMs: number, kept: boolean, signal: AbortSignal): Promise<void> {
    const { kind, fromMs } = this.#phases[this.#indexNow()]!;
    const dead = kind === "silent" && madeAtMs < fromMs;
    if (kind === "resets" || (kept && kind === "refused")) {
      throw new CloudError("unreachable", "connection broke off", { stale: kept });
    }
    if (dead) await this.#never(signal);
    if (kind === "lost") {
      // The kernel goes on sending it, even after the client has given up.
      await this.#change(PATIENT);
      this.arrivals.push(this.clock.nowMs());
      signal.throwIfAborted();
    } else this.arrivals.push(this.clock.nowMs());
    await this.clock.sleep(kind === "slow" ? SLOW_MS : LATENCY_MS, signal);
    signal.throwIfAborted();
  }

  async #never(signal: AbortSignal): Promise<never> {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    throw signal.reason;
  }

  /** Since when, before this moment, some connection has worked; an immediate success needs no time. */
  connectedSinceMs(atMs: number): number | null {
    const works = (kind: Phase["kind"]) => ["good", "slow", "silent"].includes(kind);
    let since: number | null = null;
    for (const { kind, fromMs } of this.#phases) {
      if (fromMs > atMs) break;
      if (!works(kind)) since = null;
      else if (since === null || kind === "silent") since = fromMs;
    }
    return since;
  }
}

const phases = fc.array(
  fc.record({
    kind: fc.constantFrom("good", "slow", "lost", "silent", "resets", "nameless", "refused"),
    forMs: fc.integer({ min: 100, max: 60_000 }),
  }) as fc.Arbitrary<Phase>,
  { maxLength: 6 },
);

/** Makes requests all the time, as a watchdog does; waits between failures as the core does. */
async function wantAnswers(network: Network, writes: boolean): Promise<void> {
  const { clock } = network;
  const attempts = new Attempts(clock, limiter.get(network)!);
  for (let failures = 0; clock.nowMs() < network.endMs + 2 * CONNECTED_WITHIN_MS;) {
    const startedAtMs = clock.nowMs();
    try {
      await attempts.send({ writes, signal: PATIENT }, (options) => network.request(options));
      failures = 0;
      await clock.sleep(writes ? 3_000 : 1_000);
    } catch (error) {
      assert(error instanceof CloudError, `${error}`);
      const waitMs = Math.min(500 * 2 ** failures++, 5_000);
      await clock.sleep(Math.max(100, startedAtMs + waitMs - clock.nowMs()));
    }
  }
}

const limiter = new WeakMap<Network, RateLimiter>();

Deno.test("Attempts reach the server within 10 s of a way that works, and five times a second at most", async () => {
  await fc.assert(
    fc.asyncProperty(phases, fc.integer({ min: 1, max: 2 }), async (given, readers) => {
      const network = new Network(given);
      limiter.set(network, new RateLimiter(network.clock));
      const all = [true, ...Array(readers).fill(false)];
      await Promise.all(all.map((writes) => wantAnswers(network, writes)));
      const { arrivals } = network;
      arrivals.sort((one, other) => one - other);
      for (const atMs of arrivals) {
        const within = arrivals.filter((other) => other >= atMs && other < atMs + 1_000).length;
        assert(within <= 5, `${within} requests from ${atMs} ms on`);
      }
      // Whenever a connection has worked for ten seconds, some request has arrived.
      for (
        let atMs = CONNECTED_WITHIN_MS;
        atMs < network.endMs + CONNECTED_WITHIN_MS;
        atMs += 500
      ) {
        const since = network.connectedSinceMs(atMs);
        if (since === null || atMs < since + CONNECTED_WITHIN_MS) continue;
        const came = arrivals.some((each) => each >= atMs - CONNECTED_WITHIN_MS && each <= atMs);
        assert(came, `nothing arrived from ${atMs - CONNECTED_WITHIN_MS} to ${atMs} ms`);
      }
    }),
    { numRuns: 300, endOnFailure: false },
  );
});

/** Attempts with a fake exchange. */
function attemptsOn(exchange: (options: AttemptOptions, number: number) => Promise<HttpAnswer>) {
  const clock = new VirtualClock({ leaps: true });
  const made: { atMs: number; fresh: boolean; alone: boolean }[] = [];
  const attempts = new Attempts(clock, new RateLimiter(clock));
  const send = (turn: { writes: boolean; before?: () => void }) =>
    attempts.send({ ...turn, signal: PATIENT }, (options) => {
      const { fresh, alone } = options;
      made.push({ atMs: clock.nowMs(), fresh, alone });
      return exchange(options, made.length);
    });
  return { clock, made, send };
}

const answer = (status = 200): HttpAnswer => ({ status, headers: new Headers(), json: {} });

/** Hangs until its time is over or it is cancelled. */
async function hang(clock: VirtualClock, { signal }: AttemptOptions): Promise<never> {
  await clock.sleep(CALL_TIMEOUT_MS, signal);
  throw new CloudError(signal.aborted ? "aborted" : "timeout", "no answer");
}

Deno.test("Attempts repeat what hangs beside it, on a connection of its own, and take the first answer", async () => {
  const { clock, made, send } = attemptsOn(async (options, number) => {
    await options.mayLeave();
    return number === 1 ? await hang(clock, options) : answer();
  });
  await send({ writes: false });
  assertEquals(made.map(({ atMs, fresh }) => [atMs, fresh]), [[0, false], [3_000, true]]);
  // That answer was quick: the next one counts as late sooner.
  made.length = 0;
  await send({ writes: false });
  assertEquals(made.map(({ atMs }) => atMs - made[0]!.atMs), [0, 1_000]);
});

Deno.test("Attempts still take the answer of the first when it comes after ten seconds", async () => {
  const { clock, made, send } = attemptsOn(async ({ signal, mayLeave }) => {
    await mayLeave();
    await clock.sleep(10_000, signal);
    if (signal.aborted) throw new CloudError("aborted", "given up");
    return answer();
  });
  const { tookMs } = await send({ writes: true });
  assertEquals([tookMs, made.length], [10_000, 3]);
});

Deno.test("Attempts end when the first has had all its time", async () => {
  const { clock, made, send } = attemptsOn(async (options) => {
    await options.mayLeave();
    return await hang(clock, options);
  });
  const error = await assertRejects(() => send({ writes: false }), CloudError);
  assertEquals([error.kind, clock.nowMs(), made.length], ["timeout", CALL_TIMEOUT_MS, 4]);
});

Deno.test("Attempts repeat at once what a connection from before has lost, once", async () => {
  const { made, send, clock } = attemptsOn(() => {
    throw new CloudError("unreachable", "connection broke off", { stale: true });
  });
  await assertRejects(() => send({ writes: true }), CloudError, "broke off");
  assertEquals([made.length, clock.nowMs()], [2, 0]);
});

Deno.test("Attempts repeat at once a reading whose connection broke, and no change", async () => {
  for (const [writes, requests] of [[false, 2], [true, 1]] as const) {
    const { made, send } = attemptsOn(() => {
      throw new CloudError("unreachable", "connection broke off", { broken: true });
    });
    await assertRejects(() => send({ writes }), CloudError, "broke off");
    assertEquals(made.length, requests);
  }
});

Deno.test("Attempts repeat what a connection from before has refused, once, on one of its own", async () => {
  for (const writes of [false, true]) {
    const { made, send } = attemptsOn((options) => {
      if (!options.alone) options.onKept();
      return Promise.resolve(answer(options.alone ? 200 : 421));
    });
    assertEquals((await send({ writes })).answer.status, 200);
    assertEquals(made.map(({ alone }) => alone), [false, true]);
    const odd = attemptsOn((options) => {
      options.onKept();
      throw new CloudError("not-json", "wanted JSON, got text/html");
    });
    await assertRejects(() => odd.send({ writes }), CloudError, "text/html");
    assertEquals(odd.made.length, 2);
    // On a new connection, a refusal is the cloud's own answer.
    const fresh = attemptsOn(() => Promise.resolve(answer(404)));
    assertEquals((await fresh.send({ writes })).answer.status, 404);
    assertEquals(fresh.made.length, 1);
  }
});

Deno.test("Attempts wait for a better answer than that of a server in trouble, while there may be one", async () => {
  const { clock, send } = attemptsOn(async ({ signal, mayLeave }, number) => {
    await mayLeave();
    await clock.sleep(number === 1 ? 6_000 : 100, signal);
    return answer(number === 1 ? 200 : 503);
  });
  assertEquals((await send({ writes: false })).answer.status, 200);
  const { send: alone } = attemptsOn(() => Promise.resolve(answer(503)));
  assertEquals((await alone({ writes: false })).answer.status, 503);
});

Deno.test("Attempts ask again before each request whether it may still leave", async () => {
  const { clock, made, send } = attemptsOn(async (options) => {
    await options.mayLeave();
    return await hang(clock, options);
  });
  const before = () => {
    if (clock.nowMs() > 0) throw new CloudError("late", "not wanted any more");
  };
  const error = await assertRejects(() => send({ writes: true, before }), CloudError);
  assertEquals([error.kind, made.length, clock.nowMs()], ["timeout", 2, CALL_TIMEOUT_MS]);
});
