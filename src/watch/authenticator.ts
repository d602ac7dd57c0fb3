// Accepts or rejects each heartbeat once, before it reaches the node. With a shared secret its signature must be right.
// The signature is checked last, so that a flood which fails any other test costs no cryptography, and one at a time,
// so that a flood which passes them takes no memory.
import { accept, type Accepted, type Rejected } from "../core/election/accept.ts";
import type { Election, TwinHeard } from "../core/election/state.ts";
import { hasTag, type Heartbeat } from "../core/heartbeat.ts";
import type { NodeEvent } from "../core/node_state.ts";
import type { Refusals } from "./refusals.ts";
import type { Twins } from "./twins.ts";
import type { Signing } from "../host/keyring.ts";
import type { Clock } from "../world.ts";

/** What the authenticator needs from the watchdog. */
export interface AuthenticatorOptions {
  readonly clock: Pick<Clock, "nowMs">;
  /** Null when heartbeats are not signed. */
  readonly keyring: Signing | null;
  /** Accept unsigned heartbeats until their sender has signed one. */
  readonly acceptUnsigned: boolean;
  readonly refusals: Pick<Refusals, "refuse">;
  /** Handles the heartbeats with our own id. */
  readonly twins: Pick<Twins, "admit">;
}

/** A heartbeat and the node that it is for. */
export interface Arrival {
  readonly bytes: Uint8Array;
  readonly from: string;
  readonly heartbeat: Heartbeat;
  /** The node's current election. */
  readonly election: Election;
  readonly deliver: (event: NodeEvent) => void;
}

/** Accepts or rejects heartbeats. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Delivers what the node must know and counts the rest. Returns a promise when a signature must be checked first. */
  admit(arrival: Arrival): Promise<void> | void {
    const { clock, keyring, acceptUnsigned, refusals, twins } = this.#options;
    const { bytes, from, heartbeat, election, deliver } = arrival;
    const signed = keyring !== null && hasTag(bytes);
    const verdict = accept(election, { from, heartbeat, signed }, clock.nowMs());
    if (verdict.kind === "rejected") {
      if (verdict.reason === "own-id") {
        const toNode = (heard: TwinHeard) => deliver({ kind: "twin-heard", ...heard });
        return twins.admit({ bytes, from, heartbeat, deliver: toNode });
      }
      // Rejected whatever its signature is. Check it only if an answer is due: only a sender with the secret gets one.
      if (!verdict.answerDue) return deliver(verdict);
    }
    if (!keyring) return deliver(verdict);
    if (!signed) return acceptUnsigned ? deliver(verdict) : refusals.refuse(from, "unsigned");
    const { keyId = 0 } = heartbeat.trailer ?? {};
    if (!keyring.knows(keyId)) return refusals.refuse(from, "unknown-key");
    return this.#check(arrival, verdict, { keyring, keyId });
  }

  async #check(
    { bytes, deliver }: Arrival,
    verdict: Accepted | Rejected,
    { keyring, keyId }: { keyring: Signing; keyId: number },
  ): Promise<void> {
    if (await keyring.verify(bytes, keyId)) deliver(verdict);
    else this.#options.refusals.refuse(verdict.from, "bad-tag");
  }
}
