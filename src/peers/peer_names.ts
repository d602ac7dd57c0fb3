// The peers of -p while the program runs. It looks up their names at the start, repeatedly while they have no address,
// with each reading of the peer list, and at a reload. No heartbeat waits for a look-up, and no answer of a resolver,
// nor a missing one, ends the program.
import type { Host } from "../host/host.ts";
import type { Clock, Log, PeerList } from "../world.ts";
import { backoffMs } from "../core/backoff.ts";
import { canonicalIp } from "../core/ip.ts";
import type { Place } from "./fate.ts";
import { LookUps } from "./look_ups.ts";
import { NamedPeer } from "./named_peer.ts";
import { PeerLines, reasons } from "./peer_lines.ts";
import type { MissingPeer } from "../core/election/state.ts";

/** Longest wait of a starting watchdog for its names: it can begin without them, and sends nothing before. */
const START_MS = 2_000;
/** Time between two look-ups of a name without an address. */
const RETRY = { firstMs: 1_000, capMs: 5_000 };
/** Age up to which an answer is used again: several readings of the list at once cause one look-up. */
const FRESH_MS = 5_000;

/** The peers as the core gets them. */
export interface NamedPeers {
  readonly addresses: readonly string[];
  readonly missing: readonly MissingPeer[];
}

/** What `PeerNames` needs. */
export interface NamesOptions {
  readonly host: Pick<Host, "lookup" | "interfaces"> & { readonly clock: Clock };
  /** The address that the socket is bound to. */
  readonly hostname: string;
  readonly log: Log;
}

/** The result of a reload; nothing has changed if there are problems. */
export interface Renewal {
  readonly problems: readonly string[];
  /** New addresses. */
  readonly news: readonly string[];
  /** Names that cannot be resolved now, so that their known addresses stay. */
  readonly stale: readonly string[];
}

/** The peers by name. */
export class PeerNames {
  readonly #options: NamesOptions;
  readonly #place: Place;
  readonly #lines: PeerLines;
  readonly #lookUps: LookUps;
  #entries: readonly NamedPeer[];
  /** Addresses for which the cloud, at the last reading, had no machine, several, or our own one. */
  #unplaced: ReadonlyMap<string, number> = new Map();
  #own: ReadonlySet<string> = new Set();
  /** What the core was told last. */
  #told: NamedPeers = { addresses: [], missing: [] };
  #tell: ((peers: Partial<NamedPeers>) => void) | null = null;

