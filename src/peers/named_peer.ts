// One entry of -p: an address, or a name with the addresses that it has and had.
import { canonicalIp } from "../core/ip.ts";
import { type Fate, fateOf, type Place, reasonOf } from "./fate.ts";

/**
 * How long an address stays that the answers lack. A resolver may give a part of them each time; and a record is
 * removed because its machine is dead, which is when the Elastic IP must still be taken from it.
 */
export const LINGER_MS = 900_000;
/** Addresses of one name; more are left out. */
export const ADDRESSES_MAX = 256;

/** What came of the last look-up. */
interface Outcome {
  /** Why it gave nothing that can be used, null when it did. */
  readonly failure: string | null;
  /** The name servers say that there is no such peer. */
  readonly denied: boolean;
}

/** An entry. */
export class NamedPeer {
  /** As it is configured. */
  readonly text: string;
  readonly literal: boolean;
  /** When it was last asked about. */
  askedAtMs = -Infinity;
  /** The look-up that is under way. */
  asking: Promise<void> | null = null;
  #last: Outcome = { failure: "no answer yet", denied: false };
  #leftOut: readonly (readonly [address: string, fate: Exclude<Fate, "peer">])[] = [];
  #cut = 0;
  /** Those of other machines, each with the instant since which the answers lack it, null when the last one had it. */
  readonly #addresses = new Map<string, number | null>();
  #isSelf = false;

  constructor(text: string, place: Place) {
    this.text = text;
    this.literal = canonicalIp(text) !== null;
    if (this.literal) this.absorb([text], { place, atMs: 0 });
  }

  /** Addresses of other machines, as last known. */
  get addresses(): string[] {
    return [...this.#addresses.keys()];
  }

  /** Whether it was this machine at the last answer that could be used. */
  get isSelf(): boolean {
    return this.#isSelf;
  }

  /** Whether anything is known of it: addresses, or that it is this machine. */
  get known(): boolean {
    return this.#isSelf || this.#addresses.size > 0;
  }

  /** Why the last look-up gave nothing that can be used, null when it did. */
  get failure(): string | null {
    return this.#last.failure;
  }

  /** Whether the last look-up said that there is no such peer. */
  get denied(): boolean {
    return this.#last.denied;
  }

  /** Addresses that the last answers had too many of. */
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

  /** The look-up has failed: what was known stays. */
  fail(failure: string): void {
    this.#last = { failure, denied: false };
  }

  /** Text for a person: what it stands for. */
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

  /** The new ones, and of the old ones those that have not been lacking for long, as far as there is room. */
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
