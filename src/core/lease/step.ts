// Takes, renews and gives up the lease. Pure: calls leave as values with a number, and answers return as events with
// the same number. At most three calls are under way: one that changes the lease, one that keeps our candidate, and one
// that reads.
import { durationText, spanText } from "../age.ts";
import { backoffMs } from "../backoff.ts";
import { instanceTitle } from "../instance_title.ts";
import { type Report, report, type Say } from "../registry/events.ts";
import type { LeaseAnswer, LeaseCall, LeaseSight } from "./call.ts";
import { ANNOUNCE_CAP_MS, announced, nextAnnounce, readsSoon } from "./candidates.ts";
import {
  barring,
  type Due,
  IDLE_SLOT,
  inheritedUntilMs,
  type Lease,
  LEASE_SLOTS,
  type LeaseEvent,
  type LeaseSlotName,
  leaseSlotOf,
  lossAtMs,
  lossMs,
  ownerOf,
  renewMs,
} from "./state.ts";

/** Waits between attempts: all attempts of an owner must fit into a third of the time to live. */
const OWNER_BACKOFF = { firstMs: 100, capMs: 1_000, jitter: 0.5 };
const OTHER_BACKOFF = { firstMs: 100, capMs: 5_000, jitter: 0.5 };
/** The first attempt gets this part of the time to live, each further one twice as much, up to a third. */
const FIRST_TRY = 1 / 9, LONGEST_TRY = 1 / 3;
/** Longest first attempt: however long the time to live is, do not wait long for a silent endpoint. */
const FIRST_TRY_MAX_MS = 5_000;

/** A call with its number, and the time that its one attempt gets. */
export interface NumberedLeaseCall {
  readonly id: number;
  readonly call: LeaseCall;
  readonly limitMs: number;
}

/** Takes in an event; returns the state after it and reports for the operator. Begins no calls. */
export function learnLease(before: Lease, event: LeaseEvent, atMs: number): [Lease, Report[]] {
  const reports: Report[] = [];
  const say: Say = (...args) => void reports.push(report(...args));
  const told = absorb(before, event, { atMs, say });
  return [passTime(told, { atMs, say }), reports];
}

/** Begins the calls that are due. */
export function actLease(before: Lease, atMs: number): [Lease, NumberedLeaseCall[]] {
  let lease = before;
  const calls: NumberedLeaseCall[] = [];
  for (const slot of LEASE_SLOTS) {
    const due = nextOf(lease, slot);
    if (due === null || due.atMs > atMs) continue;
    const { call } = due, id = lease.lastCallId + 1;
    calls.push({ id, call, limitMs: limitOf(lease, slot) });
    const inFlight = { id, call, startedAtMs: atMs };
    lease = { ...begun(lease, call), lastCallId: id, [slot]: { ...lease[slot], inFlight } };
  }
  return [lease, calls];
}

/** When the lease wants to be stepped next. */
export function leaseWakeAtMs(lease: Lease): number {
  const dues = LEASE_SLOTS.map((slot) => nextOf(lease, slot)?.atMs ?? Infinity);
  const lostAtMs = lease.tenure === null ? Infinity : lossAtMs(lease);
  const unreachableAtMs = lease.reachable ? lease.answeredAtMs + lossMs(lease) : Infinity;
  const inheritedMs = lease.tenure?.inherited ? inheritedUntilMs(lease) : Infinity;
  return Math.min(...dues, lostAtMs, unreachableAtMs, inheritedMs);
}

interface Circumstances {
  readonly atMs: number;
  readonly say: Say;
}

function absorb(lease: Lease, event: LeaseEvent, now: Circumstances): Lease {
  switch (event.kind) {
    case "tick":
      return lease;
    case "wish":
      return { ...lease, wish: event.wish };
    case "store-seen":
      return (lease.sight?.version ?? -Infinity) < event.sight.version
        ? shown(lease, event.sight, now)
        : lease;
    case "store-answered":
      return answered(lease, event, now);
    case "store-failed":
      return failed(lease, event, now.atMs);
    default:
      return event satisfies never;
  }
}

