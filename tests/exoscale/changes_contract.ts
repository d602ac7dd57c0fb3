// What every `Cloud` promises about its changes: they are done when the call ends, or the error says why not.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { CloudError, EVICT_WITHIN_MS } from "../../src/exoscale/cloud_error.ts";
import { RateLimiter } from "../../src/exoscale/rate_limiter.ts";
import {
  type Api,
  clientName,
  cloudFetch,
  CloudFixture,
  isChange,
  isPoll,
  PATIENT,
} from "../support/cloud/cloud_fixture.ts";

/** attach(), detachSelf(), evict(). */
export function testChanges(api: Api): void {
  const name = clientName(api);

  Deno.test(`${name}.attach() waits until it is done, and takes from nobody`, async () => {
    await using stage = new CloudFixture();
    stage.hold(stage.peer);
    stage.model.operationMs = 300;
    const cloud = stage.cloud(api);
    await cloud.prepare(PATIENT);
    await cloud.attach(PATIENT);
    assertEquals(stage.holders, [stage.peer.id, stage.self.id]);
    assertEquals([...stage.model.operations.values()].map(({ state }) => state), ["success"]);
    assert(stage.server.calls.filter(isPoll).length > 1, "not polled until the end");
  });

  for (const holds of [true, false]) {
    const when = holds ? "what is attached" : "what is not, and calls it done";
    Deno.test(`${name}.detachSelf() detaches ${when}`, async () => {
      await using stage = new CloudFixture();
      stage.hold(...holds ? [stage.self, stage.peer] : [stage.peer]);
      const cloud = stage.cloud(api);
      await cloud.prepare(PATIENT);
      await cloud.detachSelf(PATIENT);
      assertEquals(stage.holders, [stage.peer.id]);
    });
  }

  const evictions = [
    { holds: true, state: "running", onlyIfStopped: false, outcome: "taken" },
    { holds: true, state: "running", onlyIfStopped: true, outcome: "running" },
    { holds: true, state: "stopped", onlyIfStopped: true, outcome: "taken" },
    { holds: true, state: "stopped", onlyIfStopped: false, outcome: "taken" },
    { holds: true, state: "destroying", onlyIfStopped: true, outcome: "taken" },
    { holds: true, state: "destroyed", onlyIfStopped: false, outcome: "gone" },
    { holds: false, state: "running", onlyIfStopped: false, outcome: "absent" },
    { holds: false, state: "stopped", onlyIfStopped: true, outcome: "absent" },
  ] as const;
  for (const { holds, state, onlyIfStopped, outcome } of evictions) {
    const target = `a ${state} machine that ${holds ? "holds" : "holds nothing"}`;
    const how = onlyIfStopped ? "only if stopped" : "whatever its state";
    Deno.test(`${name}.evict() of ${target}, ${how}: ${outcome}`, async () => {
      await using stage = new CloudFixture();
      const { self, peer, third } = stage;
      stage.hold(self, third, ...holds ? [peer] : []);
      const before = stage.holders;
      peer.state = state;
      const cloud = stage.cloud(api);
      await cloud.prepare(PATIENT);
      assertEquals(await cloud.evict(peer.id, { onlyIfStopped }, PATIENT), outcome);
      const taken = outcome === "taken";
      assertEquals(stage.changes.length, taken ? 1 : 0);
      assertEquals(stage.holders, taken ? [self.id, third.id] : before);
    });
  }

  Deno.test(`${name} lets a change start at once, though readings must wait`, async () => {
    await using stage = new CloudFixture();
    const { clock } = stage, cloud = stage.cloud(api);
    await cloud.prepare(PATIENT);
    while (stage.server.calls.length < 4) await cloud.inspect(stage.peer.id, PATIENT);
    const sinceMs = clock.nowMs(), before = stage.server.calls.length;
    const change = cloud.attach(PATIENT), reading = cloud.inspect(stage.peer.id, PATIENT);
    await Promise.all([change, reading]);
    const [first, ...others] = stage.server.calls.slice(before);
    assert(first && isChange(first), "the change is first");
    // Only then the window of the first reads is over.
    assert(others.every((call) => isPoll(call) || call.atMs > sinceMs + 200), "readings wait");
  });

  // CloudStack's reason for a failed job does not tell whether it is temporary.
  const reasons: [string, boolean][] = [
    ["busy", true],
    ["conflict", true],
    ["unavailable", true],
    ["forbidden", api === "v1"],
    ["incorrect", api === "v1"],
    ["unsupported", api === "v1"],
  ];
  for (const failsLate of [false, true]) {
    const when = failsLate ? "once it was pending" : "at the first sight";
    Deno.test(`${name} names an operation that fails ${when}, with its reason`, async () => {
      await using stage = new CloudFixture();
      stage.hold(stage.peer);
      stage.model.failsLate = failsLate;
      for (const [reason, retryable] of reasons) {
        stage.model.failure = reason;
        const cloud = stage.cloud(api);
        await cloud.prepare(PATIENT);
        const error = await assertRejects(() => cloud.attach(PATIENT), CloudError, reason);
        assertEquals([error.kind, error.retryable], ["operation-failed", retryable], reason);
      }
      assertEquals(stage.holders, [stage.peer.id]);
    });
  }

  Deno.test(`${name}.evict() goes out on a connection that has just been made`, async () => {
    await using stage = new CloudFixture();
    const { self, peer } = stage;
    stage.hold(self, peer);
    const cloud = stage.cloud(api);
    await cloud.prepare(PATIENT);
    await cloud.detachSelf(PATIENT);
    assertEquals(await cloud.evict(peer.id, { onlyIfStopped: false }, PATIENT), "taken");
    const used = (index: number) => {
      const call = stage.changes.at(index)!;
      const before = stage.server.calls.slice(0, stage.server.calls.indexOf(call));
      return before.some(({ fromPort }) => fromPort === call.fromPort);
    };
    assertEquals([used(0), used(1)], [true, false], "our own hold may go on one from before");
  });

  Deno.test(`${name}.evict() takes nothing when its machine slept after looking`, async () => {
    await using stage = new CloudFixture();
    const { self, peer } = stage;
    stage.hold(self, peer);
    const { clock } = stage;
    const cloud = stage.cloud(api, {
      fetch: async (url, init) => {
        const answer = await cloudFetch(url, init);
        if (url.href.includes(peer.id)) clock.skip(EVICT_WITHIN_MS);
        return answer;
      },
    });
    await cloud.prepare(PATIENT);
    const evict = () => cloud.evict(peer.id, { onlyIfStopped: false }, PATIENT);
    const error = await assertRejects(evict, CloudError);
    assertEquals([error.kind, error.retryable], ["late", true]);
    assertEquals(stage.holders, [self.id, peer.id]);
  });

  Deno.test(`${name}.evict() takes nothing when its request waited for its turn too long`, async () => {
    await using stage = new CloudFixture();
    const { self, peer } = stage;
    stage.hold(self, peer);
    const { clock } = stage;
    const limiter = new RateLimiter(clock);
    const turn = limiter.turn.bind(limiter);
    limiter.turn = (writes, signal) => {
      if (writes) clock.skip(EVICT_WITHIN_MS);
      return turn(writes, signal);
    };
    const cloud = stage.cloud(api, { limiter });
    await cloud.prepare(PATIENT);
    const evict = () => cloud.evict(peer.id, { onlyIfStopped: false }, PATIENT);
    const error = await assertRejects(evict, CloudError);
    assertEquals([error.kind, error.retryable, stage.changes.length], ["late", true, 0]);
    // A node's request for itself does not become stale.
    await cloud.detachSelf(PATIENT);
    assertEquals(stage.holders, [peer.id]);
  });
}
