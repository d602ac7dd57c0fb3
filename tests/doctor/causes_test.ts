// --doctor names the cause, once: the right one of two faults, and what to do about it.
import { assertEquals } from "@std/assert";
import { ELASTIC_IP } from "../exoscale/stage.ts";
import { examine, healthyStage } from "./examination.ts";

Deno.test("--doctor tells another secret from another Elastic IP where peers watch several", async () => {
  await using stage = healthyStage();
  const also = stage.model.addAddress("198.51.100.60").ip;
  const { of } = await examine(stage, {
    argv: ["-xi", `${ELASTIC_IP},${also}`],
    env: { IF_SHARED_SECRET: "a secret of the tests" },
    peersSecret: "another secret of tests",
    peers: [{ also }, { elasticIp: also }],
  });
  const secret = "signs with a shared secret that is not ours: correct its configuration or ours";
  const other = `watches ${also}, not ${ELASTIC_IP}: correct its configuration or ours`;
  assertEquals(of("heartbeats"), [
    `FAIL 203.0.113.12 (${ELASTIC_IP}) ${secret}`,
    `FAIL 203.0.113.13 (${ELASTIC_IP}) ${other}`,
    `FAIL 203.0.113.12 (${also}) ${secret}`,
    `FAIL 203.0.113.13 (${also}) ${secret}`,
  ]);
});
