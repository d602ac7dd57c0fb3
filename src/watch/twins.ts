// Heartbeats with our own instance id. Our own come back if we send to an address that leads to ourselves; any other
// comes from a machine that uses our id. The core decides what follows from that.
import { hasSignature, type Heartbeat } from "../core/heartbeat.ts";
import type { Refusals } from "./refusals.ts";
import type { Signing } from "../host/keyring.ts";
import type { Sender } from "./sender.ts";
import type { Clock } from "../world.ts";
import type { TwinHeard } from "../core/election/state.ts";

/** Shortest time between two checks of a signature: limits the cryptography that a flood with our id costs. */
const CHECK_MS = 100;

/** What is needed to tell our own heartbeats from a twin's. */
export interface TwinsOptions {
  readonly clock: Clock;
  /** Null when heartbeats are not signed. */
  readonly keyring: Signing | null;
  /** This process's run. */
  readonly run: bigint;
  readonly acceptUnsigned: boolean;
  /** Whether our own heartbeats have a sequence, by which we recognise them. */
  readonly trailer: boolean;
  readonly sender: Pick<Sender, "hasSent" | "asksItself">;
  readonly refusals: Pick<Refusals, "refuse" | "count">;
  /** Addresses of this machine. */
  readonly localAddresses: readonly string[];
}

/** A received heartbeat with our id. */
interface Arrival {
  readonly bytes: Uint8Array;
  readonly from: string;
  readonly heartbeat: Heartbeat;
  readonly deliver: (heard: TwinHeard) => void;
}

/** Tells our own heartbeats from a twin's. */
export class Twins {
  readonly #options: TwinsOptions;
  #checkedAtMs = -Infinity;

  constructor(options: TwinsOptions) {
    this.#options = options;
  }

  /** Delivers a heartbeat of another machine. Returns a promise when a signature must be checked first. */
  admit({ bytes, from, heartbeat, deliver }: Arrival): Promise<void> | void {
    const { keyring, acceptUnsigned, clock, refusals, sender } = this.#options;
    if (this.#isOwn(from, heartbeat)) {
      return sender.asksItself ? undefined : refusals.refuse(from, "own-id");
    }
    const { sequence = null, stamp = null, intervalMs = null } = heartbeat.trailer ?? {};
    const heard = { from, sequence, stamp, intervalMs };
    const isSigned = keyring !== null && hasSignature(bytes);
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

  /** Judged by the sender, the run or the sequence. In the original's format a twin's heartbeat looks like ours. */
  #isOwn(from: string, { trailer }: Heartbeat): boolean {
    const { localAddresses, sender, run, trailer: told } = this.#options;
    if (localAddresses.includes(from) || trailer?.stamp?.run === run) return true;
    if (trailer?.stamp && this.#options.keyring) return false;
    return trailer === null ? !told : sender.hasSent(trailer.sequence);
  }
}
