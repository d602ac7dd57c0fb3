// The datagram: how it is written and read, byte by byte; an IPv6 Elastic IP in it; and a node's advert, field by field.
import { decodeHex, encodeHex } from "@std/encoding/hex";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { HEALTHY_ADVERT } from "../support/election_fixtures.ts";
import { HEALTHY_TRAILER } from "../support/node_settings.ts";
import fc from "../support/fast_check.ts";
import {
  type Advert,
  codeOfInterval,
  decode,
  encode,
  type Heartbeat,
  intervalOfCode,
  sameAdvert,
  standInFor,
  type Trailer,
  trailerFor,
} from "../../src/core/heartbeat.ts";
import { parseIpv6 } from "../../src/core/ip.ts";

/** Examples of the original's wire format. */
const EXAMPLES = [
  [
    10,
    "198.51.100.50",
    "3f8a2b64-9c1d-4e7f-a5b0-6d2c8e4f1a93",
    "02010a0ac63364323f8a2b649c1d4e7fa5b06d2c8e4f1a93",
  ],
  [
    1,
    "203.0.113.7",
    "00112233-4455-6677-8899-aabbccddeeff",
    "02010101cb00710700112233445566778899aabbccddeeff",
  ],
  [
    255,
    "192.0.2.254",
    "c0ffee00-1234-4abc-8def-5566778899aa",
    "0201ffffc00002fec0ffee0012344abc8def5566778899aa",
  ],
  [
    0,
    "198.51.100.50",
    "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f",
    "02010000c63364329b1e6f2053c44a7d8e2f0a1b2c3d4e5f",
  ],
] as const;

const FIRST = EXAMPLES[0][3], ZERO = "00".repeat(8);

for (const [priority, elasticIp, id, hex] of EXAMPLES) {
  Deno.test(`encode() and decode() agree with the original on ${hex.slice(0, 16)}...`, () => {
    const heartbeat = { priority, elasticIp, id, trailer: null };
    assertEquals(encodeHex(encode(heartbeat)), hex);
    assertEquals(decode(decodeHex(hex)), heartbeat);
  });
}

/** The fields after the first 24 bytes. */
const MAGIC = "45584f32";
const SILENT: Trailer = { ...HEALTHY_TRAILER, hearsYou: false };

/**
 * Known answers, byte by byte, computed by another program, because two equal mistakes in encode and decode would not
 * show. After the id come flags, key id, own priority, interval code, and sequence.
 */
const KNOWN: ReadonlyArray<readonly [what: string, says: Partial<Heartbeat>, hex: string]> = [
  ["plain", {}, FIRST],
  [
    "with a trailer",
    {
      trailer: {
        ...{ holds: true, leaving: false, unable: true, hearsYou: true, unhealthy: true },
        ...{ keyId: 0, ownPriority: 20, intervalMs: 1_000 },
        sequence: 1_800_000_000_123,
        stamp: null,
      },
    },
    FIRST + MAGIC + "1d001441" + "000001a3185c507b",
  ],
  [
    "with the largest sequence",
    {
      priority: 255,
      trailer: { ...SILENT, leaving: true, ownPriority: 255, sequence: Number.MAX_SAFE_INTEGER },
    },
    "0201ffff" + FIRST.slice(8) + MAGIC + "0200ff00" + "001fffffffffffff",
  ],
  [
    "for an IPv6 Elastic IP, whose stand-in is f0bd01aa",
    {
      elasticIp: "2001:db8:0:1:2::1",
      trailer: { ...SILENT, holds: true, hearsYou: true, intervalMs: 3_600_000, sequence: 1 },
    },
    "02010a0af0bd01aa3f8a2b649c1d4e7fa5b06d2c8e4f1a93" + MAGIC + "09000ab3" +
    "0000000000000001" + "20010db8000000010002000000000001",
  ],
  ["that holds", { trailer: { ...SILENT, holds: true } }, FIRST + MAGIC + "01000a00" + ZERO],
  ["that leaves", { trailer: { ...SILENT, leaving: true } }, FIRST + MAGIC + "02000a00" + ZERO],
  ["that is unable", { trailer: { ...SILENT, unable: true } }, FIRST + MAGIC + "04000a00" + ZERO],
  ["that hears us", { trailer: { ...SILENT, hearsYou: true } }, FIRST + MAGIC + "08000a00" + ZERO],
  [
    "that is unhealthy",
    { trailer: { ...SILENT, unhealthy: true } },
    FIRST + MAGIC + "10000a00" + ZERO,
  ],
];

