// Opens connections. The address of a name that answers first wins, certificate included; the next one is tried when
// the one before has failed or has been silent for a moment (RFC 8305, "happy eyeballs"). Addresses where requests were
// answered come first, and are tried as well when the lookup of the name lags or fails.
import { messageOf } from "../core/message_of.ts";
import type { Clock } from "../world.ts";
import { close, Incoming, readHead, type Stream, writeRequest } from "./http1.ts";
import type { Proxy } from "./proxy_route.ts";
import { failureOf, TransportFailure, wantsOtherProtocol } from "./request.ts";

/** The far end of a connection. */
export interface Target {
  /** A name, or an address without brackets; the certificate must be for it. */
  readonly hostname: string;
  readonly port: number;
  readonly secure: boolean;
  readonly proxy: Proxy | null;
}

/** An open connection. */
export interface Dialed {
  readonly stream: Stream;
  /** The address at its other end: the proxy's, if there is one. */
  readonly address: string;
}

/** What dialing needs. */
export interface DialWorld {
  readonly clock: Clock;
  /** Extra certificate authorities, PEM. */
  readonly caCerts: readonly string[];
  /** All addresses of the name; throws `NameFailure`. */
  readonly lookUp: (name: string) => Promise<readonly string[]>;
  readonly book: AddressBook;
}

/** Delay between two attempts while none has failed. */
const STAGGER_MS = 250;
/** How long a lookup may take before the previous addresses are tried. */
const LOOKUP_PATIENCE_MS = 400;
/** Most addresses tried at once, and most per name. */
const AT_ONCE_MAX = 16, ADDRESSES_MAX = 256;

/** Connects. Throws `TransportFailure`; at the signal with the kind `aborted`. */
export async function dial(target: Target, world: DialWorld, signal: AbortSignal): Promise<Dialed> {
  const ending = new AbortController(), end = () => ending.abort();
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  const race = new Race(target, world, ending.signal);
  try {
    return await race.run();
  } finally {
    end(); // Nothing else that is under way is needed any more.
    signal.removeEventListener("abort", end);
  }
}

class Race {
  readonly #target: Target;
  readonly #world: DialWorld;
  readonly #signal: AbortSignal;
  readonly #waiting: string[] = [];
  readonly #tried = new Set<string>();
  readonly #outcome = Promise.withResolvers<Dialed>();
  #failure: TransportFailure | null = null;
  #running = 0;
  #over = false;
  /** Whether more addresses may come. */
  #looking = true;
  /** Wakes the loop that waits before the next attempt. */
  #hurry: () => void = () => {};

  constructor(target: Target, world: DialWorld, signal: AbortSignal) {
    this.#target = target;
    this.#world = world;
    this.#signal = signal;
  }

  async run(): Promise<Dialed> {
    const aborted = () => this.#reject(new TransportFailure("aborted", this.#stage));
    this.#signal.addEventListener("abort", aborted);
    if (this.#signal.aborted) aborted();
    else {
      void this.#load();
      void this.#start();
    }
    try {
      return await this.#outcome.promise;
    } finally {
      this.#over = true;
      this.#hurry();
      this.#signal.removeEventListener("abort", aborted);
    }
  }

  /** The current step, for the message when the caller gives up. */
  get #stage(): string {
    const { hostname, proxy } = this.#target;
    if (this.#tried.size === 0) return `looking up ${this.#hostname}`;
    const [first, ...others] = this.#tried;
    const more = others.length > 0 ? ` and ${others.length} more` : "";
    return proxy
      ? `connecting to ${hostname} through ${proxy.title}`
      : `connecting to ${hostname} at ${first}${more}`;
  }

  get #hostname(): string {
    return this.#target.proxy?.hostname ?? this.#target.hostname;
  }

  /** Collects the addresses to try. */
  async #load(): Promise<void> {
    const name = this.#hostname;
    if (isAddress(name)) return this.#loaded([name]);
    const { clock, lookUp, book } = this.#world;
    const known = book.good(name);
    const found = lookUp(name);
    const over = new AbortController();
    if (known.length > 0) {
      clock.sleep(LOOKUP_PATIENCE_MS, over.signal).then(() => this.#offer(known));
    }
    try {
      const addresses = await found;
      if (addresses.length === 0) this.#note(unknownName(name, this.#target.proxy));
      const all = [...inOrder(addresses, known), ...known];
      const suspect = all.filter((each) => book.isSuspect(each));
      this.#loaded([...all.filter((each) => !suspect.includes(each)), ...suspect]);
    } catch (error) {
      const reason = messageOf(error);
      this.#note(nameFailure(reason, this.#target.proxy, error));
      this.#loaded(known);
    } finally {
      over.abort();
    }
  }

