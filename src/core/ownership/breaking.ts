// Break before make, for the owner of a lease: it takes the address from every other holder, sees that nobody has it,
// and only then attaches it. Afterwards it goes on looking, because an attach that another node sent in time may show
// late.
//
// The owner acts on a look only once it has sent a renewal after that look began, and the renewal has succeeded. So a
// process or machine that slept in between first finds out that it does not own the lease any more.
import { CARRY_OUT_MS, CHANGE_LIFETIME_MS, type LeaseTerms } from "../lease/state.ts";
import { instanceTitle } from "../instance_title.ts";
import type { Call, CallSlot, OtherHolder } from "./call.ts";
import { CLOUD_LAG_MS } from "./evictions.ts";
import { type Circumstances, lookAt, type Ownership } from "./state.ts";

/**
 * When to look after an attach under a lease, and after a holder got the lease. Requests that others sent in time may
 * show late: until they expire, or, once the cloud has accepted them, until it gives the operation up.
 */
export const LATE_LOOKS_MS = [3_000, 6_000, 10_000, 14_000, 19_000, 30_000, 45_000, 62_000];

/** When to look for what others sent before we got the lease; empty if we had it already. */
export function looksForLate(
  { desired, holding }: Ownership,
  before: LeaseTerms | null,
  atMs: number,
): number[] {
  const terms = desired?.lease;
  if (!terms || holding !== true || terms.sinceMs === before?.sinceMs) return [];
  return LATE_LOOKS_MS.map((inMs) => terms.sinceMs + inMs).filter((lookAtMs) => lookAtMs > atMs);
}

/** Until when the cloud may carry out a change that is sent now and repeated under this lease. */
export function carriedOutMs({ endsAtMs }: LeaseTerms): number {
  return endsAtMs + CARRY_OUT_MS;
}

type Flight = NonNullable<CallSlot["inFlight"]>;

/**
 * Notes when the requests of the changes under way expire. While we own the lease, a request may be repeated, and the
 * repetition expires with the lease as it is renewed by then. Without the lease nothing more leaves.
 */
export function noteExpiry(state: Ownership, atMs: number): Ownership {
  const lease = state.desired?.lease;
  const noted = (slot: CallSlot): CallSlot => {
    const { expiresAtMs } = slot.inFlight ?? {};
    if (!slot.inFlight || expiresAtMs === undefined) return slot;
    const lastMs = lease ? Math.max(expiresAtMs, carriedOutMs(lease)) : ended(expiresAtMs, atMs);
    const next = over(lastMs, atMs);
    return next === expiresAtMs
      ? slot
      : { ...slot, inFlight: { ...slot.inFlight, expiresAtMs: next } };
  };
  const write = noted(state.write), evict = noted(state.evict);
  const same = write === state.write && evict === state.evict;
  return withoutStray(same ? state : { ...state, write, evict }, atMs);
}

/** Once no request of ours can arrive any more, a look shows what has become of them. */
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
 * When our requests expire: those of changes that have ended, and of those under way; -Infinity for none. Requests that
 * the cloud has accepted do not expire.
 */
function expiriesOf({ write, evict, strayUntilMs }: Ownership): number[] {
  const expiryOf = ({ inFlight }: CallSlot) =>
    inFlight?.accepted ? Infinity : inFlight?.expiresAtMs ?? -Infinity;
  return [strayUntilMs, expiryOf(write), expiryOf(evict)];
}

/** When the next request of ours expires, Infinity if none is on its way. */
export function expiryWakeAtMs(state: Ownership): number {
  return Math.min(...expiriesOf(state).filter((each) => each > -Infinity));
}

/** Until when the cloud may carry out the last request that left before now. */
function ended(expiresAtMs: number, atMs: number): number {
  return Math.min(expiresAtMs, atMs + CHANGE_LIFETIME_MS + CARRY_OUT_MS);
}

/**
 * Until when the cloud may carry out a request of the call that has just ended, or of an earlier one. If the cloud
 * accepted a request whose operation we no longer follow, that may take longer; looks show the result.
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
 * Until when the cloud may carry out what this node sent under its lease: so long the node must keep the lease from all
 * others. -Infinity if nothing is on its way.
 */
export function arrivesUntilMs(state: Ownership): number {
  return Math.max(...expiriesOf(state));
}

/** Whether the owner of a lease knows all other holders; true without a lease. */
export function othersKnown({ desired, othersAtMs, ...state }: Ownership): boolean {
  const terms = desired?.lease;
  return !terms || isClean(terms, state) || othersAtMs >= terms.sinceMs;
}

/** Whether we may attach: always without a lease; else if it was renewed since the last look and nobody else holds. */
export function mayAttach(state: Ownership): boolean {
  const terms = state.desired?.lease;
  if (!terms) return true;
  const nobody = isClean(terms, state) || state.others.length === 0;
  return othersKnown(state) && nobody && mayAct(terms, state.seenAtMs);
}

/** The call that takes the address from the next holder, null without another holder. */
export function nextTaking(state: Ownership): { call: Call; atMs: number } | null {
  const { desired, others, othersAtMs, denied } = state;
  const first = others.find(({ instanceId }) => !denied.has(instanceId)) ?? others[0];
  if (!desired?.lease || desired.intent !== "hold" || !first) return null;
  // A look from before our lease is no ground to act: its holds may be over, or an earlier owner may be ending them.
  if (othersAtMs < desired.lease.sinceMs || !mayAct(desired.lease, othersAtMs)) return null;
  const { instanceId } = first;
  return { call: { verb: "evict", instanceId, onlyIfStopped: false }, atMs: -Infinity };
}

/**
 * The list shows a holder, but when the owner of a lease asked the cloud about it, the cloud denied that it holds. The
 * list may be out of date, and so may that answer. The owner is sure only once the denial has lasted for as long as the
 * cloud may lag. Then it goes by what the last look showed of all others. Until then it looks again before it attaches.
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
    const text =
      `the cloud lists ${instanceTitle(listed)} as a holder of the Elastic IP but, asked ` +
      "about that instance alone, denies it: this node disregards that holder";
    say("warning", "holder-denied", text);
  }
  return {
    ...state,
    denied: new Map([...denied, [instanceId, { sinceMs, told: sure }]]),
    ...(!sure && { othersAtMs: -Infinity }),
  };
}

/** The denials that still count: those of holders that the list goes on showing. */
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

/** Whether a renewal since that instant has shown that the lease is ours, with enough time left for a request. */
function mayAct({ renewedAtMs, inTime }: LeaseTerms, sinceMs: number): boolean {
  return inTime && renewedAtMs >= sinceMs;
}

/** Whether the address was detached for us and we have not attached yet, so that nobody can have it. */
function isClean(
  { clean, sinceMs }: LeaseTerms,
  { attachedAtMs }: Pick<Ownership, "attachedAtMs">,
) {
  return clean && attachedAtMs < sinceMs;
}