for (const [what, says, hex] of KNOWN) {
  Deno.test(`encode() and decode() know the bytes of a heartbeat ${what}`, () => {
    const [priority, elasticIp, id] = EXAMPLES[0];
    const heartbeat = { priority, elasticIp, id, trailer: null, ...says };
    assertEquals(encodeHex(encode(heartbeat)), hex);
    assertEquals(decode(decodeHex(hex)), heartbeat);
  });
}

/** A trailer, and room for a signature. */
const TRAILED = "45584f32" + "00000000" + "0000000000000001", SIGNATURE = "00".repeat(32);

const REFUSED = [
  ["version 2.2", "0202" + FIRST.slice(4), "version"],
  ["priorities that differ", "02010a0b" + FIRST.slice(8), "priority-mismatch"],
  ["23 bytes", FIRST.slice(0, -2), "length"],
  ["25 bytes", FIRST + "00", "length"],
  ["nothing", "", "length"],
  ["41 bytes", FIRST + "00".repeat(17), "length"],
  ["a trailer that does not begin with EXO2", FIRST + "00".repeat(16), "trailer"],
  ["a sequence beyond 2^53", FIRST + "45584f32" + "00000000" + "ffffffffffffffff", "trailer"],
  ["a signature without a run", FIRST + "45584f32" + "00".repeat(68), "trailer"],
  [
    "an echo beyond 2^53",
    FIRST + TRAILED + "11".repeat(16) + "ff".repeat(8) + SIGNATURE,
    "trailer",
  ],
  ["72 bytes, as before the first release", FIRST + TRAILED + SIGNATURE, "length"],
  ["a stamp without its signature", FIRST + TRAILED + "11".repeat(24), "length"],
] as const;

for (const [what, hex, reason] of REFUSED) {
  Deno.test(`decode() refuses ${what}: ${reason}`, () => {
    assertEquals(decode(decodeHex(hex)), { refused: reason });
  });
}

Deno.test("encode() writes the trailer as specified", () => {
  const trailer = {
    holds: true,
    leaving: false,
    unable: true,
    unhealthy: true,
    ownPriority: 20,
    intervalMs: 1_000,
    hearsYou: true,
    keyId: 7,
    sequence: 0x0123456789ab,
    stamp: null,
  };
  const bytes = encode({
    priority: 10,
    elasticIp: "198.51.100.50",
    id: "3f8a2b64-9c1d-4e7f-a5b0-6d2c8e4f1a93",
    trailer,
  });
  assertEquals(encodeHex(bytes), FIRST + "45584f32" + "1d07" + "1441" + "00000123456789ab");
});

Deno.test("encode() writes the run and the echo of a heartbeat to be signed, and leaves room for the signature", () => {
  const heartbeat = decode(decodeHex(FIRST)) as Heartbeat;
  const stamp = { run: 0xfedcba9876543210n, echo: { run: 0x11n, sequence: 0x2233 } };
  const trailer = { ...HEALTHY_TRAILER, sequence: 1, stamp };
  const echo = "0000000000000011" + "0000000000002233";
  for (const [elasticIp, address] of [[heartbeat.elasticIp, ""], ["2001:db8::1", LONG]] as const) {
    const bytes = encode({ ...heartbeat, elasticIp, trailer });
    const rest = "fedcba9876543210" + echo + address + "00".repeat(32);
    assertEquals(encodeHex(bytes.subarray(40)), rest);
    assertEquals(decode(bytes), { ...heartbeat, elasticIp, trailer });
  }
  const unheard = encode({
    ...heartbeat,
    trailer: { ...trailer, stamp: { ...stamp, echo: null } },
  });
  assertEquals([unheard.length, encodeHex(unheard.subarray(48, 64))], [96, "00".repeat(16)]);
});

const LONG = "20010db8000000000000000000000001";

Deno.test("decode() accepts a signed datagram and ignores its signature and unknown flags", () => {
  const runs = "0000000000000009" + "00".repeat(8) + "0000000000000007";
  const hex = FIRST + "45584f32" + "e0010203" + "0000000000000001" + runs + "ab".repeat(32);
  const decoded = decode(decodeHex(hex));
  assert(!("refused" in decoded));
  assertEquals(decoded.trailer, {
    holds: false,
    leaving: false,
    unable: false,
    hearsYou: false,
    unhealthy: false,
    ownPriority: 2,
    intervalMs: intervalOfCode(3),
    keyId: 1,
    sequence: 1,
    stamp: { run: 9n, echo: null },
  });
});

