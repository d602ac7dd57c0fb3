// What leaves: heartbeats, numbered, and signed if there is a secret. Nothing here is waited for.
import { encode, trailerFor } from "../core/heartbeat.ts";
import type { Signing } from "../host/keyring.ts";
import type { Datagrams } from "../status/counters.ts";
import type { Outgoing } from "./watch.ts";
import type { Clock, UdpSocket } from "../world.ts";

/** What sending needs. */
export interface SenderOptions {
  readonly clock: Clock;
  readonly socket: UdpSocket;
  /** Null when heartbeats are not signed. */
  readonly keyring: Signing | null;
  /** Of this process; goes into what is signed. */
  readonly run: bigint;
  /** Port of every node. */
  readonly port: number;
  /** Whether heartbeats carry our trailer. */
  readonly trailer: boolean;
  /** Counts what was sent. */
  readonly datagrams: Pick<Datagrams, "sent">;
}

/** Rises, whatever the clock does. */
export function nextSequence(last: number, clock: number): number {
  return Math.max(last + 1, Math.floor(clock));
}

/** Sequences that are remembered, for what comes back to us. */
const RECENT_MAX = 1_024;
/** Sequences of what does not go to peers are ahead by less than this, each process by its own number. */
const APART_MAX = 1n << 20n;

/** Sends heartbeats. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #recent = new Float64Array(RECENT_MAX);
  #recentAt = 0;
  #sequence = 0;
  #asksItself = false;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Whether one of the latest had that sequence. */
  hasSent(sequence: number): boolean {
    return this.#recent.includes(sequence);
  }

  /** Whether some go to addresses of our own that this machine has not: behind NAT they may come back. */
  get asksItself(): boolean {
    return this.#asksItself;
  }

  /** Sends one. */
  send({ elasticIp, selfId, to, advert, hearsYou, echo, apart }: Outgoing): void {
    const { clock, socket, keyring, run, port, trailer, datagrams } = this.#options;
    // In the original's format what comes back could not be told from another's word.
    const self = apart === "self";
    if (self && (!trailer || socket.localAddresses.includes(to))) return;
    this.#asksItself ||= self;
    // The echo of what is signed tells us by our own clock when we sent it.
    const time = keyring ? clock.nowMs() * 1_000 : clock.wallMs();
    this.#sequence = nextSequence(this.#sequence, time);
    // Unsigned only the sequence tells ours from the other's, and two clocks show the same millisecond.
    const sequence = this.#sequence + (apart && !keyring ? Number(run % APART_MAX) : 0);
    this.#recent[this.#recentAt++ % RECENT_MAX] = sequence;
    datagrams.sent.add(clock.nowMs());
    const stamp = keyring ? { run, echo } : null;
    const own = { hearsYou, sequence, keyId: keyring?.keyId ?? 0, stamp };
    const bytes = encode({
      priority: advert.priority,
      elasticIp,
      id: selfId,
      trailer: trailer ? trailerFor(advert, own) : null,
    });
    // What goes to an address of our own cannot leave from it, and that is no fault.
    const leave = (datagram: Uint8Array) =>
      self ? socket.reply(datagram, to, port) : socket.send(datagram, to, port);
    if (keyring) keyring.sign(bytes, leave);
    else leave(bytes);
  }
}
