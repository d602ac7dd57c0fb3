// Break before make, for the owner of a lease: it takes the address from every other holder, sees that nobody has it,
// and only then attaches it. Afterwards it goes on looking, because an attach that somebody sent in time may show late.
//
// The owner acts on what a look shows only after a renewal that it sent after that look began: a process or a machine
// that slept in between finds out first that the lease is not its own any more.
import { CHANGE_LIFETIME_MS, type LeaseTerms } from "../lease/state.ts";
import { instanceTitle } from "../instance_title.ts";
import type { Call, CallSlot, OtherHolder } from "./call.ts";
import { CLOUD_LAG_MS } from "./evictions.ts";
import { type Circumstances, lookAt, type Ownership } from "./state.ts";

/**
 * Looks after an attach under a lease, and after a holder got the lease: what others sent in time may show late, until
 * it expires, and what the cloud accepted from them until it gives the operation up.
 */
export const LATE_LOOKS_MS = [3_000, 6_000, 10_000, 14_000, 19_000, 30_000, 45_000, 62_000];

/** When to look for what others sent before the lease became ours; none if it was ours already. */
export function looksForLate(
  { desired, holding }: Ownership,
  before: LeaseTerms | null,
  atMs: number,
): number[] {
  const terms = desired?.lease;
  if (!terms || holding !== true || terms.sinceMs === before?.sinceMs) return [];
  return LATE_LOOKS_MS.map((inMs) => terms.sinceMs + inMs).filter((lookAtMs) => lookAtMs > atMs);
}

type Flight = NonNullable<CallSlot["inFlight"]>;

/**
 * Notes when what is sent for the changes under way expires. Those that may be sent again do so with the lease, which
 * may have been renewed; without it nothing leaves any more.
 */
export function noteExpiry(state: Ownership, atMs: number): Ownership {
  const lease = state.desired?.lease;
  const noted = (slot: CallSlot): CallSlot => {
    const { expiresAtMs } = slot.inFlight ?? {};
    if (!slot.inFlight || expiresAtMs === undefined) return slot;
    const lastMs = lease ? Math.max(expiresAtMs, lease.endsAtMs) : ended(expiresAtMs, atMs);
    const next = over(lastMs, atMs);
    return next === expiresAtMs
      ? slot
      : { ...slot, inFlight: { ...slot.inFlight, expiresAtMs: next } };
  };
  const write = noted(state.write), evict = noted(state.evict);
  const same = write === state.write && evict === state.evict;
  return withoutStray(same ? state : { ...state, write, evict }, atMs);
}

/** Nothing of ours arrives any more: only a look from now on shows what has become of it. */
function withoutStray(state: Ownership, atMs: number): Ownership {
  const { strayUntilMs, changedAtMs } = state;
  if (strayUntilMs === over(strayUntilMs, atMs)) return state;
  const next = {
    ...state,
    strayUntilMs: -Infinity,
    changedAtMs: Math.max(changedAtMs, strayUntilMs),
  };
  return state.holding === true ? next : lookAt(next, atMs);
}

function over(expiryMs: number, atMs: number): number {
  return expiryMs > atMs ? expiryMs : -Infinity;
}

/**
 * When what we sent expires: of changes that have ended, and of those under way; -Infinity where there is none. What
 * the cloud has accepted does not expire.
 */
function expiriesOf({ write, evict, strayUntilMs }: Ownership): number[] {
  const expiryOf = ({ inFlight }: CallSlot) =>
    inFlight?.accepted ? Infinity : inFlight?.expiresAtMs ?? -Infinity;
  return [strayUntilMs, expiryOf(write), expiryOf(evict)];
}

/** When the next change of ours expires, Infinity if none is on its way. */
export function expiryWakeAtMs(state: Ownership): number {
  return Math.min(...expiriesOf(state).filter((each) => each > -Infinity));
}

/** When the last request expires that left before now. */
function ended(expiresAtMs: number, atMs: number): number {
  return Math.min(expiresAtMs, atMs + CHANGE_LIFETIME_MS);
}

/**
 * After the end of that call: until when a request of it, or of an earlier one, may still be carried out. What the
 * cloud has accepted and nobody follows any more may take longer; looks show it.
 */
