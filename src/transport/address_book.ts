// What requests have taught about addresses: at which ones a name answered, and which ones left a request without an
// answer. A server can prove who it is and answer nothing all the same; of several addresses it is then tried last.
import type { Clock } from "../world.ts";

/** Addresses that are remembered for one name. */
const GOOD_MAX = 4;
/** How long one that did not answer is tried after the others, and how many of these are remembered. */
const SUSPECT_MS = 60_000, SUSPECTS_MAX = 64;

/** Remembers it. */
export class AddressBook {
  readonly #clock: Clock;
  readonly #good = new Map<string, string[]>();
  readonly #suspectUntilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Where the name answered last, the latest first. */
  good(name: string): readonly string[] {
    return this.#good.get(name) ?? [];
  }

  /** A request to the name was answered there. */
  answered(name: string, address: string): void {
    const others = this.good(name).filter((each) => each !== address);
    this.#good.set(name, [address, ...others].slice(0, GOOD_MAX));
    this.#suspectUntilMs.delete(address);
  }

  /** A request that was sent there has no answer, or not yet while it ought to. */
  unanswered(address: string): void {
    this.#suspectUntilMs.delete(address);
    this.#suspectUntilMs.set(address, this.#clock.nowMs() + SUSPECT_MS);
    const [oldest] = this.#suspectUntilMs.keys();
    if (this.#suspectUntilMs.size > SUSPECTS_MAX && oldest !== undefined) {
      this.#suspectUntilMs.delete(oldest);
    }
  }

  /** Whether others should be tried before. */
  isSuspect(address: string): boolean {
    return (this.#suspectUntilMs.get(address) ?? -Infinity) > this.#clock.nowMs();
  }
}