Deno.test("decode() reads a view into a larger buffer", () => {
  const buffer = new Uint8Array(64);
  buffer.set(decodeHex(FIRST), 10);
  assertEquals(encodeHex(encode(decode(buffer.subarray(10, 34)) as Heartbeat)), FIRST);
});

Deno.test("a heartbeat whose bytes spell info is a heartbeat", () => {
  const heartbeat = {
    priority: 10,
    elasticIp: "105.110.102.111",
    id: EXAMPLES[0][2],
    trailer: null,
  };
  assertEquals(decode(encode(heartbeat)), heartbeat);
});

const anyRun = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });
const anyTrailer: fc.Arbitrary<Trailer> = fc.record({
  holds: fc.boolean(),
  leaving: fc.boolean(),
  unable: fc.boolean(),
  hearsYou: fc.boolean(),
  unhealthy: fc.boolean(),
  ownPriority: fc.integer({ min: 0, max: 255 }),
  intervalMs: fc.integer({ min: 0, max: 255 }).map(intervalOfCode),
  keyId: fc.integer({ min: 0, max: 255 }),
  sequence: fc.maxSafeNat(),
  stamp: fc.option(
    fc.record({
      run: anyRun,
      echo: fc.option(
        fc.record({ run: anyRun, sequence: fc.maxSafeNat() }, { noNullPrototype: true }),
      ),
    }, { noNullPrototype: true }),
  ),
}, { noNullPrototype: true });
const anyHeartbeat: fc.Arbitrary<Heartbeat> = fc.record({
  priority: fc.integer({ min: 0, max: 255 }),
  elasticIp: fc.ipV4(),
  id: fc.uuid(),
  trailer: fc.option(anyTrailer),
}, { noNullPrototype: true });

Deno.test("encode() refuses what has no room in a heartbeat", () => {
  const id = "3f8a2b64-9c1d-4e7f-a5b0-6d2c8e4f1a93";
  const heartbeat = { priority: 255, elasticIp: "198.51.100.50", id, trailer: null };
  assertEquals(encode(heartbeat).length, 24);
  for (const priority of [-1, 256, 1.5, NaN]) {
    assertThrows(() => encode({ ...heartbeat, priority }), Error, "priority in 0..255");
  }
  for (const elasticIp of ["web", "2001:db8::1"]) {
    assertThrows(() => encode({ ...heartbeat, elasticIp }), Error, "IPv4, or IPv6 with a trailer");
  }
});

Deno.test("decode() returns what encode() was given", () => {
  fc.assert(fc.property(anyHeartbeat, (heartbeat) => {
    assertEquals(decode(encode(heartbeat)), heartbeat);
  }));
});

