// Break before make, for the owner of a lease: it takes the address from every other holder, sees that nobody has it,
// and only then attaches it. Afterwards it goes on looking, because an attach that another node sent in time may show
// late.
//
// The owner acts on a look only once it has sent a renewal after that look began, and the renewal has succeeded. So a
// process or machine that slept in between first finds out that it does not own the lease any more.
import type { LeaseTerms } from "../lease/state.ts";
import { instanceTitle } from "../instance_title.ts";
import type { Call, OtherHolder } from "./call.ts";
import type { Circumstances, Ownership } from "./state.ts";
import { CLOUD_LAG_MS } from "./evictions.ts";

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