  #loaded(addresses: readonly string[]): void {
    this.#looking = false;
    this.#offer(addresses);
    this.#settle();
  }

  #offer(addresses: readonly string[]): void {
    for (const address of addresses) {
      if (this.#tried.has(address) || this.#tried.size >= ADDRESSES_MAX) continue;
      this.#tried.add(address);
      this.#waiting.push(address);
    }
    this.#hurry();
  }

  /** Starts the attempts one after the other. */
  async #start(): Promise<void> {
    while (!this.#over) {
      const address = this.#running < AT_ONCE_MAX ? this.#waiting.shift() : undefined;
      if (address === undefined) {
        await new Promise<void>((resolve) => this.#hurry = resolve);
        continue;
      }
      this.#running += 1;
      void this.#attempt(address);
      const over = new AbortController();
      this.#hurry = () => over.abort();
      if (this.#waiting.length > 0 || this.#looking) {
        await this.#world.clock.sleep(STAGGER_MS, over.signal);
      }
    }
  }

  async #attempt(address: string): Promise<void> {
    try {
      const stream = await connect(address, this.#target, {
        caCerts: this.#world.caCerts,
        signal: this.#signal,
      });
      if (this.#over) stream.close();
      else this.#outcome.resolve({ stream, address });
      this.#over = true;
    } catch (error) {
      const failure = asFailure(error, this.#target, address);
      this.#note(failure);
      // The other addresses would fail alike, so the caller can try the other protocol now.
      if (wantsOtherProtocol(error)) this.#reject(failure);
      else if (!this.#signal.aborted) this.#world.book.unanswered(address);
    } finally {
      this.#running -= 1;
      this.#hurry();
      this.#settle();
    }
  }

  /** Keeps the most telling failure: proof of a wrong server, then a silent server, then a name without address. */
  #note(failure: TransportFailure): void {
    const weight = { "untrusted": 3, "unreachable": 2, "name-resolution": 1, "aborted": 0 };
    if (!this.#failure || weight[failure.kind] > weight[this.#failure.kind]) {
      this.#failure = failure;
    }
  }

  #settle(): void {
    if (this.#looking || this.#running > 0 || this.#waiting.length > 0) return;
    this.#reject(this.#failure ?? new TransportFailure("unreachable", "no address to connect to"));
  }

  #reject(failure: TransportFailure): void {
    this.#outcome.reject(failure);
  }
}

function nameFailure(reason: string, proxy: Proxy | null, cause?: unknown): TransportFailure {
  const of = proxy ? ` (${proxy.title})` : "";
  return new TransportFailure("name-resolution", reason + of, { cause });
}

function unknownName(name: string, proxy: Proxy | null): TransportFailure {
  return nameFailure(`host name not found: ${name}`, proxy);
}

/** The family that worked last goes first, else IPv4; families alternate. */
function inOrder(addresses: readonly string[], known: readonly string[]): string[] {
  const [best] = known;
  const long = best?.includes(":") ?? false;
  const of = (wanted: boolean) => addresses.filter((each) => each.includes(":") === wanted);
  const first = of(long), second = of(!long);
  const mixed = Array.from(
    { length: Math.max(first.length, second.length) },
    (_, index) => [first[index], second[index]],
  );
  const all = mixed.flat().filter((each) => each !== undefined);
  return best !== undefined && all.includes(best)
    ? [best, ...all.filter((each) => each !== best)]
    : all;
}

function isAddress(hostname: string): boolean {
  return hostname.includes(":") || /^\d+\.\d+\.\d+\.\d+$/.test(hostname);
}

/** One connection to one address: TCP, the proxy's consent, TLS. Throws what the runtime throws. */
async function connect(
  address: string,
  target: Target,
  { caCerts, signal }: { caCerts: readonly string[]; signal: AbortSignal },
): Promise<Stream> {
  const { hostname, secure, proxy } = target;
  const port = proxy?.port ?? target.port;
  const plain = await Deno.connect({ hostname: address, port, signal });
  let stream: Stream = plain;
  const end = () => close(stream);
  signal.addEventListener("abort", end);
  try {
    signal.throwIfAborted();
    if (proxy) await tunnel(plain, target, proxy);
    if (!secure) return plain;
    const alpnProtocols = ["http/1.1"];
    const tls = await Deno.startTls(plain, { hostname, caCerts: [...caCerts], alpnProtocols });
    stream = tls;
    signal.throwIfAborted();
    await tls.handshake();
    return tls;
  } catch (error) {
    close(stream);
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** Asks the proxy for a connection to the target. Source: RFC 9110 section 9.3.6. */
async function tunnel(stream: Stream, { hostname, port }: Target, proxy: Proxy): Promise<void> {
  const place = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  const { authorization } = proxy;
  const headers = {
    host: place,
    ...(authorization !== null && { "proxy-authorization": authorization }),
  };
  await writeRequest(stream, { method: "CONNECT", target: place, headers });
  const incoming = new Incoming(stream);
  const { status } = await readHead(incoming, "CONNECT");
  if (status >= 200 && status < 300 && incoming.quiet) return;
  throw new TransportFailure(
    "unreachable",
    `${proxy.title} refuses the connection: HTTP ${status}`,
  );
}

/** The failure, in words that name the party at fault. */
function asFailure(error: unknown, target: Target, address: string): TransportFailure {
  if (error instanceof TransportFailure) return error;
  const [kind, reason] = failureOf(error);
  const { hostname, proxy } = target;
  const where = address === hostname ? hostname : `${hostname} at ${address}`;
  const text = !proxy
    ? `${reason}: ${where}`
    : kind === "untrusted"
    ? `${reason}: ${hostname} through ${proxy.title}`
    : `${reason}: ${proxy.title}`;
  return new TransportFailure(kind, text, { cause: error });
}

/** Addresses that are remembered per name. */
const GOOD_MAX = 4;
/** How long an address that did not answer is tried after the others, and how many such addresses are remembered. */
const SUSPECT_MS = 60_000, SUSPECTS_MAX = 64;

/**
 * What requests have shown about addresses: where a name answered, and where a request got no answer. A server can
 * prove its identity and still answer nothing; such an address is tried after the others.
 */
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
