// The addresses of a name, within a time limit, whatever the name servers do. The system's resolver knows /etc/hosts
// and search domains, but asks one server after the other, five seconds each, and waits for AAAA records that we may
// not need. The runtime's resolver asks several servers at once, but only for the complete name. So the runtime's
// resolver helps when the system's lags.
import { canonicalIp } from "../core/ip.ts";
import type { Clock } from "../world.ts";

/** Address families. */
export type Family = 4 | 6;

/**
 * The two resolvers. Both may take long and cannot be cancelled. They resolve to an empty list when the answer is that
 * there is no such address, and reject when there is no answer.
 */
export interface NameSources {
  /** The system's resolver, as every program on this machine uses it. */
  readonly system: (name: string, family: Family) => Promise<readonly string[]>;
  /** The records of the complete name, from the name servers alone. */
  readonly servers: (name: string, family: Family) => Promise<readonly string[]>;
  /** For messages: `192.0.2.1, 192.0.2.2 (/etc/resolv.conf)`, empty when unknown. */
  readonly described: () => string;
  /** Why there is no name server to ask: `/etc/resolv.conf is not there`; null when there is one, or may be. */
  readonly missing?: () => string | null;
}

/** Longest wait for a lookup. One that is still under way then may still help the next caller. */
export const LOOKUP_TIMEOUT_MS = 5_000;
/** How long to wait for the system's resolver before asking the name servers directly, too. */
const SERVERS_AFTER_MS = 200;
/** How long the first family with an address waits for the other (RFC 8305 section 3: some 50 ms). */
const OTHER_FAMILY_MS = 100;
/**
 * How long an answer that came too late for its caller serves the next caller: with many search domains the system's
 * resolver needs longer than any caller waits.
 */
const LATE_ANSWER_MS = 30_000;
/** Most addresses per name that are used. */
const ADDRESSES_MAX = 256;

/** A name for which no address was found in time. The message has the name and the name servers. */
export class NameFailure extends Error {
  override readonly name = "NameFailure";
}

/** Looks up names. Simultaneous callers share one lookup per name. */
export class Names {
  readonly #sources: NameSources;
  readonly #clock: Clock;
  readonly #running = new Map<string, Promise<readonly string[]>>();
  /** Answers that came late, by question. */
  readonly #late = new Map<
    string,
    { readonly addresses: readonly string[]; readonly atMs: number }
  >();
  readonly #systemMax: number;

  /**
   * `systemMax`: concurrent lookups of the system's resolver. Each holds a thread of the runtime until it ends by
   * itself, and there are 32 threads for everything that may block.
   */
  constructor(
    sources: NameSources,
    clock: Clock,
    { systemMax = Infinity }: { systemMax?: number } = {},
  ) {
    this.#sources = sources;
    this.#clock = clock;
    this.#systemMax = systemMax;
  }

  /** The name servers, as far as known: `192.0.2.1, 192.0.2.2 (/etc/resolv.conf)`. */
  get servers(): string {
    return this.#sources.described();
  }

  /**
   * All addresses of the name, IPv4 first; empty when the name has none. Throws `NameFailure` when there is no answer,
   * at the latest after `LOOKUP_TIMEOUT_MS`.
   */
  async lookUp(name: string): Promise<readonly string[]> {
    // No name server knows it, and not every machine has it in /etc/hosts (RFC 6761 section 6.3).
    if (/^(.+\.)?localhost\.?$/i.test(name)) return ["127.0.0.1", "::1"];
    const asked = [
      this.#ask("system", name, 4),
      this.#ask("system", name, 6),
    ];
    // A single label may need a search domain, which only the system's resolver appends.
    const direct = name.includes(".") ? this.#directly(name, asked) : [];
    const over = new AbortController();
    try {
      return await firstOf([...asked, ...direct], {
        // The name servers decide, because some versions of the runtime never say why the system's resolver failed.
        authority: direct.length > 0 ? direct : asked,
        late: this.#clock.sleep(LOOKUP_TIMEOUT_MS, over.signal),
        pause: () => this.#clock.sleep(OTHER_FAMILY_MS, over.signal),
      });
    } catch (error) {
      throw this.#failure(name, error);
    } finally {
      over.abort();
    }
  }

