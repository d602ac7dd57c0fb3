// What leaves: heartbeats, numbered, and sealed if there is a secret. Nothing here is waited for.
import { trailerFor } from "../core/advert.ts";
import { CLOCK_TOLERANCE_MS } from "../core/clock_check.ts";
import { encode } from "../core/heartbeat.ts";
import type { Guard } from "./guard.ts";
import type { Seal } from "./seal.ts";
import type { Datagrams } from "../status/tally.ts";
import type { Outgoing } from "./watch.ts";
import type { Clock, Link } from "../world.ts";

/** What sending needs. */
export interface SenderOptions {
  readonly clock: Clock;
  readonly link: Link;
  /** Null when heartbeats are not signed. */
  readonly seal: Seal | null;
  /** Knows the time that the peers know. */
  readonly guard: Pick<Guard, "sendingMs">;
  /** Port of every node. */
  readonly port: number;
  /** Whether heartbeats carry our trailer. */
  readonly trailer: boolean;
  /** Counts what was sent. */
  readonly datagrams: Pick<Datagrams, "sent">;
}

/** Rising, but for a clock that was wrong at the start and has been set right: nobody has believed what it told. */
export function nextSequence(last: number, nowMs: number): number {
  return last > nowMs + CLOCK_TOLERANCE_MS ? nowMs : Math.max(last + 1, nowMs);
}

/** Sequences that are remembered, for what comes back to us. */
const RECENT_MAX = 1_024;

/** Sends heartbeats. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #recent = new Float64Array(RECENT_MAX);
  #recentAt = 0;
  #sequence = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Whether one of the latest had that sequence. */
  hasSent(sequence: number): boolean {
    return this.#recent.includes(sequence);
  }

  /** Sends one. */
  send({ elasticIp, selfId, to, advert, hearsYou }: Outgoing): void {
    const { clock, link, seal, guard, port, trailer, datagrams } = this.#options;
    this.#sequence = nextSequence(this.#sequence, Math.floor(guard.sendingMs));
    this.#recent[this.#recentAt++ % RECENT_MAX] = this.#sequence;
    datagrams.sent.add(clock.nowMs());
    const own = { hearsYou, sequence: this.#sequence, keyId: seal?.keyId ?? 0 };
    const bytes = encode({
      priority: advert.priority,
      elasticIp,
      id: selfId,
      trailer: trailer ? trailerFor(advert, own) : null,
    });
    if (seal) seal.seal(bytes, (sealed) => link.send(sealed, to, port));
    else link.send(bytes, to, port);
  }
}
