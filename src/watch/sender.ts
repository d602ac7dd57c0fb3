// Sends heartbeats: numbered, and signed if there is a secret. The loop waits for nothing here.
import { encode, trailerFor } from "../core/heartbeat.ts";
import type { Signing } from "../host/keyring.ts";
import type { Datagrams } from "../status/counters.ts";
import type { Outgoing } from "./watch.ts";
import type { Clock, UdpSocket } from "../world.ts";

/** What the sender needs. */
export interface SenderOptions {
  readonly clock: Clock;
  readonly socket: UdpSocket;
  /** Null when heartbeats are not signed. */
  readonly keyring: Signing | null;
  /** This process's run, part of signed heartbeats. */
  readonly run: bigint;
  /** Port of every node. */
  readonly port: number;
  /** Whether heartbeats carry our trailer. */
  readonly trailer: boolean;
  /** Whether only shadows believe them. */
  readonly shadow?: boolean;
  /** Counts sent heartbeats. */
  readonly datagrams: Pick<Datagrams, "sent">;
}

/** The next sequence: it rises whatever the clock does. */
export function nextSequence(last: number, clock: number): number {
  return Math.max(last + 1, Math.floor(clock));
}

/** Sent sequences that are remembered, to recognise our own heartbeats when they come back. */
const RECENT_MAX = 1_024;
/**
 * Unsigned heartbeats to others than peers have sequences that are ahead by less than this; each process has its own
 * offset.
 */
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

  /** Whether a recent heartbeat had that sequence. */
  hasSent(sequence: number): boolean {
    return this.#recent.includes(sequence);
  }

  /**
   * Whether we send to addresses of our own that this machine does not have: behind NAT those heartbeats may come back.
   */
  get asksItself(): boolean {
    return this.#asksItself;
  }

  /** Sends one heartbeat. */
  send({ elasticIp, selfId, to, advert, hearsYou, echo, apart, source }: Outgoing): void {
    const { clock, socket, keyring, run, port, trailer, datagrams } = this.#options;
    const { shadow = false } = this.#options;
    // In the original's format our own heartbeat, coming back, would look like a twin's.
    const self = apart === "self";
    if (self && (!trailer || socket.localAddresses.includes(to))) return;
    this.#asksItself ||= self;
    // The echo of a signed heartbeat then tells us, by our own clock, when we sent it.
    const time = keyring ? clock.nowMs() * 1_000 : clock.wallMs();
    this.#sequence = nextSequence(this.#sequence, time);
    // Unsigned, only the sequence tells ours from a twin's, and two clocks can show the same millisecond.
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
    }, { shadow });
    // A heartbeat to our own address cannot leave from that address; that is not a fault.
    const leave = (datagram: Uint8Array) =>
      self ? socket.reply(datagram, to, port) : socket.send(datagram, to, port, source);
    if (keyring) keyring.sign(bytes, leave);
    else leave(bytes);
  }
}
