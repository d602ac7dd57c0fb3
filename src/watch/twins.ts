// Heartbeats with our own instance id. Our own come back where we send to an address that leads to ourselves; any other
// is from a machine that takes itself for us. What follows from that is decided in the core.
import { hasTag, type Heartbeat } from "../core/heartbeat.ts";
import type { Refusals } from "./refusals.ts";
import type { Signing } from "../host/keyring.ts";
import type { Sender } from "./sender.ts";
import type { Clock } from "../world.ts";
import type { TwinHeard } from "../core/election/state.ts";

/** Shortest time between two tags that are looked at: a flood with our id costs no more cryptography. */
const CHECK_MS = 100;

/** What it takes to tell them apart. */
export interface TwinsOptions {
  readonly clock: Clock;
  /** Null when heartbeats are not signed. */
  readonly keyring: Signing | null;
  /** Of this process. */
  readonly run: bigint;
  readonly acceptUnsigned: boolean;
  /** Whether our own heartbeats have a sequence by which we know them again. */
  readonly trailer: boolean;
  readonly sender: Pick<Sender, "hasSent" | "asksItself">;
  readonly refusals: Pick<Refusals, "refuse" | "count">;
  /** Addresses of this machine. */
  readonly localAddresses: readonly string[];
}

/** One that came in. */
interface Arrival {
  readonly bytes: Uint8Array;
  readonly from: string;
  readonly heartbeat: Heartbeat;
  readonly deliver: (heard: TwinHeard) => void;
}

/** Tells them apart. */
export class Twins {
  readonly #options: TwinsOptions;
  #checkedAtMs = -Infinity;

  constructor(options: TwinsOptions) {
    this.#options = options;
  }

  /** Delivers those of another machine; a promise when a tag has to be checked first. */
  admit({ bytes, from, heartbeat, deliver }: Arrival): Promise<void> | void {
    const { keyring, acceptUnsigned, clock, refusals, sender } = this.#options;
    if (this.#isOwn(from, heartbeat)) {
      return sender.asksItself ? undefined : refusals.refuse(from, "own-id");
    }
    const { sequence = null, stamp = null, intervalMs = null } = heartbeat.trailer ?? {};
    const heard = { from, sequence, stamp, intervalMs };
    const isSigned = keyring !== null && hasTag(bytes);
    if (!isSigned) {
      refusals.refuse(from, keyring && !acceptUnsigned ? "unsigned" : "own-id");
      if (!keyring || acceptUnsigned) deliver({ ...heard, signed: false });
      return;
    }
    const { nowMs } = clock;
    if (nowMs() < this.#checkedAtMs + CHECK_MS) return refusals.count(from, "own-id");
    this.#checkedAtMs = nowMs();
    return this.#check(keyring, bytes, { ...heard, signed: true }, {
      deliver,
      keyId: heartbeat.trailer?.keyId ?? 0,
    });
  }

  async #check(
    keyring: Signing,
    bytes: Uint8Array,
    heard: TwinHeard,
    { deliver, keyId }: Pick<Arrival, "deliver"> & { keyId: number },
  ): Promise<void> {
    const right = await keyring.verify(bytes, keyId);
    this.#options.refusals.refuse(heard.from, right ? "own-id" : "bad-tag");
    if (right) deliver(heard);
  }

  /** By the sender, the run or the sequence; two that speak the original's format cannot be told apart. */
  #isOwn(from: string, { trailer }: Heartbeat): boolean {
    const { localAddresses, sender, run, trailer: told } = this.#options;
    if (localAddresses.includes(from) || trailer?.stamp?.run === run) return true;
    if (trailer?.stamp && this.#options.keyring) return false;
    return trailer === null ? !told : sender.hasSent(trailer.sequence);
  }
}
