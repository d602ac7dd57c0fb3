// Looks up names: a few at a time, never the same name twice at once, and each caller says how long it waits.
import { messageOf } from "../core/message_of.ts";
import type { Host } from "../host/host.ts";
import type { Clock } from "../world.ts";
import type { Place } from "./fate.ts";
import type { NamedPeer } from "./named_peer.ts";

/** Longest wait of a caller; each look-up has a shorter bound of its own. */
export const PATIENT_MS = 6_000;
/** Names that are looked up at the same time: each needs some sockets, and unanswered ones delay the rest. */
const AT_ONCE = 64;

/** What look-ups need. */
export interface LookUpOptions {
  readonly place: Place;
  /** Called after each look-up; `found`: the name had no known address before. */
  readonly answered: (entry: NamedPeer, news: { found: boolean }) => void;
}

/** Looks up names. */
export class LookUps {
  readonly #host: Pick<Host, "lookup"> & { readonly clock: Clock };
  readonly #options: LookUpOptions;

  constructor(host: Pick<Host, "lookup"> & { readonly clock: Clock }, options: LookUpOptions) {
    this.#host = host;
    this.#options = options;
  }

  /** Looks these up and waits for at most the given time; later answers are still taken in. */
  async run(
    entries: readonly NamedPeer[],
    { signal, patienceMs = PATIENT_MS }: { signal?: AbortSignal; patienceMs?: number } = {},
  ): Promise<void> {
    const over = new AbortController();
    const until = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
    await Promise.race([this.#askAll(entries), this.#host.clock.sleep(patienceMs, until)]);
    over.abort();
  }

  async #askAll(entries: readonly NamedPeer[]): Promise<void> {
    const waiting = entries.filter(({ literal }) => !literal);
    const next = async (): Promise<void> => {
      for (let entry = waiting.shift(); entry; entry = waiting.shift()) {
        entry.asking ??= this.#ask(entry);
        await entry.asking;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  }

  async #ask(entry: NamedPeer): Promise<void> {
    const { place, answered } = this.#options;
    const { lookup, clock } = this.#host;
    const { known } = entry;
    try {
      entry.absorb(await lookup(entry.text), { place, atMs: clock.nowMs() });
    } catch (error) {
      entry.fail(messageOf(error));
    }
    entry.askedAtMs = clock.nowMs();
    entry.asking = null;
    answered(entry, { found: !known && entry.known });
  }
}
