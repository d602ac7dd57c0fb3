// Sends heartbeats of one family from the address that the peers know, whatever source the routes would choose: the
// kernel uses the address that a socket is bound to. The source port is arbitrary, because ours belongs to the
// receiving socket: sharing it (SO_REUSEADDR) would let other local processes take it over.
import { messageOf } from "../core/message_of.ts";

/** Shortest time between two attempts to bind the address. */
export const RETRY_MS = 250;

/** Why a heartbeat could not be sent from the address. */
export interface Failure {
  readonly reason: string;
  /**
   * True if the machine does not have the address. Otherwise the network may have failed, and another source would not
   * help.
   */
  readonly missing: boolean;
}

/** Sends from one address, as long as the machine has it. */
export class OwnSource {
  readonly address: string;
  readonly #nowMs: () => number;
  #socket: Deno.DatagramConn | null = null;
  #triedAtMs = -Infinity;
  #failure: Failure = { reason: "", missing: true };
  #closed = false;

  constructor(address: string, nowMs: () => number = () => performance.now()) {
    this.address = address;
    this.#nowMs = nowMs;
  }

  /** Sends one datagram; resolves to null when it was sent. Never rejects. */
  async send(bytes: Uint8Array, hostname: string, port: number): Promise<Failure | null> {
    const socket = this.#bound();
    if (socket === null) return this.#failure;
    try {
      await socket.send(bytes, { transport: "udp", hostname, port });
      return null;
    } catch (error) {
      this.#failure = {
        reason: `${messageOf(error)}: check the routes from there`,
        missing: false,
      };
      // Drop the socket: the next bind shows whether the address is gone.
      if (this.#socket === socket) this.#drop();
      this.#bound();
      return this.#failure;
    }
  }

  /** Gives up the socket for good. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #drop(): void {
    this.#socket?.close();
    this.#socket = null;
  }

  #bound(): Deno.DatagramConn | null {
    const early = this.#closed || this.#nowMs() < this.#triedAtMs + RETRY_MS;
    if (this.#socket !== null || early) return this.#socket;
    this.#triedAtMs = this.#nowMs();
    try {
      this.#socket = Deno.listenDatagram({ transport: "udp", hostname: this.address, port: 0 });
    } catch (error) {
      const cure = "put it on one, exoip tries again";
      this.#failure = { reason: `${bindingProblem(error)}: ${cure}`, missing: true };
    }
    return this.#socket;
  }
}

/** Why an address cannot be bound, in words for the operator. */
export function bindingProblem(error: unknown): string {
  const missing = error instanceof Deno.errors.AddrNotAvailable;
  return missing ? "no interface of this machine has it" : messageOf(error);
}