  constructor(texts: readonly string[], options: NamesOptions) {
    this.#options = options;
    this.#place = { hostname: options.hostname, own: ownAddresses(options.host) };
    this.#lines = new PeerLines(options.host.clock, { log: options.log, place: this.#place });
    this.#lookUps = new LookUps(options.host, {
      place: this.#place,
      answered: (entry, news) => this.#answered(entry, news),
    });
    this.#entries = texts.map((text) => new NamedPeer(text, this.#place));
  }

  /** Whether some of them are names, whose addresses may change. */
  get named(): boolean {
    return this.#entries.some(({ literal }) => !literal);
  }

  /** One line for each entry that is a name, and whether it can be used. */
  describe(): { readonly usable: boolean; readonly text: string }[] {
    return this.#entries.filter(({ literal, addresses }) => !literal || addresses.length === 0)
      .map((entry) => ({ usable: entry.failure === null, text: entry.describe(this.#place) }));
  }

  /** The name that has that address; null if the address itself is configured, or is not known. */
  nameOf(address: string): string | null {
    const has = ({ literal, addresses }: NamedPeer) => !literal && addresses.includes(address);
    return this.#entries.find(has)?.text ?? null;
  }

  /** The first look-up. Resolves when it has ended, or after `patienceMs`. */
  async start(signal: AbortSignal, patienceMs: number = START_MS): Promise<NamedPeers> {
    await this.#lookUps.run(this.#entries, { signal, patienceMs });
    return this.#told = this.#now();
  }

  /**
   * From now on passes changes to `tell`, at once those since the start, and keeps looking up names without an address.
   */
  follow(tell: (peers: Partial<NamedPeers>) => void, signal: AbortSignal): void {
    this.#tell = tell;
    this.#lines.sayFound(this.#entries);
    this.#change(this.#now());
    this.#publish();
    void this.#retry(signal);
  }

  /** Reads the peer list from the cloud, by the names' current addresses. Throws what `read` throws. */
  async members(read: (addresses: readonly string[]) => Promise<PeerList>): Promise<PeerList> {
    const freshMs = this.#options.host.clock.nowMs() - FRESH_MS;
    await this.#lookUps.run(this.#entries.filter(({ askedAtMs }) => askedAtMs <= freshMs));
    this.#publish();
    const addresses = this.#candidates();
    const membership = await read(addresses);
    const { unplaced = [], peers } = membership;
    this.#unplaced = new Map(unplaced.map(({ address, count }) => [address, count]));
    const others = new Set(peers.map(({ address }) => address));
    this.#own = new Set(addresses.filter((each) => !others.has(each) && !this.#unplaced.has(each)));
    for (const entry of this.#entries) {
      this.#lines.sayUnplaced(entry, { unplaced: this.#unplaced, lost: this.#lost(entry) });
    }
    const missing = this.#missing();
    this.#told = { addresses: peers.map(({ address }) => address), missing };
    return { ...membership, missing };
  }

  /** Replaces the entries, and looks up all names. */
  async renew(texts: readonly string[]): Promise<Renewal> {
    const old = new Map(this.#entries.map((entry) => [entry.text, entry]));
    const before = new Set(this.#candidates());
    const entries = texts.map((text) => old.get(text) ?? new NamedPeer(text, this.#place));
    await this.#lookUps.run(entries);
    const strange = entries.filter((entry) => !entry.known && !old.has(entry.text));
    if (strange.length > 0) {
      return { problems: [`cannot resolve ${reasons(strange)}`], news: [], stale: [] };
    }
    this.#entries = entries;
    const news = entries.flatMap(({ text, literal, addresses }) => {
      const added = addresses.filter((address) => !before.has(address));
      return literal || added.length === 0 ? [] : [`${text} is now ${added.join(", ")}, too`];
    });
    const stale = entries.filter(({ known, failure }) => known && failure !== null)
      .map((entry) => entry.describe(this.#place));
    this.#change(this.#now());
    return { problems: [], news, stale };
  }

  /** A name without an address now has some: tell the core at once, without waiting for the cloud. */
  #answered(entry: NamedPeer, { found }: { found: boolean }): void {
    this.#lines.sayCut(entry);
    if (!found || !this.#tell || !this.#entries.includes(entry)) return;
    this.#lines.sayFound([entry]);
    const addresses = [...new Set([...this.#told.addresses, ...this.#useful(entry)])];
    this.#change({ addresses, missing: this.#missing() });
  }

  async #retry(signal: AbortSignal): Promise<void> {
    for (let repeats = 0; !signal.aborted; repeats++) {
      const unknown = this.#entries.filter(({ known, literal }) => !known && !literal);
      if (unknown.length === 0) return;
      await this.#options.host.clock.sleep(backoffMs(RETRY, repeats), signal);
      if (signal.aborted) return;
      await this.#lookUps.run(unknown);
      this.#publish();
    }
  }

  /** Logs changes, and tells the core which peers are missing now, if that has changed. */
  #publish(): void {
    this.#lines.sayUnresolved(this.#entries);
    const missing = this.#missing();
    if (same(missing, this.#told.missing)) return;
    this.#told = { ...this.#told, missing };
    this.#tell?.({ missing });
  }

  #change(peers: NamedPeers): void {
    const { addresses, missing } = this.#told;
    const changed = !same([...peers.addresses].sort(), [...addresses].sort());
    if (!changed && same(peers.missing, missing)) return;
    this.#told = peers;
    this.#tell?.(changed ? peers : { missing: peers.missing });
  }

  #now(): NamedPeers {
    const addresses = [...new Set(this.#entries.flatMap((entry) => this.#useful(entry)))];
    return { addresses, missing: this.#missing() };
  }

  #candidates(): string[] {
    return [...new Set(this.#entries.flatMap(({ addresses }) => addresses))];
  }

  /** Its addresses, without those for which the cloud has no machine or our own. */
  #useful({ addresses }: NamedPeer): string[] {
    return addresses.filter((each) => !this.#unplaced.has(each) && !this.#own.has(each));
  }

  /** Names without an address, and entries without a machine at any of their addresses. */
  #missing(): MissingPeer[] {
    return this.#entries.flatMap((entry) => {
      if (!entry.known) return { peer: entry.text, denied: entry.denied };
      return this.#lost(entry) ? { peer: entry.text, denied: true } : [];
    });
  }

  /** Whether none of its addresses has a machine. An address of this machine's other interfaces needs none. */
  #lost(entry: NamedPeer): boolean {
    const { addresses, isSelf } = entry;
    return addresses.length > 0 && !isSelf &&
      addresses.every((each) => this.#unplaced.has(each) && !this.#place.own.includes(each));
  }
}

function ownAddresses({ interfaces }: Pick<Host, "interfaces">): string[] {
  try {
    return interfaces().map(({ address }) => canonicalIp(address) ?? address);
  } catch {
    return [];
  }
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
