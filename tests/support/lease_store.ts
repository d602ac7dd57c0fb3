// A store of one lease for a node that a test steps by hand: it answers at once, fails when told to, and forgets
// nothing by itself.
import type { LeaseAnswer, LeaseCall, LeaseRecord, LeaseSight } from "../../src/core/lease/call.ts";

/** The other node that can own the lease. */
export const OTHER_OWNER = {
  instanceId: "00000000-0000-4000-8000-000000000001",
  name: "edge-2",
};

/** The store. */
export class StoreFixture {
  record: LeaseRecord | null = null;
  /** Whether calls fail. */
  fails = false;
  #version = 0;

  /** Unix time at 0 of the clock, and the only node that asks. */
  constructor(
    readonly self: string,
    readonly epochMs: number,
  ) {}

  /** Another node owns it, or somebody gave it up. */
  give(record: Pick<LeaseRecord, "instanceId" | "name" | "releasedTo">, sinceMs: number): void {
    this.#set({ ...record, sinceWallMs: this.epochMs + sinceMs, revision: "" });
  }

  /** What it shows. */
  sight(): LeaseSight {
    return { record: this.record, candidates: [], version: this.#version };
  }

  /** The answer to that call, null if it fails. */
  answer(call: LeaseCall, nowMs: number): LeaseAnswer | null {
    if (this.fails) return null;
    const { verb } = call, owned = this.record?.instanceId === this.self && !this.record.releasedTo;
    switch (verb) {
      case "read":
        return { verb, sight: this.sight() };
      case "acquire": {
        const free = (this.record?.revision ?? null) === call.revision;
        if (free) this.give({ instanceId: this.self }, nowMs);
        return { verb, token: free ? `token ${this.#version}` : null, sight: this.sight() };
      }
      case "renew":
        return { verb, ours: owned };
      case "release":
        if (call.to === null) this.#set(null);
        else this.give({ instanceId: this.self, releasedTo: call.to }, nowMs);
        return { verb };
      case "announce":
        return { verb, session: "session" };
      default:
        return call satisfies never;
    }
  }

  #set(record: LeaseRecord | null): void {
    this.#version += 1;
    this.record = record && { ...record, revision: `${this.#version}` };
  }
}
