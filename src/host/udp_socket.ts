// UDP: sockets that receive on the port of all nodes and answer from it, and for each family one that sends heartbeats
// from our own address.
import { canonicalIp, familyOf } from "../core/ip.ts";
import type { Datagram, Family, HeartbeatSource, UdpSocket } from "../world.ts";
import { type Ear, openEars, receiveAll } from "./receiving_sockets.ts";
import { OwnSource } from "./own_source.ts";

/** Longer than any heartbeat or question, so that a longer one is seen to be longer instead of being cut. */
const BUFFER_BYTES = 512;
const WILDCARDS: readonly string[] = ["0.0.0.0", "::"];

/** Opens the sockets; throws what `openEars` throws when the address cannot be had. */
export function openSocket(hostname: string, port: number, bufferBytes = BUFFER_BYTES): UdpSocket {
  return new UdpLink(hostname, openEars(hostname, port), bufferBytes);
}

class UdpLink implements UdpSocket {
  readonly localAddresses: readonly string[];
  readonly #ears: readonly Ear[];
  readonly #bufferBytes: number;
  /** What `-l` names, null for every address. */
  readonly #fixed: string | null;
  /** Null until our addresses are known, and where `-l` decides. */
  #sources: ReadonlyMap<Family, OwnSource> | null = null;
  #own: readonly string[] = [];
  #report: (source: HeartbeatSource) => void = () => {};
  /** Families whose heartbeats leave from elsewhere, as was reported. */
  readonly #troubled = new Set<Family>();
  /** The last one on its way to each place: two at once may overtake each other within the runtime. */
  readonly #sending = new Map<string, Promise<unknown>>();

  constructor(hostname: string, ears: readonly Ear[], bufferBytes: number) {
    this.#ears = ears;
    this.#bufferBytes = bufferBytes;
    this.#fixed = WILDCARDS.includes(hostname) ? null : hostname;
    this.localAddresses = this.#fixed === null ? interfaceAddresses() : [this.#fixed];
  }

  send(bytes: Uint8Array, to: string, port: number): void {
    this.#queue(`${to} ${port}`, () => this.#sendOwn(bytes, to, port));
  }

  reply(bytes: Uint8Array, to: string, port: number): void {
    this.#queue(`${to} ${port}`, () => this.#sendAny(bytes, to, port));
  }

  sendFrom(addresses: readonly string[], report: (source: HeartbeatSource) => void): void {
    // Who asks for the first time has heard nothing yet.
    if (report !== this.#report) this.#troubled.clear();
    this.#report = report;
    const known = this.#sources !== null && addresses.join() === this.#own.join();
    this.#own = addresses;
    if (this.#fixed !== null) return this.#tellOfFixed(this.#fixed);
    if (known) return;
    const before = this.#sources;
    this.#sources = this.#sourcesFor(addresses);
    for (const source of before?.values() ?? []) source.close();
  }

  async close(): Promise<void> {
    await Promise.all(this.#sending.values()); // The last word of a node that leaves must get out.
    for (const source of this.#sources?.values() ?? []) source.close();
    for (const ear of this.#ears) ear.close();
  }

  [Symbol.asyncIterator](): AsyncGenerator<Datagram> {
    return receiveAll(this.#ears, this.#bufferBytes);
  }

  /** A family that is not heard is not spoken either: its peers would hear us, and we not them. */
  #sourcesFor(addresses: readonly string[]): Map<Family, OwnSource> {
    const sources = new Map<Family, OwnSource>();
    for (const address of addresses) {
      const family = familyOf(address);
      if (sources.has(family) || !this.#ears.some((ear) => ear.reaches(address))) continue;
      sources.set(family, new OwnSource(address));
    }
    return sources;
  }

  #queue(place: string, send: () => Promise<unknown>): void {
    const before = this.#sending.get(place);
    // Unreachable peers are what heartbeats are for; the original ignores these errors, too.
    const sent = (before ? before.then(send) : send()).catch(() => {}).finally(() => {
      if (this.#sending.get(place) === sent) this.#sending.delete(place);
    });
    this.#sending.set(place, sent);
  }

  async #sendOwn(bytes: Uint8Array, to: string, port: number): Promise<void> {
    if (this.#sources === null) return await this.#sendAny(bytes, to, port);
    const family = familyOf(to);
    const source = this.#sources.get(family);
    const failure = source
      ? await source.send(bytes, to, port)
      : { reason: this.#whyNone(to), missing: true };
    if (failure === null) return this.#tell(family, null);
    // A network that translates addresses may make the right one of it.
    const left = await this.#sendAny(bytes, to, port).then(() => true, () => false);
    if (left || failure.missing) this.#tell(family, failure.reason);
  }

  #whyNone(to: string): string {
    const family = familyOf(to);
    if (this.#ears.some((ear) => ear.reaches(to))) {
      return `the cloud knows no ${family} address of this instance, give it one`;
    }
    return `-l listens on no ${family} address, let it name one or [::]`;
  }

  async #sendAny(bytes: Uint8Array, to: string, port: number): Promise<void> {
    const ear = this.#ears.find((each) => each.reaches(to)) ?? this.#ears[0];
    await ear?.send(bytes, to, port);
  }

  #tellOfFixed(address: string): void {
    if (this.#own.includes(address)) return;
    this.#tell(familyOf(address), `-l names ${address}, let it name none`);
  }

  #tell(family: Family, trouble: string | null): void {
    if (this.#troubled.has(family) === (trouble !== null)) return;
    if (trouble === null) this.#troubled.delete(family);
    else this.#troubled.add(family);
    const own = this.#own.find((address) => familyOf(address) === family) ?? null;
    this.#report({ family, own, trouble });
  }
}

function interfaceAddresses(): string[] {
  try {
    return Deno.networkInterfaces().map(({ address }) => canonicalIp(address) ?? address);
  } catch {
    return [];
  }
}
