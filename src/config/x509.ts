// Whether the runtime can use a certificate, by RFC 5280. Here its dates and its authority do not matter.
import { type Element, elementsIn, objectIdText } from "./der.ts";

const VERSION = 0xa0, INTEGER = 0x02, SEQUENCE = 0x30, BIT_STRING = 0x03, EXTENSIONS = 0xa3;
const OBJECT_ID = 0x06, BOOLEAN = 0x01, OCTET_STRING = 0x04, VERSION_3 = 2;
/** Serial number, algorithm, issuer, dates, subject and key. */
const FIELDS = [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE];
/** Extensions that the runtime knows: key usage, alternative names, basic and name constraints, revocation. */
const KEY_USAGE = "2.5.29.15";
const KNOWN = [KEY_USAGE, ...["17", "19", "30", "31", "37"].map((last) => `2.5.29.${last}`)];

/** Why the runtime cannot use the certificate, null if it can. Throws if the bytes are not a certificate. */
export function unusableIn(bytes: Uint8Array): string | null {
  const [certificate] = partsOf(bytes, { from: 0, to: bytes.length }, [SEQUENCE]);
  const all = partsOf(bytes, certificate, [SEQUENCE, SEQUENCE, BIT_STRING]);
  const [content, algorithm, signature] = all;
  const [version, ...fields] = elementsIn(bytes, content!);
  if (
    version?.tag !== VERSION || bytes[partsOf(bytes, version, [INTEGER])[0]!.from] !== VERSION_3
  ) {
    return "is of X.509 version 1: sign it as version 3, which has extensions " +
      "(openssl x509 -req needs -extfile)";
  }
  const [, signedWith] = fields, extensions = fields.length > FIELDS.length ? fields.pop() : null;
  expect(fields, FIELDS);
  const same = textOf(bytes, signedWith!) === textOf(bytes, algorithm!);
  if (!same || bytes[signature!.from] !== 0) throw new Error("no certificate");
  return extensions ? strangeIn(bytes, extensions) : null;
}

/** Why the runtime cannot use the extensions, null if it can. */
function strangeIn(bytes: Uint8Array, extensions: Element): string | null {
  expect([extensions], [EXTENSIONS]);
  const [list] = partsOf(bytes, extensions, [SEQUENCE]);
  const met = new Set<string>();
  for (const extension of elementsIn(bytes, list!)) {
    expect([extension], [SEQUENCE]);
    const parts = elementsIn(bytes, extension);
    const [flag] = parts.length > 2 ? parts.splice(1, 1) : [];
    const critical = flag !== undefined && isTrue(bytes, flag);
    expect(parts, [OBJECT_ID, OCTET_STRING]);
    const [name, value] = parts, id = objectIdText(bytes, name!);
    if (!KNOWN.includes(id)) {
      if (critical) return `has the critical extension ${id}, which is not supported`;
      continue;
    }
    if (met.has(id)) throw new Error("an extension twice");
    met.add(id);
    if (id !== KEY_USAGE) partsOf(bytes, value, [SEQUENCE]);
  }
  return null;
}

function isTrue(bytes: Uint8Array, flag: Element): boolean {
  expect([flag], [BOOLEAN]);
  const text = textOf(bytes, flag);
  if (text !== "255" && text !== "0") throw new Error("no DER");
  return text === "255";
}

/** The parts of an element, which must have these tags. */
function partsOf(
  bytes: Uint8Array,
  whole: { readonly from: number; readonly to: number } | undefined,
  tags: readonly number[],
): Element[] {
  const parts = whole ? elementsIn(bytes, whole) : [];
  expect(parts, tags);
  return parts;
}

function expect(parts: readonly Element[], tags: readonly number[]): void {
  if (`${parts.map(({ tag }) => tag)}` !== `${tags}`) throw new Error("no certificate");
}

function textOf(bytes: Uint8Array, { from, to }: Element): string {
  return `${bytes.subarray(from, to)}`;
}
