// Heartbeats of one family, sent from the address that the peers know, whatever source the routes would choose: the
// kernel takes the address that a socket is bound to. The port is any, since ours belongs to the socket that receives:
// sharing it (SO_REUSEADDR) would let other local processes take it over.
import { messageOf } from "../core/message_of.ts";

/** While the address cannot be bound it is tried again, at most so often. */
export const RETRY_MS = 250;

/** Why a heartbeat could not leave from there. */
export interface Failure {
  readonly reason: string;
  /** The address itself is missing; else the network may be at fault, and nothing leaves from elsewhere either. */
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

  /** Sends one datagram; resolves to null when it has left. Never rejects. */
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
      // Binding it again tells whether the address has gone.
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
