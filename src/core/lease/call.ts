// Calls to the store that has the lease: requests, answers, and what the store shows.
import type { Advert } from "../heartbeat.ts";

/** Who has the lease. */
export interface LeaseRecord {
  /** The instance that owns it, or gave it up. */
  readonly instanceId: string;
  /** Its name, for people; left out if it is not known. */
  readonly name?: string;
  /** Set by an owner that has detached the Elastic IP: until the lease expires, only this instance may take it. */
  readonly releasedTo?: string;
  /** Unix time in ms at which the owner acquired it, by the owner's clock; for people. */
  readonly sinceWallMs: number;
  /** Identifies this state of the record: a different value means that the record has changed. */
  readonly revision: string;
}

/** What a node without heartbeats says about itself in the store. */
export interface Candidate {
  readonly instanceId: string;
  readonly name?: string;
  readonly says: Advert;
}

/** What the store shows at one moment. */
export interface LeaseSight {
  /** Null while nobody has the lease. */
  readonly record: LeaseRecord | null;
  /** The nodes that announce themselves, this one included. */
  readonly candidates: readonly Candidate[];
  /** Rises with every change in the store: of two sights, the one with the higher number is the later one. */
  readonly version: number;
}

/** A request to the store, see `LeaseStore` in world.ts. */
export type LeaseCall =
  | { readonly verb: "read" }
  /**
   * Takes the lease if the record still has that revision, or, for null, if there is still no record. `clean`: the
   * record releases it to us, so nobody else has the address.
   */
  | { readonly verb: "acquire"; readonly revision: string | null; readonly clean: boolean }
  | { readonly verb: "renew"; readonly token: string }
  /** `to`: the only instance that may take it, given once the Elastic IP is detached; null leaves it to any. */
  | { readonly verb: "release"; readonly token: string; readonly to: string | null }
  /** Keeps our candidate in the store; `session` comes from the last answer, null at first. */
  | { readonly verb: "announce"; readonly says: Advert; readonly session: string | null };

/** An answer of the store. */
export type LeaseAnswer =
  | { readonly verb: "read"; readonly sight: LeaseSight }
  /** The token of our lease; null if the record has changed meanwhile. */
  | { readonly verb: "acquire"; readonly token: string | null; readonly sight: LeaseSight }
  /** Whether the lease is still ours. */
  | { readonly verb: "renew"; readonly ours: boolean }
  | { readonly verb: "release" }
  | { readonly verb: "announce"; readonly session: string };