  /** Both families from the name servers, once the system's resolver has failed or taken too long. */
  #directly(
    name: string,
    asked: readonly Promise<readonly string[]>[],
  ): Promise<readonly string[]>[] {
    const over = new AbortController();
    const nonEmpty = asked.map((each) => each.then(({ length }) => length > 0 || Promise.reject()));
    const answered = Promise.any(nonEmpty).catch(() => false);
    const lagging = this.#clock.sleep(SERVERS_AFTER_MS, over.signal).then(() => false);
    const known = Promise.race([answered, lagging]).finally(() => over.abort());
    return ([4, 6] as const).map(async (family) =>
      await known ? [] : await this.#ask("servers", name, family)
    );
  }

  #ask(source: "system" | "servers", name: string, family: Family): Promise<readonly string[]> {
    const key = `${source} ${family} ${name}`;
    const running = this.#running.get(key);
    if (running) return running;
    const late = this.#late.get(key);
    this.#late.delete(key);
    const askedAtMs = this.#clock.nowMs();
    if (late && askedAtMs < late.atMs + LATE_ANSWER_MS) return Promise.resolve(late.addresses);
    const busy = [...this.#running.keys()].filter((each) => each.startsWith("system ")).length;
    if (source === "system" && busy >= this.#systemMax) {
      const failed = Promise.reject(new Error("too many look-ups under way"));
      failed.catch(() => {});
      return failed;
    }
    const asked = Promise.resolve().then(() => this.#sources[source](name, family))
      .then((addresses) => {
        const atMs = this.#clock.nowMs();
        if (atMs >= askedAtMs + LOOKUP_TIMEOUT_MS) this.#late.set(key, { addresses, atMs });
        return addresses;
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, asked);
    asked.catch(() => {});
    return asked;
  }

  #failure(name: string, error: unknown): NameFailure {
    const missing = this.#sources.missing?.() ?? null;
    if (missing !== null) {
      const what = `${missing}, so that no name server is asked, and /etc/hosts does not know`;
      return new NameFailure(`${what}: ${name}`, { cause: error });
    }
    const servers = this.#sources.described();
    const where = servers === "" ? "" : `; name servers: ${servers}`;
    const reason = error instanceof Late
      ? `no answer from the name servers within ${LOOKUP_TIMEOUT_MS / 1_000} s`
      : "the name servers do not know";
    return new NameFailure(`${reason}: ${name}${where}`, { cause: error });
  }
}

class Late extends Error {}

/** The addresses of the first source that has any, and those of the others if they follow shortly. */
function firstOf(
  sources: readonly Promise<readonly string[]>[],
  { authority, late, pause }: {
    /** The sources that decide whether the name has no address at all. */
    authority: readonly Promise<readonly string[]>[];
    late: Promise<void>;
    pause: () => Promise<void>;
  },
): Promise<readonly string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
  const found: (readonly string[])[] = sources.map(() => []);
  let open = sources.length, pausing = false;
  let failure: unknown = null;
  const all = () => {
    const known = found.flat().map((address) => canonicalIp(address) ?? address);
    const addresses = [...new Set(known)].slice(0, ADDRESSES_MAX);
    return addresses.toSorted((one, other) =>
      Number(one.includes(":")) - Number(other.includes(":"))
    );
  };
  const settle = () => {
    const addresses = all();
    if (addresses.length > 0 && (open === 0 || !pausing)) {
      pausing = true;
      if (open === 0) return resolve(addresses);
      return void pause().then(() => resolve(all()));
    }
    if (open === 0) failure === null ? resolve([]) : reject(failure);
  };
  sources.forEach((source, index) =>
    source.then((addresses) => found[index] = addresses, (error) => {
      if (authority.includes(source)) failure ??= error;
    })
      .finally(() => {
        open -= 1;
        settle();
      })
  );
  late.then(() => reject(new Late()));
  return promise;
}