export function straysUntilMs(
  { strayUntilMs }: Ownership,
  { expiresAtMs = -Infinity, accepted }: Flight,
  { open, atMs }: { open: boolean; atMs: number },
): number {
  const lastMs = accepted ? Infinity : expiresAtMs;
  return open ? Math.max(strayUntilMs, ended(lastMs, atMs)) : strayUntilMs;
}

/**
 * Until when the cloud may carry out what this node sent under its lease, which nobody else may have so long; -Infinity
 * if nothing is on its way.
 */
export function arrivesUntilMs(state: Ownership): number {
  return Math.max(...expiriesOf(state));
}

/** Whether the others are known that hold besides the owner of a lease; true without one. */
export function othersKnown({ desired, othersAtMs, ...state }: Ownership): boolean {
  const terms = desired?.lease;
  return !terms || isClean(terms, state) || othersAtMs >= terms.sinceMs;
}

/** Whether nothing forbids to attach: there is no lease, or it is ours, renewed, and nobody else holds. */
export function mayAttach(state: Ownership): boolean {
  const terms = state.desired?.lease;
  if (!terms) return true;
  const nobody = isClean(terms, state) || state.others.length === 0;
  return othersKnown(state) && nobody && mayAct(terms, state.seenAtMs);
}

/** The next holder to take the address from, null without one. */
export function nextTaking(state: Ownership): { call: Call; atMs: number } | null {
  const { desired, others, othersAtMs, denied } = state;
  const first = others.find(({ instanceId }) => !denied.has(instanceId)) ?? others[0];
  if (!desired?.lease || desired.intent !== "hold" || !first) return null;
  // What an older look showed is over, or another owner's to end.
  if (othersAtMs < desired.lease.sinceMs || !mayAct(desired.lease, othersAtMs)) return null;
  const { instanceId } = first;
  return { call: { verb: "evict", instanceId, onlyIfStopped: false }, atMs: -Infinity };
}

/**
 * The owner of a lease asked about a holder that the list shows, and the cloud denies that it holds. The list may be
 * old, but so may that answer. Only if it is the same for as long as the cloud may lag is the owner sure, and goes by
 * what the last look showed of all others. Else nothing is attached before another look.
 */
export function deny(
  state: Ownership,
  instanceId: string,
  { atMs, say }: Circumstances,
): Ownership {
  const { desired, denied, others } = state;
  if (!desired?.lease) return state;
  const earlier = denied.get(instanceId);
  const lasts = earlier !== undefined && earlier.sinceMs >= desired.lease.sinceMs;
  const { sinceMs, told } = lasts ? earlier : { sinceMs: atMs, told: false };
  const sure = atMs >= sinceMs + CLOUD_LAG_MS;
  if (sure && !told) {
    const listed = others.find((each) => each.instanceId === instanceId) ?? { instanceId };
    const text = `${instanceTitle(listed)} is listed as a holder of the Elastic IP and, asked by ` +
      "itself, does not hold it: this node goes on without it";
    say("warning", "holder-denied", text);
  }
  return {
    ...state,
    denied: new Map([...denied, [instanceId, { sinceMs, told: sure }]]),
    ...(!sure && { othersAtMs: -Infinity }),
  };
}

/** The denials that still count: of holders that the list goes on showing. */
export function stillDenied(
  { denied }: Ownership,
  others: readonly OtherHolder[],
): Ownership["denied"] {
  const shown = [...denied].filter(([id]) => others.some(({ instanceId }) => instanceId === id));
  return shown.length === denied.size ? denied : new Map(shown);
}

/** Whether the owner of a lease looks for other holders, or takes the address from them. */
export function isFencing(state: Ownership): boolean {
  const { desired, others } = state;
  if (!desired?.lease || desired.intent !== "hold") return false;
  return !othersKnown(state) || others.length > 0;
}

/** Whether a renewal after that instant has shown that the lease is ours, and enough of it is left. */
function mayAct({ renewedAtMs, inTime }: LeaseTerms, sinceMs: number): boolean {
  return inTime && renewedAtMs >= sinceMs;
}

/** Until our first attach nobody can have the address that was detached for us. */
function isClean(
  { clean, sinceMs }: LeaseTerms,
  { attachedAtMs }: Pick<Ownership, "attachedAtMs">,
) {
  return clean && attachedAtMs < sinceMs;
}
