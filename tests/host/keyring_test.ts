// The signature of a datagram: its input, what it proves, and which secrets are allowed.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { createHmac } from "node:crypto";
import {
  decode,
  encode,
  hasSignature,
  type Heartbeat,
  SIGNATURE_BYTES,
  SIGNED_BYTES,
  type Trailer,
} from "../../src/core/heartbeat.ts";
import { Keyring, secretsIn } from "../../src/host/keyring.ts";
import { HEALTHY_TRAILER } from "../support/node_settings.ts";

const FIRST = "the first secret of the cluster", SECOND = "the second secret of the cluster";
const HEARTBEAT: Heartbeat = {
  priority: 10,
  elasticIp: "198.51.100.50",
  id: "3f8a2b64-9c1d-4e7f-a5b0-6d2c8e4f1a93",
  trailer: {
    ...HEALTHY_TRAILER,
    holds: true,
    intervalMs: 1_000,
    sequence: 5_000_000,
    stamp: { run: 7n, echo: { run: 8n, sequence: 9 } },
  },
};

async function signed(keyring: Keyring, bytes = encode(HEARTBEAT)): Promise<Uint8Array> {
  let result = new Uint8Array();
  keyring.sign(bytes, (datagram) => result = Uint8Array.from(datagram));
  await keyring.handedOver();
  return result;
}

Deno.test("sign() ends the datagram with HMAC-SHA256 over all that precedes", async () => {
  const datagram = await signed(await Keyring.of([FIRST]));
  assertEquals(datagram.length, SIGNED_BYTES);
  const said = datagram.subarray(0, -SIGNATURE_BYTES);
  assertEquals(said, encode(HEARTBEAT).subarray(0, -SIGNATURE_BYTES));
  const signature = createHmac("sha256", FIRST).update(said).digest("hex");
  assertEquals(datagram.subarray(-SIGNATURE_BYTES).toHex(), signature);
});

/** A heartbeat up to its id: version, priority twice, Elastic IP or its stand-in, id. */
const [HEAD, ID] = ["02010a0a", "3f8a2b649c1d4e7fa5b06d2c8e4f1a93"];
/** Magic, flags, key id, own priority, code of 1 s, sequence, run. */
const TRAILER = "45584f32" + "09190a41" + "00000000004c4b40" + "fedcba9876543210";
const ECHO = "1122334455667788" + "0000000000895441", NO_ECHO = "00".repeat(16);
const LONG = "20010db8000000010002000000000001";

/** Known answers; the signatures were computed with Python's hmac. */
const KNOWN: ReadonlyArray<
  readonly [elasticIp: string, heard: boolean, said: string, signature: string]
> = [
  [
    "198.51.100.50",
    true,
    HEAD + "c6336432" + ID + TRAILER + ECHO,
    "f2d7b80b72bb93739d1eed25d609883aec9bd0f9c9d8edd3d99a2f91681b7bc3",
  ],
  [
    "198.51.100.50",
    false,
    HEAD + "c6336432" + ID + TRAILER + NO_ECHO,
    "51cc33fa77d941a2eae514da308a5dc13b808e0e0aaa0176c92125ad0ffb4d5c",
  ],
  [
    "2001:db8:0:1:2::1",
    true,
    HEAD + "f0bd01aa" + ID + TRAILER + ECHO + LONG,
    "47cedb90f56ce51603764312cab7183e4a431b623f3896def365c147abea433e",
  ],
  [
    "2001:db8:0:1:2::1",
    false,
    HEAD + "f0bd01aa" + ID + TRAILER + NO_ECHO + LONG,
    "a78b0c4bbe029d75114982b1374e00e65656dc3bab2f4e6200bbc1e23be6772d",
  ],
];

for (const [elasticIp, heard, said, signature] of KNOWN) {
  const echo = heard ? { run: 0x1122334455667788n, sequence: 9_000_001 } : null;
  Deno.test(`a signed heartbeat for ${elasticIp} ${heard ? "with" : "without"} an echo has the known bytes`, async () => {
    const keyring = await Keyring.of([FIRST]);
    assertEquals(keyring.keyId, 0x19);
    const stamp = { run: 0xfedcba9876543210n, echo };
    const trailer: Trailer = { ...HEALTHY_TRAILER, holds: true, intervalMs: 1_000, sequence: 5e6 };
    const heartbeat = { ...HEARTBEAT, elasticIp, trailer: { ...trailer, keyId: 0x19, stamp } };
    assertEquals((await signed(keyring, encode(heartbeat))).toHex(), said + signature);
    const datagram = Uint8Array.fromHex(said + signature);
    assert(await keyring.verify(datagram, 0x19));
    assertEquals(decode(datagram), heartbeat);
  });
}

