// The addresses of a name, within a bound, whatever the name servers do. The system's own resolver knows /etc/hosts and
// search domains, but asks one server after the other, five seconds each, and waits for AAAA records that we may not
// need; the runtime's asks several servers at once, and the complete name alone. So the second helps when the first
// lags.
import { canonicalIp } from "../core/ip.ts";
import type { Clock } from "../world.ts";

/** Address families. */
export type Family = 4 | 6;

/**
 * Where names are looked up. Both may take long and cannot be ended. They resolve to nothing when the answer is that
 * there is no such address, and reject when there is no answer.
 */
export interface NameSources {
  /** As every program of this machine does. */
  readonly system: (name: string, family: Family) => Promise<readonly string[]>;
  /** The records of the complete name, from the name servers alone. */
  readonly servers: (name: string, family: Family) => Promise<readonly string[]>;
  /** For messages: `192.0.2.1, 192.0.2.2 (/etc/resolv.conf)`, empty when it cannot be known. */
  readonly described: () => string;
  /** Why there is no name server to ask: `/etc/resolv.conf is not there`; null when there is one, or perhaps. */
  readonly missing?: () => string | null;
}

/** Longest look-up that anybody waits for. What is still under way then may still help the next. */
export const LOOKUP_TIMEOUT_MS = 5_000;
/** How long the system's resolver is waited for before the name servers are asked directly, too. */
const SERVERS_AFTER_MS = 200;
/** How long the first family with an address waits for the other (RFC 8305 section 3: some 50 ms). */
const OTHER_FAMILY_MS = 100;
/**
 * How long an answer that came too late for whoever asked serves the next who asks: with many search domains the
 * system's resolver needs longer than anybody waits.
 */
const LATE_ANSWER_MS = 30_000;
/** More addresses of one name than this are not looked at. */
const ADDRESSES_MAX = 256;

/** A name of which nobody could tell an address in time. The message has the name and the name servers. */
export class NameFailure extends Error {
  override readonly name = "NameFailure";
}

/** Looks names up. One look-up of a name serves all who ask for it meanwhile. */
export class Names {
  readonly #sources: NameSources;
  readonly #clock: Clock;
  readonly #running = new Map<string, Promise<readonly string[]>>();
  /** Answers that came late, by what was asked. */
  readonly #late = new Map<
    string,
    { readonly addresses: readonly string[]; readonly atMs: number }
  >();
  readonly #systemMax: number;

  /**
   * `systemMax`: look-ups of the system's resolver at the same time. Each holds a thread of the runtime, of which there
   * are 32 for everything that may block, until it ends by itself.
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

  /** Who is asked, as far as it is known: `192.0.2.1, 192.0.2.2 (/etc/resolv.conf)`. */
  get servers(): string {
    return this.#sources.described();
  }

  /**
   * All addresses of the name, IPv4 first; none when that is the answer. Throws `NameFailure` when there is no answer,
   * at the latest after `LOOKUP_TIMEOUT_MS`.
   */
  async lookUp(name: string): Promise<readonly string[]> {
    // No name server knows it, and not every machine has it in /etc/hosts (RFC 6761 section 6.3).
    if (/^(.+\.)?localhost\.?$/i.test(name)) return ["127.0.0.1", "::1"];
    const asked = [
      this.#ask("system", name, 4),
      this.#ask("system", name, 6),
    ];
    // One label may need a search domain, which only the system's resolver appends.
    const direct = name.includes(".") ? this.#directly(name, asked) : [];
    const over = new AbortController();
    try {
      return await firstOf([...asked, ...direct], {
        // What the system cannot tell (some versions of the runtime never say why) the name servers can.
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

/** The addresses of the first source that has any and, if they come within a moment, those of the others. */
function firstOf(
  sources: readonly Promise<readonly string[]>[],
  { authority, late, pause }: {
    /** Those who decide, when nobody has any, whether there are none. */
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
