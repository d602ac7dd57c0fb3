// What becomes of a heartbeat before the node hears of it: with a shared secret its tag must be right. The tag is
// looked at last, so that a flood which fails any other test costs no cryptography, and one at a time, so that a flood
// which fails none takes no memory.
import type { Election, Heard } from "../core/election/state.ts";
import { meetUnproven } from "../core/election/hear.ts";
import { hasTag } from "../core/heartbeat.ts";
import { rejectionOf } from "../core/election/accept.ts";
import type { Refusals } from "./refusals.ts";
import type { Signing } from "../host/keyring.ts";
import type { Clock } from "../world.ts";

/** What the authenticator needs of the watchdog. */
export interface AuthenticatorOptions {
  readonly clock: Pick<Clock, "nowMs">;
  /** Null when heartbeats are not signed. */
  readonly keyring: Signing | null;
  /** Unsigned heartbeats are heard until their sender has signed one. */
  readonly acceptUnsigned: boolean;
  readonly refusals: Pick<Refusals, "refuse">;
}

/** A heartbeat on its way to the node that it is for. */
export interface Arrival {
  readonly bytes: Uint8Array;
  readonly heard: Heard;
  readonly election: Election;
  readonly deliver: (heard: Heard) => void;
}

/** Lets heartbeats through, or not. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Delivers what may be believed and counts the rest; a promise when a tag has to be checked first. */
  admit(arrival: Arrival): Promise<void> | void {
    const { clock, keyring, acceptUnsigned, refusals } = this.#options;
    const { bytes, election, deliver } = arrival;
    const { from, heartbeat } = arrival.heard;
    if (!keyring) return deliver(arrival.heard);
    const heard: Heard = { from, heartbeat, signed: hasTag(bytes) };
    const atMs = clock.nowMs();
    const reason = rejectionOf(election, heard, atMs);
    // An unproven one is answered, and an answer is owed only to who has the secret.
    const answered = reason === "unproven" && meetUnproven(election, heard, atMs) !== election;
    // What the node refuses anyway it may refuse itself: the tag could only make it worse.
    if (reason !== null && !answered) return deliver({ ...heard, refusedAs: reason });
    if (!heard.signed) return acceptUnsigned ? deliver(heard) : refusals.refuse(from, "unsigned");
    const { keyId = 0 } = heartbeat.trailer ?? {};
    if (!keyring.knows(keyId)) return refusals.refuse(from, "unknown-key");
    return this.#check({ ...arrival, heard }, { keyring, keyId });
  }

  async #check(
    { bytes, heard, deliver }: Arrival,
    { keyring, keyId }: { keyring: Signing; keyId: number },
  ): Promise<void> {
    const { refusals } = this.#options, { from } = heard;
    if (await keyring.verify(bytes, keyId)) deliver(heard);
    else refusals.refuse(from, "bad-tag");
  }
}