Deno.test("sign() covers the address that an IPv6 heartbeat has before its signature", async () => {
  const keyring = await Keyring.of([FIRST]);
  const datagram = await signed(keyring, encode({ ...HEARTBEAT, elasticIp: "2001:db8::1" }));
  assert(hasSignature(datagram) && await keyring.verify(datagram, keyring.keyId));
  datagram[70] = 1 ^ (datagram[70] ?? 0);
  assert(!await keyring.verify(datagram, keyring.keyId));
});

Deno.test("verify() refuses a datagram in which any single bit is another", async () => {
  const keyring = await Keyring.of([FIRST]);
  const datagram = await signed(keyring);
  assert(await keyring.verify(datagram, keyring.keyId));
  for (let at = 0; at < datagram.length; at++) {
    const other = Uint8Array.from(datagram);
    other[at] = (other[at] ?? 0) ^ (1 << (at % 8));
    assert(!await keyring.verify(other, keyring.keyId), `byte ${at}`);
  }
  assert(!await (await Keyring.of([SECOND])).verify(datagram, keyring.keyId), "another secret");
});

Deno.test("a keyring with two keys signs with the first and believes both", async () => {
  const [old, both, turned, next] = await Promise.all([
    Keyring.of([FIRST]),
    Keyring.of([FIRST, SECOND]),
    Keyring.of([SECOND, FIRST]),
    Keyring.of([SECOND]),
  ]);
  assert(old && both && turned && next);
  assertEquals([both.keyId, turned.keyId], [old.keyId, next.keyId]);
  assert(old.keyId >= 1 && next.keyId >= 1 && old.keyId !== next.keyId);
  assert(!old.knows(next.keyId) && !next.knows(old.keyId) && !both.knows(0));
  // At each step of a rotation, some nodes have taken it and some have not.
  for (const [here, there] of [[old, both], [both, turned], [turned, next]] as const) {
    for (const [from, to] of [[here, there], [there, here]] as const) {
      assert(to.knows(from.keyId));
      assert(await to.verify(await signed(from), from.keyId));
    }
  }
  await both.rekey([SECOND]);
  assertEquals(both.keyId, next.keyId);
  assert(!both.knows(old.keyId));
});

Deno.test("sign() returns at once and hands over in the order of its calls", async () => {
  const keyring = await Keyring.of([FIRST]);
  const order: number[] = [];
  for (let index = 0; index < 500; index++) {
    // Longer ones take longer to sign.
    const bytes = new Uint8Array(index % 2 === 0 ? 60_000 : 40);
    keyring.sign(bytes, () => void order.push(index));
  }
  assertEquals(order, [], "nothing was waited for");
  await keyring.handedOver();
  assertEquals(order, Array.from({ length: 500 }, (_, index) => index));
});

Deno.test("secretsIn() takes one secret or two, a line each", () => {
  assertEquals(secretsIn(`${FIRST}\n`), [FIRST]);
  assertEquals(secretsIn(`\n ${FIRST} \r\n${SECOND}`), [FIRST, SECOND]);
  assertEquals(secretsIn("é".repeat(8)), ["é".repeat(8)], "bytes count, not letters");
});

Deno.test("secretsIn() says what is wrong, and not what the secret is", () => {
  for (
    const [text, problem] of [
      ["", "it is empty"],
      [" \n", "it is empty"],
      ["fifteen bytes..", "the secret has 15 bytes, wanted at least 16"],
      [`${FIRST}\nshort`, "the secret in line 2 has 5 bytes, wanted at least 16"],
      [`${FIRST}\n${SECOND}\n${FIRST}`, "3 lines, wanted one secret, or two"],
    ] as const
  ) {
    const error = assertThrows(() => secretsIn(text), Error, problem);
    assert(!error.message.includes("short") && !error.message.includes("fifteen"));
  }
});
