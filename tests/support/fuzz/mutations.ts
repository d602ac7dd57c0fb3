// Mutations of a good answer: of its bytes, structure, status, headers or pace.
import fc from "fast-check";
import { hostileText } from "./texts.ts";

/** One mutation of an answer. */
export type Mutation =
  | { readonly kind: "none" }
  | { readonly kind: "edits"; readonly edits: readonly Edit[] }
  | { readonly kind: "cut"; readonly share: number }
  | { readonly kind: "garbage"; readonly share: number; readonly bytes: Uint8Array }
  | { readonly kind: "body"; readonly text: string }
  | { readonly kind: "deep"; readonly opening: string; readonly depth: number }
  | { readonly kind: "huge"; readonly unit: string; readonly count: number }
  | { readonly kind: "break" }
  | { readonly kind: "silence"; readonly share: number }
  | { readonly kind: "status"; readonly status: number; readonly headers: Headers }
  | { readonly kind: "fail"; readonly message: string };

/** Headers, not necessarily valid. */
export type Headers = readonly (readonly [name: string, value: string])[];

/** A change of one node of a JSON value; an index selects the node. */
export interface Edit {
  readonly node: number;
  /** Sets the member with that name beside the node, whether it exists or not; without a name, the node itself. */
  readonly name?: string | undefined;
  /** Undefined removes it. */
  readonly value: unknown;
}

const values: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    0,
    -1,
    1e308,
    9007199254740993,
    true,
    "",
    [],
    {},
    [null],
    [[]],
    { id: {} },
    { toString: 1, valueOf: 2 },
    { length: 1e9 },
    "0.0.0.0",
    "https://evil.test/v2",
    "http://api-de-fra-1.exoscale.com/v2",
    "https://api.exoscale.com@evil.test",
    "203.0.113.13",
    "00000001-0000-4000-8000-000000000003",
    "success",
    "failure",
    "pending",
  ),
  hostileText,
  fc.jsonValue({ maxDepth: 3 }),
);
const names = fc.constantFrom(
  ..."errorcode cserrorcode errortext message detail jobstatus jobresult manager healthcheck".split(
    " ",
  ),
  ..."state reason id name zones api-endpoint instances nic secondaryip isdefault __proto__".split(
    " ",
  ),
);
const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({
    node: fc.nat(400),
    name: fc.option(names, { nil: undefined, freq: 2 }),
    value: values,
  }),
  { minLength: 1, maxLength: 4 },
);
const headerTexts = fc.oneof(
  fc.constantFrom(
    "",
    "soon",
    "-1",
    "1e99",
    "99999999999999999999",
    "Thu, 99 Foo 9999",
    "NaN",
    "0x1",
  ),
  fc.string({ unit: "grapheme-ascii" }),
);
const headers: fc.Arbitrary<Headers> = fc.array(
  fc.tuple(fc.constantFrom("retry-after", "date", "content-type", "x-odd"), headerTexts),
  { maxLength: 3 },
);
const shares = fc.double({ min: 0, max: 1, noNaN: true });

/** All mutations; most change an answer a little, a few destroy it. */
export const mutations: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Mutation>({ kind: "none" }) },
  { weight: 24, arbitrary: edits.map((edits): Mutation => ({ kind: "edits", edits })) },
  { weight: 3, arbitrary: shares.map((share): Mutation => ({ kind: "cut", share })) },
  {
    weight: 3,
    arbitrary: fc.tuple(shares, fc.uint8Array({ maxLength: 30 }))
      .map(([share, bytes]): Mutation => ({ kind: "garbage", share, bytes })),
  },
  { weight: 3, arbitrary: hostileText.map((text): Mutation => ({ kind: "body", text })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("[", '{"a":', '{"instances":[{"id":', '{"xresponse":{"errorcode":[')
      .chain((opening) =>
        fc.integer({ min: 1, max: 20_000 }).map((depth): Mutation => ({
          kind: "deep",
          opening,
          depth,
        }))
      ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constantFrom("{},", "1,", " ", '"x",'),
      fc.integer({ min: 1, max: 500_000 }),
    )
      .map(([unit, count]): Mutation => ({ kind: "huge", unit, count })),
  },
  { weight: 2, arbitrary: fc.constant<Mutation>({ kind: "break" }) },
  { weight: 1, arbitrary: shares.map((share): Mutation => ({ kind: "silence", share })) },
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.constantFrom(
        200,
        201,
        301,
        302,
        400,
        401,
        403,
        404,
        409,
        410,
        418,
        429,
        431,
        500,
        503,
        599,
      ),
      headers,
    ).map(([status, headers]): Mutation => ({ kind: "status", status, headers })),
  },
  { weight: 2, arbitrary: hostileText.map((message): Mutation => ({ kind: "fail", message })) },
);

/** As JSON.parse defines members; assigning to `__proto__` would do something else. */
const PLAIN = { enumerable: true, configurable: true, writable: true };

/** The JSON text with the edits applied; a text that is not JSON is unchanged. */
export function edited(text: string, edits: readonly Edit[]): string {
  const root = { root: JSON.parse(text) as unknown };
  for (const { node, name, value } of edits) {
    const places: [holder: Record<string, unknown>, key: string][] = [];
    collect(root, places);
    const place = places[node % places.length];
    if (!place) continue;
    const [holder, own] = place;
    const key = name === undefined || holder === root ? own : name;
    if (value === undefined && !Array.isArray(holder)) delete holder[key];
    else Object.defineProperty(holder, key, { value: value ?? null, ...PLAIN });
  }
  return JSON.stringify(root.root) ?? "";
}

function collect(value: unknown, into: [Record<string, unknown>, string][]): void {
  if (typeof value !== "object" || value === null) return;
  for (const key of Object.keys(value)) {
    into.push([value as Record<string, unknown>, key]);
    collect((value as Record<string, unknown>)[key], into);
  }
}
