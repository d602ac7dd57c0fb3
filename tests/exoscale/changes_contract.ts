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
    await using fixture = new CloudFixture();
    fixture.hold(fixture.peer);
    fixture.model.operationMs = 300;
    const cloud = fixture.cloud(api);
    await cloud.prepare(PATIENT);
    await cloud.attach(PATIENT);
    assertEquals(fixture.holders, [fixture.peer.id, fixture.self.id]);
    assertEquals([...fixture.model.operations.values()].map(({ state }) => state), ["success"]);
    assert(fixture.server.calls.filter(isPoll).length > 1, "not polled until the end");
  });

  for (const holds of [true, false]) {
    const when = holds ? "what is attached" : "what is not, and calls it done";
    Deno.test(`${name}.detachSelf() detaches ${when}`, async () => {
      await using fixture = new CloudFixture();
      fixture.hold(...holds ? [fixture.self, fixture.peer] : [fixture.peer]);
      const cloud = fixture.cloud(api);
      await cloud.prepare(PATIENT);
      await cloud.detachSelf(PATIENT);
      assertEquals(fixture.holders, [fixture.peer.id]);
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
      await using fixture = new CloudFixture();
      const { self, peer, third } = fixture;
      fixture.hold(self, third, ...holds ? [peer] : []);
      const before = fixture.holders;
      peer.state = state;
      const cloud = fixture.cloud(api);
      await cloud.prepare(PATIENT);
      assertEquals(await cloud.evict(peer.id, { onlyIfStopped }, PATIENT), outcome);
      const taken = outcome === "taken";
      assertEquals(fixture.changes.length, taken ? 1 : 0);
      assertEquals(fixture.holders, taken ? [self.id, third.id] : before);
    });
  }

  Deno.test(`${name} lets a change start at once, though readings must wait`, async () => {
    await using fixture = new CloudFixture();
    const { clock } = fixture, cloud = fixture.cloud(api);
    await cloud.prepare(PATIENT);
    while (fixture.server.calls.length < 4) await cloud.inspect(fixture.peer.id, PATIENT);
    const sinceMs = clock.nowMs(), before = fixture.server.calls.length;
    const change = cloud.attach(PATIENT), reading = cloud.inspect(fixture.peer.id, PATIENT);
    await Promise.all([change, reading]);
    const [first, ...others] = fixture.server.calls.slice(before);
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
      await using fixture = new CloudFixture();
      fixture.hold(fixture.peer);
      fixture.model.failsLate = failsLate;
      for (const [reason, retryable] of reasons) {
        fixture.model.failure = reason;
        const cloud = fixture.cloud(api);
        await cloud.prepare(PATIENT);
        const error = await assertRejects(() => cloud.attach(PATIENT), CloudError, reason);
        assertEquals([error.kind, error.retryable], ["operation-failed", retryable], reason);
      }
      assertEquals(fixture.holders, [fixture.peer.id]);
    });
  }

  Deno.test(`${name}.evict() goes out on a connection that has just been made`, async () => {
    await using fixture = new CloudFixture();
    const { self, peer } = fixture;
    fixture.hold(self, peer);
    const cloud = fixture.cloud(api);
    await cloud.prepare(PATIENT);
    await cloud.detachSelf(PATIENT);
    assertEquals(await cloud.evict(peer.id, { onlyIfStopped: false }, PATIENT), "taken");
    const used = (index: number) => {
      const call = fixture.changes.at(index)!;
      const before = fixture.server.calls.slice(0, fixture.server.calls.indexOf(call));
      return before.some(({ fromPort }) => fromPort === call.fromPort);
    };
    assertEquals([used(0), used(1)], [true, false], "our own hold may go on one from before");
  });

  Deno.test(`${name}.evict() takes nothing when its machine slept after looking`, async () => {
    await using fixture = new CloudFixture();
    const { self, peer } = fixture;
    fixture.hold(self, peer);
    const { clock } = fixture;
    const cloud = fixture.cloud(api, {
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
    assertEquals(fixture.holders, [self.id, peer.id]);
  });

  Deno.test(`${name}.evict() takes nothing when its request waited for its turn too long`, async () => {
    await using fixture = new CloudFixture();
    const { self, peer } = fixture;
    fixture.hold(self, peer);
    const { clock } = fixture;
    const limiter = new RateLimiter(clock);
    const turn = limiter.turn.bind(limiter);
    limiter.turn = (writes, signal) => {
      if (writes) clock.skip(EVICT_WITHIN_MS);
      return turn(writes, signal);
    };
    const cloud = fixture.cloud(api, { limiter });
    await cloud.prepare(PATIENT);
    const evict = () => cloud.evict(peer.id, { onlyIfStopped: false }, PATIENT);
    const error = await assertRejects(evict, CloudError);
    assertEquals([error.kind, error.retryable, fixture.changes.length], ["late", true, 0]);
    // A node's request for itself does not become stale.
    await cloud.detachSelf(PATIENT);
    assertEquals(fixture.holders, [peer.id]);
  });
}
