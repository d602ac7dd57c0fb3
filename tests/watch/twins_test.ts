// How much work heartbeats with our own id can cause.
import { assert, assertEquals } from "@std/assert";
import { encode, type Stamp } from "../../src/core/heartbeat.ts";
import { Keyring } from "../../src/host/keyring.ts";
import { Twins } from "../../src/watch/twins.ts";
import { SELF_RUN, TRAILER } from "../support/node_fixture.ts";
import { SELF } from "../support/simulated_machine.ts";

const STRANGE = "203.0.113.99";

Deno.test("of signatures under our own id ten a second are looked at, of unsigned ones none", async () => {
  let nowMs = 10_000, checks = 0;
  const clock = { nowMs: () => nowMs, wallMs: () => 0, sleep: () => Promise.resolve() };
  const keyring = await Keyring.of(["a secret of the whole cluster"]);
  keyring.verify = () => Promise.resolve((checks += 1) < 0);
  const counted: string[] = [];
  const refuse = (_: string, reason: string) => void counted.push(reason);
  const twins = new Twins({
    clock,
    keyring,
    run: SELF_RUN,
    acceptUnsigned: false,
    trailer: true,
    sender: { hasSent: () => false, asksItself: false },
    refusals: { refuse, count: refuse },
    localAddresses: [],
  });
  const flood = async (stamp: Stamp | null) => {
    const trailer = { ...TRAILER, keyId: stamp ? keyring.keyId : 0, stamp };
    const heartbeat = { priority: 10, elasticIp: "198.51.100.50", id: SELF, trailer };
    for (let count = 0; count < 1_000; count++, nowMs++) {
      const deliver = () => assert(false, "its signature is wrong, or none");
      await twins.admit({ bytes: encode(heartbeat), from: STRANGE, heartbeat, deliver });
    }
  };
  await flood({ run: 9n, echo: null });
  assertEquals([checks, counted.length], [10, 1_000], "and all are counted");
  await flood(null);
  assertEquals([checks, counted.filter((word) => word === "unsigned").length], [10, 1_000]);
});
