// One entry of -p: an address, or a name with its current and recent addresses.
import { canonicalIp } from "../core/ip.ts";
import { type Fate, fateOf, type Place, reasonOf } from "./fate.ts";

/**
 * How long an address stays after it is missing from the answers. A resolver may give only some addresses each time;
 * and a record may be removed because its machine is dead, when the machine must still be evicted.
 */
export const LINGER_MS = 900_000;
/** Most addresses of one name; more are left out. */
export const ADDRESSES_MAX = 256;

/** The result of the last look-up. */
interface Outcome {
  /** Why it gave no usable address, null when it did. */
  readonly failure: string | null;
  /** Whether the name servers say that there is no such name. */
  readonly denied: boolean;
}

/** An entry of -p. */
export class NamedPeer {
  /** As it is configured. */
  readonly text: string;
  readonly literal: boolean;
  /** When its last look-up began. */
  askedAtMs = -Infinity;
  /** The look-up under way. */
  asking: Promise<void> | null = null;
  #last: Outcome = { failure: "no answer yet", denied: false };
  #leftOut: readonly (readonly [address: string, fate: Exclude<Fate, "peer">])[] = [];
  #cut = 0;
  /**
   * Addresses of other machines, each with the time since when it is missing from the answers; null if the last answer
   * had it.
   */
  readonly #addresses = new Map<string, number | null>();
  #isSelf = false;

  constructor(text: string, place: Place) {
    this.text = text;
    this.literal = canonicalIp(text) !== null;
    if (this.literal) this.absorb([text], { place, atMs: 0 });
  }

  /** The last known addresses of other machines. */
  get addresses(): string[] {
    return [...this.#addresses.keys()];
  }

  /** Whether the last usable answer was this machine. */
  get isSelf(): boolean {
    return this.#isSelf;
  }

  /** Whether anything is known about it: addresses, or that it is this machine. */
  get known(): boolean {
    return this.#isSelf || this.#addresses.size > 0;
  }

  /** Why the last look-up gave no usable address, null when it did. */
  get failure(): string | null {
    return this.#last.failure;
  }

  /** Whether the last look-up said that there is no such name. */
  get denied(): boolean {
    return this.#last.denied;
  }

  /** How many addresses were left out of the last answer. */
  get cut(): number {
    return this.#cut;
  }

  /** Takes in an answer. */
  absorb(answer: readonly string[], { place, atMs }: { place: Place; atMs: number }): void {
    const sorted = [...new Set(answer)].sort().map((each) => [each, fateOf(each, place)] as const);
    const peers = sorted.flatMap(([each, fate]) => fate === "peer" ? canonicalIp(each) ?? [] : []);
    const leftOut = sorted.flatMap(([each, fate]) =>
      fate === "peer" ? [] : [[each, fate] as const]
    );
    const self = leftOut.some(([, fate]) => fate === "self");
    this.#leftOut = leftOut.slice(0, ADDRESSES_MAX);
    this.#cut = Math.max(0, peers.length - ADDRESSES_MAX);
    if (peers.length === 0 && !self) {
      const reasons = this.#reasons(place).join(", ");
      const failure = leftOut.length === 0 ? "there is no such name" : `it has only ${reasons}`;
      this.#last = { failure, denied: true };
      return;
    }
    this.#last = { failure: null, denied: false };
    this.#isSelf = self;
    this.#keep(peers.slice(0, ADDRESSES_MAX), atMs);
  }

  /** Notes a failed look-up; known addresses stay. */
  fail(failure: string): void {
    this.#last = { failure, denied: false };
  }

  /** The addresses of the entry, as text for a person. */
  describe(place: Place): string {
    const { addresses, text } = this;
    const left = this.#reasons(place);
    if (this.failure !== null) {
      if (!this.known) return `cannot resolve ${text}: ${this.failure}`;
      return `${text} stays ${addresses.join(", ") || "this machine"}, though: ${this.failure}`;
    }
    const rest = [
      ...left,
      ...(this.#cut > 0 ? [`${this.#cut} more than ${ADDRESSES_MAX} addresses`] : []),
    ];
    const out = rest.length > 0 ? `; left out: ${rest.join(", ")}` : "";
    if (addresses.length > 0) return `${text} is ${addresses.join(", ")}${out}`;
    const own = this.literal ? "" : `: ${this.#leftOut.map(([address]) => address).join(", ")}`;
    return `${text} is this machine${own}`;
  }

  #reasons({ hostname }: Place): string[] {
    return this.#leftOut.map(([address, fate]) => reasonOf(address, fate, hostname));
  }

  /** Keeps the new addresses and, as far as there is room, old ones that have not been missing for long. */
  #keep(answered: readonly string[], atMs: number): void {
    const before = [...this.#addresses].filter(([address]) => !answered.includes(address))
      .map(([address, sinceMs]) => [address, sinceMs ?? atMs] as const)
      .filter(([, sinceMs]) => atMs < sinceMs + LINGER_MS)
      .sort(([, one], [, other]) => other - one);
    this.#addresses.clear();
    for (const address of answered) this.#addresses.set(address, null);
    for (const [address, sinceMs] of before.slice(0, ADDRESSES_MAX - answered.length)) {
      this.#addresses.set(address, sinceMs);
    }
  }
}
