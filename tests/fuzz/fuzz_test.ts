// The fuzz targets with a fixed effort on every push (`deno task fuzz` runs longer), and a test that a fault is found.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "../support/fast_check.ts";
import { CloudV2 } from "../../src/exoscale/cloud_v2.ts";
import type { PeerList, Sighting } from "../../src/world.ts";
import { client } from "../support/fuzz/cloud.ts";
import { run, target } from "../support/fuzz/target.ts";
import { TARGETS } from "../support/fuzz/targets.ts";
import { hostileText } from "../support/fuzz/texts.ts";
import "../support/libraries.ts";

/** Inputs per target; few, since the cloud targets make hundreds of requests for each. */
const RUNS = 60;

for (const target of TARGETS) {
  Deno.test(`fuzz ${target.name}: ${target.promise}`, async () => {
    const { runs, find } = await run(target, { seed: 20_261_125, runs: RUNS });
    assert(find === null, `${find?.error}\ninput: ${find?.input}`);
    assertEquals(runs, RUNS);
  });
}

Deno.test("run() finds a fault, shrinks its input, and finds it again by seed and path", async () => {
  const faulty = target("faulty", "no datagram has a seven", [
    fc.uint8Array({ maxLength: 120 }),
    (bytes) => assert(!bytes.includes(7), "seven"),
  ]);
  const { find } = await run(faulty, { seed: 1, runs: 2_000 });
  assert(find !== null);
  assertStringIncludes(find.error, "seven");
  assertEquals(find.input, '"hex:07"');
  const again = await run(faulty, { seed: 1, path: find.path });
  assertEquals([again.find?.input, again.runs], [find.input, 1]);
  const other = await run(faulty, { seed: 1, runs: 2_000 });
  assertEquals(other.find?.path, find.path, "the same seed takes the same course");
});

class Credulous extends CloudV2 {
  override async members(signal: AbortSignal): Promise<PeerList> {
    const { peers, inPeerList } = await super.members(signal);
    return { peers: peers.map((peer) => ({ ...peer, address: "evil.test" })), inPeerList };
  }
}

class Clumsy extends CloudV2 {
  override async look(options: { others: boolean }, signal: AbortSignal): Promise<Sighting> {
    return await super.look(options, signal).catch((error) => {
      throw new TypeError(error.message);
    });
  }
}

for (const Broken of [Credulous, Clumsy]) {
  Deno.test(`the fuzzer notices a client that is ${Broken.name.toLowerCase()}`, async () => {
    const { find } = await run(client("v2", Broken), { seed: 1, runs: RUNS });
    assert(find !== null);
  });
}

Deno.test("run() ends in time, and a name is given to each target once", async () => {
  const slow = target("slow", "", [
    fc.nat(),
    () => new Promise((resolve) => setTimeout(resolve, 5)),
  ]);
  const { runs, find } = await run(slow, { seed: 1, withinMs: 100 });
  assert(find === null && runs > 0 && runs < 100, `${runs} runs`);
  assertEquals(new Set(TARGETS.map(({ name }) => name)).size, TARGETS.length);
});

Deno.test("hostile texts have line breaks, escapes, halves of characters, and length", () => {
  const texts = fc.sample(hostileText, { seed: 1, numRuns: 500 });
  for (const sign of [/\n/, /\p{Cc}/u, /\p{Cs}/u, /__proto__/, /^$/, /^.{1000}/su]) {
    assert(texts.some((text) => sign.test(text)), `${sign}`);
  }
});