/** Applies what time alone changes: a lease without a renewal is lost, and a silent store counts as unreachable. */
function passTime(lease: Lease, { atMs, say }: Circumstances): Lease {
  const reachable = atMs < lease.answeredAtMs + lossMs(lease);
  let next = lease;
  if (lease.reachable !== reachable) {
    if (reachable) say("info", "store-back", "the store of the lease answers again");
    else say("warning", "store-lost", lostText(lease, atMs));
    // While the store was away, no node could keep its candidate there, and the owner not its lease.
    next = { ...next, reachable, doubtUntilMs: atMs + lease.settings.ttlMs };
  }
  // The lease that we give up has expired in the store, so no release is needed any more.
  if (lease.release !== null && !lease.write.inFlight && atMs >= lease.release.untilMs) {
    next = { ...next, release: null, write: IDLE_SLOT, sight: null };
  }
  if (lease.tenure?.inherited && atMs >= inheritedUntilMs(lease)) {
    next = { ...next, tenure: { ...lease.tenure, inherited: false } };
  }
  if (lease.tenure === null || atMs < lossAtMs(lease)) return next;
  const { renewedAtMs } = lease.tenure, { ttlMs, failsafe, heartbeats } = lease.settings;
  const unless = failsafe && heartbeats ? ", unless the failsafe keeps it" : "";
  const text = `this node does not own the lease any more: it sent its last successful renewal ` +
    `${spanText(atMs - renewedAtMs)} ago, and uses the last third of the lease's ` +
    `${durationText(ttlMs)} to detach the address${unless}`;
  say("warning", "lease-lost", text);
  const sight = lease.settings.heartbeats ? next.sight : null;
  return { ...next, tenure: null, lost: true, sight };
}

function lostText({ answeredAtMs, tenure }: Lease, atMs: number): string {
  const then = `this node cannot ${tenure === null ? "get the" : "renew its"} lease`;
  const span = spanText(atMs - answeredAtMs);
  return `the store of the lease has served no request for ${span}: ${then}`;
}

function answered(
  lease: Lease,
  { id, answer }: Extract<LeaseEvent, { kind: "store-answered" }>,
  now: Circumstances,
): Lease {
  const slot = leaseSlotOf(lease, id);
  const flight = slot && lease[slot].inFlight;
  if (!slot || !flight) return lease;
  const { startedAtMs, call } = flight;
  const landed: Lease = {
    ...lease,
    [slot]: IDLE_SLOT,
    answeredAtMs: Math.max(lease.answeredAtMs, startedAtMs),
  };
  switch (answer.verb) {
    case "read":
      // If the request left after the last sight, a lower version means that the store was restored from a backup.
      return startedAtMs > lease.sightAtMs ||
          answer.sight.version > (lease.sight?.version ?? -Infinity)
        ? shown(landed, answer.sight, { ...now, asOfMs: startedAtMs })
        : landed;
    case "acquire":
      return acquired(landed, { call, answer }, { ...now, asOfMs: startedAtMs });
    case "renew": {
      const ours = lease.tenure;
      if (ours === null || call.verb !== "renew" || call.token !== ours.token) return landed;
      if (answer.ours) return { ...landed, tenure: { ...ours, renewedAtMs: startedAtMs } };
      now.say("warning", "lease-lost", GONE);
      return { ...landed, tenure: null, lost: true, sight: null };
    }
    case "release":
      now.say("info", "lease-released", releasedText(lease));
      return { ...landed, release: null, sight: null };
    case "announce":
      return announced(landed, { ...answer, call, startedAtMs, atMs: now.atMs });
    default:
      return answer satisfies never;
  }
}

const GONE = "this node does not own the lease any more: the store does not have it, because it " +
  "expired there or somebody deleted it";

function releasedText({ release }: Lease): string {
  return release?.to
    ? `this node gave the lease up to instance ${release.to}, which alone may take it for now`
    : "this node gave the lease up: its next owner first takes the address from all others";
}

function acquired(
  lease: Lease,
  { call, answer: { token, sight } }: {
    call: LeaseCall;
    answer: Extract<LeaseAnswer, { verb: "acquire" }>;
  },
  { asOfMs, ...now }: Circumstances & { asOfMs: number },
): Lease {
  // The watch may have shown what we took already.
  const clean = call.verb === "acquire" && call.clean;
  const next = shown(lease, sight, { ...now, asOfMs });
  if (token === null) return next;
  now.say("info", "lease-acquired", acquiredText(lease, clean));
  // The replaced record was our own: an earlier process wrote it, or an attempt of ours whose answer got lost.
  const inherited = call.verb === "acquire" && call.revision !== null && !clean;
  const tenure = { token, sinceMs: now.atMs, renewedAtMs: asOfMs, clean, inherited };
  return { ...next, tenure, lost: false };
}

