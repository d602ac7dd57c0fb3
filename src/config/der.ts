// The bytes of a certificate: DER is a tree of elements, each with a tag, a length and a content.

/** One element, and where its content begins and ends. */
export interface Element {
  readonly tag: number;
  readonly from: number;
  readonly to: number;
}

const LENGTH_BYTES_MAX = 4;

/** The elements between two places, one after the other. Throws if the bytes are not valid DER. */
export function elementsIn(
  bytes: Uint8Array,
  { from, to }: { readonly from: number; readonly to: number },
): Element[] {
  const found: Element[] = [];
  for (let at = from; at < to;) {
    const [tag = 0, first = 0] = bytes.subarray(at, to);
    const more = first < 0x80 ? 0 : first & 0x7f;
    if (more > LENGTH_BYTES_MAX || at + 2 + more > to) throw new Error("no DER");
    const digits = bytes.subarray(at + 2, at + 2 + more);
    const length = more === 0 ? first : digits.reduce((sum, digit) => sum * 0x100 + digit, 0);
    const start = at + 2 + more, end = start + length;
    const shortest = more === 0 || (length >= 0x80 && digits[0] !== 0);
    if (end > to || !shortest) throw new Error("no DER");
    found.push({ tag, from: start, to: end });
    at = end;
  }
  return found;
}

/** The text of an object identifier, such as `2.5.29.17`. */
export function objectIdText(bytes: Uint8Array, { from, to }: Element): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of bytes.subarray(from, to)) {
    number = number * 0x80 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    numbers.push(number);
    number = 0;
  }
  const [head = 0, ...rest] = numbers;
  const first = Math.min(2, Math.floor(head / 40));
  return [first, head - first * 40, ...rest].join(".");
}
