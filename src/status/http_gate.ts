// Decides which requests of --listen-status get an answer, before they are parsed. So no client can keep the loop from
// its work, or make a supervisor believe that a working watchdog is stuck. Answers of every kind are limited; a request
// beyond the limit costs no more than its connection. Only a supervisor's probe always gets an answer, with the last
// verdict.
import type { Admission } from "../host/status_server.ts";
import type { Clock } from "../world.ts";
import { TokenBucket } from "./token_bucket.ts";

/** How long a verdict may be repeated. */
const VERDICT_MS = 1_000;

const TEXT = "content-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n" +
  "x-content-type-options: nosniff\r\ncontent-security-policy: default-src 'none'\r\n";
const BUSY = "too many requests: again in a second\n";

/** A supervisor's probe. */
type Probe = "/healthz" | "/readyz";

interface Verdict {
  readonly bytes: Uint8Array;
  readonly atMs: number;
}

/** Admits requests. */
export class StatusGate {
  readonly #clock: Clock;
  readonly #answers: TokenBucket;
  readonly #probes: TokenBucket;
  readonly #refusals: TokenBucket;
  readonly #verdicts = new Map<Probe, Verdict>();
  readonly #busy = bytesOf(503, BUSY, "retry-after: 1\r\n");

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#answers = new TokenBucket(clock);
    this.#probes = new TokenBucket(clock);
    this.#refusals = new TokenBucket(clock);
  }

  /** The decision for a request with that first line; an empty line stands for an invalid request. */
  admit(line: string): Admission {
    const probe = probeOf(line);
    if (probe === null) {
      if (this.#answers.take()) return "answer";
      return this.#refusals.take() ? this.#busy : "close";
    }
    if (this.#probes.take()) return "answer";
    const verdict = this.#verdicts.get(probe);
    const fresh = verdict && this.#clock.nowMs() <= verdict.atMs + VERDICT_MS;
    return fresh ? verdict.bytes : "answer";
  }

  /** Remembers the latest answer to a supervisor: the problem, or null. */
  remember(probe: Probe, problem: string | null): void {
    const bytes = problem === null ? bytesOf(200, "ok\n") : bytesOf(503, `${problem}\n`);
    this.#verdicts.set(probe, { bytes, atMs: this.#clock.nowMs() });
  }
}

function probeOf(line: string): Probe | null {
  if (line.startsWith("GET /healthz ")) return "/healthz";
  return line.startsWith("GET /readyz ") ? "/readyz" : null;
}

function bytesOf(status: number, body: string, more = ""): Uint8Array {
  const length = new TextEncoder().encode(body).length;
  const head = `HTTP/1.1 ${status} \r\n${TEXT}${more}content-length: ${length}\r\n`;
  return new TextEncoder().encode(`${head}connection: close\r\n\r\n${body}`);
}