function acquiredText({ sight, wish: { self } }: Lease, clean: boolean): string {
  const before = sight?.record;
  if (clean && before) {
    // The watch was quicker than the answer: its record is our own already.
    if (before.instanceId === self) return "this node owns the lease, which was given up to it";
    const who = instanceTitle(before);
    return `this node owns the lease, which ${who} gave up to it after detaching the address`;
  }
  return "this node owns the lease: it takes the address from all others before it attaches it";
}

/** Takes in what the store shows. Another node's record ends our lease. */
function shown(
  lease: Lease,
  sight: LeaseSight,
  { atMs, say, asOfMs = atMs }: Circumstances & { asOfMs?: number },
): Lease {
  const next = { ...lease, sight, sightAtMs: asOfMs };
  const other = barring(next);
  if (other === null) return next;
  if (lease.tenure === null) return { ...next, lost: false };
  const text = `this node does not own the lease any more: ${ownerOf(other)} has it now`;
  say("warning", "lease-lost", text);
  return { ...next, tenure: null, lost: false };
}

function failed(
  lease: Lease,
  { id, roll }: Extract<LeaseEvent, { kind: "store-failed" }>,
  atMs: number,
): Lease {
  const slot = leaseSlotOf(lease, id);
  if (!slot) return lease;
  const { failures } = lease[slot];
  const backoff = backoffOf(lease, slot);
  const notBeforeMs = atMs + backoffMs(backoff, failures, roll);
  const next = { ...lease, [slot]: { inFlight: null, failures: failures + 1, notBeforeMs } };
  // The attempt may have taken the lease all the same, so read again before the next one.
  return slot === "write" ? { ...next, sight: null } : next;
}

function backoffOf(lease: Lease, slot: LeaseSlotName) {
  if (slot === "announce") {
    return { ...OTHER_BACKOFF, capMs: Math.min(ANNOUNCE_CAP_MS, renewMs(lease)) };
  }
  // A node that lost its lease may still hold, and wants it back before another node takes it.
  return lease.tenure !== null || lease.lost ? OWNER_BACKOFF : OTHER_BACKOFF;
}

/** From the first attempt to give it up, the lease is not ours any more. */
function begun(lease: Lease, call: LeaseCall): Lease {
  const { tenure } = lease;
  if (call.verb !== "release" || tenure === null) return lease;
  const untilMs = tenure.renewedAtMs + lease.settings.ttlMs;
  return { ...lease, tenure: null, release: { token: call.token, to: call.to, untilMs } };
}

const NEXT = { read: nextRead, write: nextWrite, announce: nextAnnounce };

function nextOf(lease: Lease, slot: LeaseSlotName): Due | null {
  if (lease[slot].inFlight) return null;
  const due = NEXT[slot](lease);
  return due && { ...due, atMs: Math.max(due.atMs, lease[slot].notBeforeMs) };
}

/**
 * When to read. An owner does not need to, because its renewals show the state of the lease, unless it knows the other
 * nodes from the store. The watch cannot replace readings: only an answer proves that the store can be reached.
 */
function nextRead(lease: Lease): Due | null {
  if (lease.tenure !== null && lease.settings.heartbeats) return null;
  const readAtMs = Math.min(lease.sightAtMs, lease.answeredAtMs);
  const atMs = lease.sight === null || readsSoon(lease) ? -Infinity : readAtMs + renewMs(lease);
  return { call: { verb: "read" }, atMs };
}

function nextWrite(lease: Lease): Due | null {
  const { tenure, release, sight, wish } = lease;
  if (release !== null) {
    const { token, to } = release;
    return { call: { verb: "release", token, to }, atMs: -Infinity };
  }
  if (tenure !== null) {
    const { token, renewedAtMs } = tenure;
    if (wish.giveUp) {
      return { call: { verb: "release", token, to: wish.giveUp.to }, atMs: -Infinity };
    }
    const atMs = renewedAtMs < wish.freshSinceMs ? -Infinity : renewedAtMs + renewMs(lease);
    return { call: { verb: "renew", token }, atMs };
  }
  if (!wish.take || wish.self === null || sight === null || barring(lease)) return null;
  const { revision = null, releasedTo } = sight.record ?? {};
  const clean = releasedTo === wish.self;
  return { call: { verb: "acquire", revision, clean }, atMs: -Infinity };
}

/** How long one attempt may take: the first ones less, so that another endpoint gets its turn in time. */
function limitOf({ settings: { ttlMs }, ...lease }: Lease, slot: LeaseSlotName): number {
  const firstMs = Math.min(ttlMs * FIRST_TRY, FIRST_TRY_MAX_MS);
  return Math.min(firstMs * 2 ** lease[slot].failures, ttlMs * LONGEST_TRY);
}
