// X.509 certificates by RFC 5280, encoded byte by byte, so that tests and demo need no openssl and no package. Keys are
// ECDSA P-256. Supports only what the tests need.
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { encodeBase64 } from "@std/encoding/base64";
import { parseIpv4, parseIpv6 } from "../../../src/core/ip.ts";

/** A pair of keys. */
export interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** The issuer: its name, and the keys that sign. */
export interface Issuer extends Keys {
  readonly name: string;
}

/** The content of a certificate. */
export interface Content {
  /** Common name of the subject; empty leaves it out. */
  readonly name: string;
  readonly publicKey: KeyObject;
  /** Host names and IP addresses of a server, which may also be a client; null for an authority. */
  readonly hosts: readonly string[] | null;
  /**
   * First and last instant of its validity; by default from an hour ago, in case the clock is late, to thirty days
   * ahead.
   */
  readonly from?: Date;
  readonly to?: Date;
}

const HOUR_MS = 3_600_000;
const SEQUENCE = 0x30, SET = 0x31, BOOLEAN = 1, INTEGER = 2, BIT_STRING = 3, OCTET_STRING = 4;
const OBJECT_ID = 6, UTF8_STRING = 12, UTC_TIME = 23, GENERALIZED_TIME = 24;
/** Context-specific tags: [n], constructed or primitive. */
const constructed = (number: number) => 0xa0 + number,
  primitive = (number: number) => 0x80 + number;

const ECDSA_WITH_SHA256 = der(SEQUENCE, objectId("1.2.840.10045.4.3.2"));
const COMMON_NAME = objectId("2.5.4.3"), SERVER_AUTHENTICATION = objectId("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTHENTICATION = objectId("1.3.6.1.5.5.7.3.2");
const SUBJECT_KEY = objectId("2.5.29.14"), KEY_USAGE = objectId("2.5.29.15");
const ALTERNATIVE_NAMES = objectId("2.5.29.17"), BASIC_CONSTRAINTS = objectId("2.5.29.19");
const AUTHORITY_KEY = objectId("2.5.29.35"), EXTENDED_KEY_USAGE = objectId("2.5.29.37");
const TRUE = der(BOOLEAN, [0xff]);
/** Bit strings: the number of unused bits, then the bits digitalSignature and keyCertSign. */
const MAY_SIGN_DATA = der(BIT_STRING, [7, 0x80]), MAY_SIGN_CERTIFICATES = der(BIT_STRING, [2, 4]);

/** A new pair of keys. */
export function newKeys(): Keys {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

/** A private key in PEM form. */
export function keyPem({ privateKey }: Pick<Keys, "privateKey">): string {
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** A certificate in PEM form. Throws when a host is neither a name nor an address. */
export function certificatePem(content: Content, issuer: Issuer): string {
  const signed = toBeSigned(content, issuer);
  const signature = sign("sha256", signed, issuer.privateKey);
  const bytes = der(SEQUENCE, signed, ECDSA_WITH_SHA256, der(BIT_STRING, [0], signature));
  const lines = encodeBase64(bytes).match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

function toBeSigned(content: Content, issuer: Issuer): Uint8Array<ArrayBuffer> {
  const { from = new Date(Date.now() - HOUR_MS) } = content;
  const { to = new Date(Date.now() + 30 * 24 * HOUR_MS) } = content;
  // A positive number, unique for this issuer.
  const serial = crypto.getRandomValues(new Uint8Array(16));
  serial[0] = 0x40 | (serial[0] ?? 0) & 0x3f;
  return der(
    SEQUENCE,
    der(constructed(0), der(INTEGER, [2])),
    der(INTEGER, serial),
    ECDSA_WITH_SHA256,
    distinguishedName(issuer.name),
    der(SEQUENCE, time(from), time(to)),
    distinguishedName(content.name),
    publicKeyOf(content),
    der(constructed(3), der(SEQUENCE, ...extensions(content, issuer))),
  );
}

function extensions({ hosts, publicKey }: Content, issuer: Issuer): Uint8Array[] {
  const extension = (id: Uint8Array, value: Uint8Array, ...critical: Uint8Array[]) =>
    der(SEQUENCE, id, ...critical, der(OCTET_STRING, value));
  const keyIds = [
    extension(SUBJECT_KEY, der(OCTET_STRING, keyId({ publicKey }))),
    extension(AUTHORITY_KEY, der(SEQUENCE, der(primitive(0), keyId(issuer)))),
  ];
  if (hosts === null) {
    return [
      extension(BASIC_CONSTRAINTS, der(SEQUENCE, TRUE), TRUE),
      extension(KEY_USAGE, MAY_SIGN_CERTIFICATES, TRUE),
      ...keyIds,
    ];
  }
  return [
    extension(BASIC_CONSTRAINTS, der(SEQUENCE), TRUE),
    extension(KEY_USAGE, MAY_SIGN_DATA, TRUE),
    extension(EXTENDED_KEY_USAGE, der(SEQUENCE, SERVER_AUTHENTICATION, CLIENT_AUTHENTICATION)),
    extension(ALTERNATIVE_NAMES, der(SEQUENCE, ...hosts.map(alternativeName))),
    ...keyIds,
  ];
}

/** An entry of subjectAltName: the bytes of an address, or a name. */
function alternativeName(host: string): Uint8Array {
  const address = parseIpv4(host) ?? parseIpv6(host);
  if (address !== null) return der(primitive(7), address);
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host)) {
    throw new Error(`a certificate for ${JSON.stringify(host)}: wanted a host name or an address`);
  }
  return der(primitive(2), new TextEncoder().encode(host));
}

function distinguishedName(name: string): Uint8Array {
  if (name === "") return der(SEQUENCE);
  const text = der(UTF8_STRING, new TextEncoder().encode(name));
  return der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, text)));
}

/** Two digits of the year until 2049, then four: RFC 5280, 4.1.2.5. */
function time(instant: Date): Uint8Array {
  const digits = instant.toISOString().replace(/\.\d+|[-:T]/g, "");
  const short = instant.getUTCFullYear() < 2050;
  const text = new TextEncoder().encode(short ? digits.slice(2) : digits);
  return der(short ? UTC_TIME : GENERALIZED_TIME, text);
}

function publicKeyOf({ publicKey }: Pick<Keys, "publicKey">): Uint8Array {
  return publicKey.export({ type: "spki", format: "der" });
}

/** Any 20 bytes that identify the keys will do. */
function keyId(keys: Pick<Keys, "publicKey">): Uint8Array {
  return createHash("sha256").update(publicKeyOf(keys)).digest().subarray(0, 20);
}

/** Base-128 numbers, with the first two in one. */
function objectId(text: string): Uint8Array {
  const [first = 0, second = 0, ...others] = text.split(".").map(Number);
  const bytes = [first * 40 + second, ...others].flatMap((number) => {
    const digits = [number & 0x7f];
    for (let rest = number >> 7; rest > 0; rest >>= 7) digits.unshift(0x80 | rest & 0x7f);
    return digits;
  });
  return der(OBJECT_ID, bytes);
}

/** A tag, the length, and the content. */
function der(tag: number, ...parts: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  // Nothing here reaches 64 KiB.
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  const head = [tag, ...length < 0x80 ? [length] : long];
  const bytes = new Uint8Array(head.length + length);
  bytes.set(head);
  let at = head.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
