// What leaves: heartbeats, numbered, and sealed if there is a secret. Nothing here is waited for.
import { trailerFor } from "./core/advert.ts";
import { encode } from "./core/heartbeat.ts";
import type { Guard } from "./guard.ts";
import type { Seal } from "./seal.ts";
import type { Outgoing } from "./watch.ts";
import type { Link } from "./world.ts";

/** What sending needs. */
export interface SenderOptions {
  readonly link: Link;
  /** Null when heartbeats are not signed. */
  readonly seal: Seal | null;
  /** Knows the time that the peers know. */
  readonly guard: Pick<Guard, "sendingMs">;
  /** Port of every node. */
  readonly port: number;
  /** Whether heartbeats carry our trailer. */
  readonly trailer: boolean;
}

/** Sends heartbeats. */
export class Sender {
  readonly #options: SenderOptions;
  #sequence = 0;
  #sent = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Heartbeats so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Sends one. */
  send({ elasticIp, selfId, to, advert, hearsYou }: Outgoing): void {
    const { link, seal, guard, port, trailer } = this.#options;
    this.#sequence = Math.max(this.#sequence + 1, Math.floor(guard.sendingMs));
    this.#sent += 1;
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
