// Signed heartbeats: Web Crypto makes and checks the signature that ends a datagram, HMAC-SHA256 over all bytes before
// it. There may be two keys: the first signs, and both are accepted, so that a secret can be replaced node by node.
import { SIGNATURE_BYTES } from "../core/heartbeat.ts";

/** Shortest secret: a shorter one could be guessed from one recorded heartbeat. */
export const SECRET_MIN_BYTES = 16;
/** The key that signs, and the previous or the next one. */
export const SECRETS_MAX = 2;

const HMAC = { name: "HMAC", hash: "SHA-256" };
/** No heartbeat begins with this text, so the key id reveals nothing about the signatures. */
const KEY_ID_TEXT = new TextEncoder().encode("exoip key id");

interface Key {
  /** 1 to 255, derived from the secret; 0 stands for none. */
  readonly id: number;
  readonly key: CryptoKey;
}

/** What the watchdog needs from a keyring. */
export type Signing = Pick<Keyring, "keyId" | "knows" | "sign" | "verify" | "handedOver">;

/** Draws a run number: 64 random bits, but not 0, which stands for none. */
export function drawRun(): bigint {
  const [drawn = 0n] = crypto.getRandomValues(new BigUint64Array(1));
  return drawn === 0n ? 1n : drawn;
}

/** Signs sent heartbeats, and checks the signatures of received ones. */
export class Keyring {
  #keys: readonly [Key, ...Key[]];
  #sending: Promise<void> = Promise.resolve();

  private constructor(keys: readonly [Key, ...Key[]]) {
    this.#keys = keys;
  }

  /** A keyring with one or two keys; the first signs. */
  static async of(secrets: readonly string[]): Promise<Keyring> {
    return new Keyring(await keysOf(secrets));
  }

  /** Replaces the keys, from the next datagram on. */
  async rekey(secrets: readonly string[]): Promise<void> {
    this.#keys = await keysOf(secrets);
  }

  /** The id of the key that signs now; it goes into the trailer before signing. */
  get keyId(): number {
    return this.#keys[0].id;
  }

  /** Whether it has a key with that id. */
  knows(keyId: number): boolean {
    return this.#keys.some(({ id }) => id === keyId);
  }

  /**
   * Writes the signature into the last bytes, which are reserved for it, and passes the result to `send`. Returns at
   * once; results keep the order of the calls.
   */
  sign(bytes: Uint8Array<ArrayBuffer>, send: (signed: Uint8Array<ArrayBuffer>) => void): void {
    const said = bytes.subarray(0, -SIGNATURE_BYTES);
    const signed = crypto.subtle.sign("HMAC", this.#keys[0].key, said);
    this.#sending = Promise.all([signed, this.#sending]).then(([signature]) => {
      bytes.set(new Uint8Array(signature), said.length);
      send(bytes);
    });
  }

  /** Resolves when all signed datagrams were passed on. */
  handedOver(): Promise<void> {
    return this.#sending;
  }

  /** Whether the signature at the end is valid for a key of that id. The comparison takes constant time. */
  async verify(datagram: Uint8Array, keyId: number): Promise<boolean> {
    const copy = Uint8Array.from(datagram);
    const [said, signature] = [copy.subarray(0, -SIGNATURE_BYTES), copy.subarray(-SIGNATURE_BYTES)];
    for (const { id, key } of this.#keys) {
      if (id === keyId && await crypto.subtle.verify("HMAC", key, signature, said)) return true;
    }
    return false;
  }
}

/** The secrets in the text of a file or variable, one per line. Throws an error that says what is wrong with them. */
export function secretsIn(text: string): string[] {
  const secrets = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  if (secrets.length === 0) throw new Error("it is empty, wanted a secret");
  if (secrets.length > SECRETS_MAX) {
    throw new Error(
      `${secrets.length} lines, wanted one secret, or two while one replaces the other`,
    );
  }
  for (const [index, secret] of secrets.entries()) {
    const { length } = new TextEncoder().encode(secret);
    if (length < SECRET_MIN_BYTES) {
      const which = secrets.length > 1 ? ` in line ${index + 1}` : "";
      throw new Error(
        `the secret${which} has ${length} bytes, wanted at least ${SECRET_MIN_BYTES}`,
      );
    }
  }
  return secrets;
}

async function keysOf(secrets: readonly string[]): Promise<[Key, ...Key[]]> {
  const [first, ...rest] = await Promise.all(secrets.map(keyOf));
  if (!first) throw new Error("a keyring needs a secret");
  return [first, ...rest];
}

async function keyOf(secret: string): Promise<Key> {
  const raw = new TextEncoder().encode(secret);
  const key = await crypto.subtle.importKey("raw", raw, HMAC, false, ["sign", "verify"]);
  const [first = 0] = new Uint8Array(await crypto.subtle.sign("HMAC", key, KEY_ID_TEXT));
  return { id: Math.max(1, first), key };
}
