// What requests have shown about addresses: where a name answered, and where a request got no answer. A server can
// prove its identity and still answer nothing; such an address is tried after the others.
import type { Clock } from "../world.ts";

/** Addresses that are remembered per name. */
const GOOD_MAX = 4;
/** How long an address that did not answer is tried after the others, and how many such addresses are remembered. */
const SUSPECT_MS = 60_000, SUSPECTS_MAX = 64;

/** The memory. */
export class AddressBook {
  readonly #clock: Clock;
  readonly #good = new Map<string, string[]>();
  readonly #suspectUntilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Where the name last answered, the latest first. */
  good(name: string): readonly string[] {
    return this.#good.get(name) ?? [];
  }

  /** A request to the name was answered at this address. */
  answered(name: string, address: string): void {
    const others = this.good(name).filter((each) => each !== address);
    this.#good.set(name, [address, ...others].slice(0, GOOD_MAX));
    this.#suspectUntilMs.delete(address);
  }

  /** A request to this address failed, or is late. */
  unanswered(address: string): void {
    this.#suspectUntilMs.delete(address);
    this.#suspectUntilMs.set(address, this.#clock.nowMs() + SUSPECT_MS);
    const [oldest] = this.#suspectUntilMs.keys();
    if (this.#suspectUntilMs.size > SUSPECTS_MAX && oldest !== undefined) {
      this.#suspectUntilMs.delete(oldest);
    }
  }

  /** Whether other addresses should be tried first. */
  isSuspect(address: string): boolean {
    return (this.#suspectUntilMs.get(address) ?? -Infinity) > this.#clock.nowMs();
  }
}
