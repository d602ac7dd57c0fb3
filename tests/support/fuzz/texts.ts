// Texts from a hostile or broken source.
import fc from "fast-check";

/** Fragments that have broken programs. */
const FRAGMENTS = [
  "\n",
  "\r\n",
  "\0",
  "\x1b[2J\x1b[31m",
  "\u202e",
  "\u2028",
  "\ud800",
  "\udfff",
  "🙂",
  "__proto__",
  "constructor",
  "toString",
  "../../",
  "?a=b#c",
  "%00%zz",
  "https://x.test/?apikey=k&signature=s",
  "<html>",
  "{[",
  '"',
  "'",
  "$(id)",
  "-1",
  "1e999",
  "NaN",
  "0x10",
  "  ",
  "=",
  ",",
];

/** A text of hostile, ordinary and random fragments, sometimes long. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.array(fc.oneof(fc.constantFrom(...FRAGMENTS), fc.string()), { maxLength: 6 }).map(
      (parts) => parts.join(""),
    ),
  },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...FRAGMENTS), fc.integer({ min: 100, max: 5_000 })).map((
      [part, count],
    ) => part.repeat(count)),
  },
);