Deno.test("decode() of garbage refuses with a reason or returns values in their ranges, and never throws", () => {
  const header = fc.constantFrom([], [2, 1], [2, 1, 9, 9]);
  const bytes = fc.tuple(header, fc.uint8Array({ maxLength: 120 }))
    .map(([head, tail]) => Uint8Array.from([...head, ...tail]));
  fc.assert(
    fc.property(bytes, (garbage) => {
      const decoded = decode(garbage);
      if ("refused" in decoded) {
        const words = ["length", "version", "priority-mismatch", "trailer", "address-mismatch"];
        assert(words.includes(decoded.refused));
      } else {
        assert([24, 40, 56, 96, 112].includes(garbage.length));
        assert(decoded.priority >= 0 && decoded.priority <= 255);
      }
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("the interval in one byte is within 4 % from 10 ms to 1 h", () => {
  fc.assert(fc.property(fc.integer({ min: 10, max: 3_600_000 }), (intervalMs) => {
    const told = intervalOfCode(codeOfInterval(intervalMs)) ?? 0;
    assert(Math.abs(told / intervalMs - 1) < 0.04, `${intervalMs} became ${told}`);
  }));
  assertEquals([codeOfInterval(null), intervalOfCode(0)], [0, null]);
});

Deno.test("codeOfInterval() gives the known code for each of these intervals", () => {
  const rows = [
    [null, 0],
    [1, 1],
    [10, 1],
    [10.36, 1],
    [10.37, 2],
    [100, 33],
    [200, 43],
    [1_000, 65],
    [5_000, 87],
    [60_000, 122],
    [3_599_999, 179],
    [3_600_000, 179],
    [3_600_001, 179],
    [1e12, 255],
  ] as const;
  for (const [intervalMs, code] of rows) assertEquals(codeOfInterval(intervalMs), code);
});

Deno.test("intervalOfCode() gives the known interval for each of these codes", () => {
  const rows = [
    [0, null],
    [1, 10],
    [2, 11],
    [33, 100],
    [65, 1_000],
    [87, 4_870],
    [178, 3_398_208],
    [179, 3_600_000],
    [180, 3_600_000],
    [255, 3_600_000],
  ] as const;
  for (const [code, intervalMs] of rows) {
    const known = intervalOfCode(code);
    assertEquals(known && Math.round(known), intervalMs, `${code}`);
  }
});

const IPV6: Heartbeat = {
  priority: 10,
  elasticIp: "2001:db8:0:1:2::1",
  id: "3f8a2b64-9c1d-4e7f-a5b0-6d2c8e4f1a93",
  trailer: { ...HEALTHY_TRAILER, holds: true, sequence: 1 },
};

Deno.test("encode() carries an IPv6 address behind the sequence, and a stand-in in the original's place", () => {
  const bytes = encode(IPV6);
  assertEquals(bytes.length, 56);
  assertEquals(bytes[4], 240);
  assertEquals(encodeHex(bytes.subarray(40)), "20010db8000000010002000000000001");
  assertEquals(decode(bytes), IPV6);
});

Deno.test("decode() refuses an IPv6 address that its stand-in does not stand for", () => {
  const bytes = encode(IPV6);
  bytes[55] = 2;
  assertEquals(decode(bytes), { refused: "address-mismatch" });
});

Deno.test("standInFor() tells addresses of one prefix apart", () => {
  const of = (text: string) => [...standInFor(parseIpv6(text) ?? new Uint8Array())];
  assert(`${of("2001:db8::1")}` !== `${of("2001:db8::2")}`);
  assertEquals(of("2001:db8::1")[0], 240);
});

Deno.test("standInFor() gives the known bytes for each of these addresses", () => {
  // FNV-1a of the 16 bytes, its upper 8 bits folded into the lower 24; computed by another program.
  const rows: ReadonlyArray<readonly [text: string, bytes: readonly number[]]> = [
    ["::", [240, 105, 25, 108]],
    ["2001:db8::1", [240, 91, 4, 154]],
    ["2001:db8:0:1:2::1", [240, 189, 1, 170]],
    ["2a04:c43:e00:1::b", [240, 43, 144, 100]],
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", [240, 7, 121, 195]],
  ];
  for (const [text, bytes] of rows) {
    assertEquals([...standInFor(parseIpv6(text) ?? new Uint8Array())], bytes, text);
  }
});

const CHANGES: readonly Partial<Advert>[] = [
  { priority: 11 },
  { holds: true },
  { leaving: true },
  { unable: true },
  { unhealthy: true },
  { ownPriority: 11 },
  { intervalMs: 500 },
];

Deno.test("sameAdvert() misses no word that has changed", () => {
  assertEquals(sameAdvert(HEALTHY_ADVERT, { ...HEALTHY_ADVERT }), true);
  for (const change of CHANGES) {
    assertEquals(
      sameAdvert(HEALTHY_ADVERT, { ...HEALTHY_ADVERT, ...change }),
      false,
      JSON.stringify(change),
    );
  }
});

Deno.test("trailerFor() carries every word, and no key unless one is given", () => {
  const { priority: _, ...words } = HEALTHY_ADVERT;
  const link = { hearsYou: true, sequence: 7, stamp: null };
  for (const change of [{}, ...CHANGES]) {
    const { priority: _, ...expected } = { priority: 0, ...words, ...change };
    assertEquals(trailerFor({ ...HEALTHY_ADVERT, ...change }, link), {
      ...expected,
      ...link,
      keyId: 0,
    });
  }
  assertEquals(trailerFor(HEALTHY_ADVERT, { ...link, hearsYou: false, keyId: 3 }), {
    ...words,
    hearsYou: false,
    sequence: 7,
    stamp: null,
    keyId: 3,
  });
});
