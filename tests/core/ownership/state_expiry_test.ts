// Until when the cloud may carry out what the owner of a lease has sent.
import { assertEquals } from "@std/assert";
import { CARRY_OUT_MS, CHANGE_LIFETIME_MS } from "../../../src/core/lease/state.ts";
import { arrivesUntilMs, type Ownership } from "../../../src/core/ownership/state.ts";
import { act, learn, ownershipWakeAtMs } from "../../../src/core/ownership/step.ts";
import { HOLD, owner, TERMS } from "../../support/held_address.ts";

/** The owner once its attach has left at 20 s, under a lease until 30 s. */
function attaching(): Ownership {
  const [state] = act({ ...owner(), prepared: true, lookedAtMs: 20_000 }, 20_000);
  assertEquals(state.write.inFlight?.call, { verb: "attach" });
  return state;
}

/** A slot that makes no call for now. */
const BUSY = { ...owner().read, notBeforeMs: 1e9 };
const FAILED = { kind: "failed", retryable: true, retryAfterMs: null, roll: 0 } as const;
const ATTACHED = { kind: "answered", answer: { verb: "attach" }, roll: 0 } as const;

Deno.test("a change that is under way may be carried out until it expires with the lease, and 5 s more", () => {
  const sent = attaching();
  assertEquals(arrivesUntilMs(sent), 30_000 + CARRY_OUT_MS);
  const renewed = { ...HOLD, underLease: true, lease: { ...TERMS, endsAtMs: 33_000 } };
  const [later] = learn(sent, { kind: "desired", desired: renewed }, 23_000);
  assertEquals(arrivesUntilMs(later), 33_000 + CARRY_OUT_MS);
  const lost = { ...HOLD, intent: "release", underLease: true, lease: null } as const;
  const [without] = learn(later, { kind: "desired", desired: lost }, 25_000);
  const untilMs = 33_000 + CARRY_OUT_MS;
  assertEquals(arrivesUntilMs(without), untilMs, "nothing more leaves, but what left is good");
});

Deno.test("a change that the cloud has accepted may be carried out for as long as its call goes on", () => {
  const sent = attaching(), id = sent.lastCallId;
  const [accepted] = learn(sent, { kind: "accepted", id }, 21_000);
  assertEquals(arrivesUntilMs(accepted), Infinity);
  const lost = { ...HOLD, intent: "keep", underLease: true, lease: null } as const;
  const [without] = learn(accepted, { kind: "desired", desired: lost }, 25_000);
  const [later] = learn(without, { kind: "tick" }, 60_000);
  assertEquals(arrivesUntilMs(later), Infinity, "it does not expire");
  const [done] = learn(later, { ...ATTACHED, id, open: false }, 63_000);
  assertEquals([arrivesUntilMs(done), done.holding], [-Infinity, true]);
  const [ended] = learn(accepted, { ...FAILED, id, open: true }, 26_000);
  const untilMs = 26_000 + CHANGE_LIFETIME_MS + CARRY_OUT_MS;
  assertEquals(arrivesUntilMs(ended), untilMs, "nobody follows it any more");
  const [other] = learn(sent, { kind: "accepted", id: id + 1 }, 21_000);
  assertEquals(other, sent, "another call");
  const free = act({ ...owner(), prepared: true, desired: HOLD }, 20_000)[0];
  const call = { kind: "accepted", id: free.write.inFlight!.id } as const;
  assertEquals(learn(free, call, 21_000)[0], free, "without a lease");
});

Deno.test("a change that failed may arrive until it expires, whatever comes after it", () => {
  const sent = attaching(), id = sent.lastCallId;
  const [failed] = learn(sent, { ...FAILED, id }, 21_000);
  const untilMs = 30_000 + CARRY_OUT_MS;
  assertEquals(arrivesUntilMs(failed), untilMs);
  const idle = { ...failed, read: BUSY, write: BUSY, evict: BUSY };
  assertEquals(ownershipWakeAtMs(idle), untilMs, "then the lease can be given up");
  const [over] = learn({ ...failed, looksAtMs: [60_000] }, { kind: "tick" }, untilMs);
  assertEquals(arrivesUntilMs(over), -Infinity);
  assertEquals(
    [over.changedAtMs, over.looksAtMs[0]],
    [untilMs, untilMs],
    "a look must show the end",
  );
});

Deno.test("a change that was answered, or refused, cannot arrive again unless a request got no answer", () => {
  const sent = attaching(), id = sent.lastCallId;
  for (const end of [{ ...ATTACHED, id }, { ...FAILED, id }]) {
    const [sure] = learn(sent, { ...end, open: false }, 24_000);
    assertEquals(arrivesUntilMs(sure), -Infinity);
    const [doubtful] = learn(sent, { ...end, open: true }, 24_000);
    assertEquals(arrivesUntilMs(doubtful), 30_000 + CARRY_OUT_MS);
  }
});

Deno.test("an attach that was sent twice may arrive after the Elastic IP was released, too", () => {
  const sent = attaching(), id = sent.lastCallId;
  const [released] = learn(sent, { ...FAILED, id, open: true, released: "gone" }, 24_000);
  assertEquals([released.released, arrivesUntilMs(released)], ["gone", 30_000 + CARRY_OUT_MS]);
});

Deno.test("what was sent under a long lease expires long before that lease", () => {
  const long = { ...HOLD, underLease: true, lease: { ...TERMS, endsAtMs: 320_000 } };
  const [sent] = learn(attaching(), { kind: "desired", desired: long }, 20_000);
  assertEquals(arrivesUntilMs(sent), 320_000 + CARRY_OUT_MS, "it may be sent again at any moment");
  const [failed] = learn(sent, { ...FAILED, id: sent.lastCallId }, 25_000);
  assertEquals(arrivesUntilMs(failed), 25_000 + CHANGE_LIFETIME_MS + CARRY_OUT_MS);
  const unwanted = { ...HOLD, intent: "release", underLease: true, lease: null } as const;
  const [without] = learn(sent, { kind: "desired", desired: unwanted }, 26_000);
  const [later] = learn(without, { kind: "tick" }, 30_000);
  const untilMs = 26_000 + CHANGE_LIFETIME_MS + CARRY_OUT_MS;
  assertEquals(arrivesUntilMs(later), untilMs, "none leaves any more");
});

Deno.test("without a lease no change is noted as still on its way", () => {
  const [sent] = act({ ...attaching(), write: owner().write, desired: HOLD }, 20_000);
  const [failed] = learn(sent, { ...FAILED, id: sent.lastCallId }, 21_000);
  assertEquals([sent, failed].map(arrivesUntilMs), [-Infinity, -Infinity]);
});
