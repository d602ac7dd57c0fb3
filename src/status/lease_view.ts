// The lease of an Elastic IP for display, from the node's state and the shell's counters; and its lines of text.
import { type AgeMs, ageOf, ageText, durationText, type Instant, spanText } from "../core/age.ts";
import { instanceTitle } from "../core/instance_title.ts";
import { inFailsafe } from "../core/node/explanation.ts";
import { type Lease, owns } from "../core/lease/state.ts";
import type { Node } from "../core/node/state.ts";
import { isFencing } from "../core/ownership/breaking.ts";
import type { AddressView, CountView, LeaseOwnerView, LeaseStatus } from "./snapshot.ts";

/** What the shell knows about the lease. */
export interface LeaseFacts {
  /** Name of the store. */
  readonly store: string;
  /** How often the node got it, and lost it without giving it up. */
  readonly acquired: { readonly count: number; readonly atMs: Instant };
  readonly losses: { readonly count: number; readonly atMs: Instant };
  readonly calls: LeaseStatus["calls"];
  /** Unix time of the snapshot. */
  readonly wallMs: number;
}

/** The lease as the node sees it at that instant; null without one. */
export function leaseStatus(
  node: Node,
  facts: LeaseFacts | null,
  atMs: number,
): LeaseStatus | null {
  const { lease, ownership } = node;
  if (lease === null || facts === null) return null;
  const { settings, reachable, answeredAtMs, tenure, lost } = lease;
  const { acquired, losses, calls } = facts;
  const owned = owns(lease, atMs);
  return {
    store: facts.store,
    ttlMs: settings.ttlMs,
    owned,
    ...(owned ? ownLease(node, atMs) : othersLease(lease, facts.wallMs)),
    readAgeMs: owned || lease.sight === null ? null : ageOf(lease.sightAtMs, atMs),
    renewalAgeMs: owned ? ageOf(tenure?.renewedAtMs ?? null, atMs) : null,
    lost,
    reachable,
    answeredAgeMs: ageOf(answeredAtMs, atMs),
    failsafe: inFailsafe(node),
    fencing: owned && isFencing(ownership),
    acquired: acquired.count,
    acquiredAgeMs: ageOf(acquired.atMs, atMs),
    lostCount: losses.count,
    lostAgeMs: ageOf(losses.atMs, atMs),
    calls,
  };
}

type Owner = Pick<LeaseStatus, "owner" | "ownerAgeMs" | "releasedTo">;

function ownLease({ lease, ownership }: Node, atMs: number): Owner {
  const { instanceId, instanceName } = ownership;
  const owner = instanceId === null ? null : { instanceId, name: instanceName };
  return { owner, ownerAgeMs: ageOf(lease?.tenure?.sinceMs ?? null, atMs), releasedTo: null };
}

function othersLease({ sight }: Lease, wallMs: number): Owner {
  const record = sight?.record ?? null;
  if (record === null) return { owner: null, ownerAgeMs: null, releasedTo: null };
  const { instanceId, name = null, releasedTo = null, sinceWallMs } = record;
  return { owner: { instanceId, name }, ownerAgeMs: ageOf(sinceWallMs, wallMs), releasedTo };
}

/** The owner with its id. */
function ownerTitle({ instanceId, name }: LeaseOwnerView): string {
  return instanceTitle({ instanceId, ...(name !== null && { name }) });
}

/** The rows of the text; none without a lease. A watchdog of another version may not send this field. */
export function leaseRows({ lease = null }: Partial<AddressView>, verbose: boolean): string[][] {
  if (lease === null) return [];
  return [["lease", leaseText(lease, verbose)], ["store", storeText(lease)]];
}

function leaseText(lease: LeaseStatus, verbose: boolean): string {
  const { ttlMs, failsafe, fencing, owner } = lease;
  // The line has no room for name and id.
  const who = owner && (verbose ? ownerTitle(owner) : owner.name ?? ownerTitle(owner));
  return [
    whose(lease, who),
    `TTL ${durationText(ttlMs)}`,
    ...(fencing ? ["detaches others first"] : []),
    ...(failsafe ? ["failsafe: holds without the store"] : []),
  ].join(", ");
}

function whose(lease: LeaseStatus, who: string | null): string {
  const { owned, ownerAgeMs, releasedTo, readAgeMs, renewalAgeMs, lost } = lease;
  if (owned) return `this node ${ownsFor(ownerAgeMs)}, renewed ${ageText(renewalAgeMs)}`;
  const before = lost ? "lost; " : "";
  if (readAgeMs === null) return `${before}not known who owns it`;
  const read = `read ${ageText(readAgeMs)}`;
  if (who === null) return `${before}nobody owns it, ${read}`;
  return releasedTo === null
    ? `${who} ${ownsFor(ownerAgeMs)}, ${read}`
    : `${who} gave it up to instance ${releasedTo}, ${read}`;
}

function ownsFor(ageMs: AgeMs): string {
  return ageMs === null ? "owns it" : `has owned it for ${spanText(ageMs)}`;
}

function storeText({ store, reachable, answeredAgeMs, calls }: LeaseStatus): string {
  const errors = calls.flatMap(({ verb, errors }) =>
    errors.map((each) => `${verb} ${errorText(each)}`)
  );
  const reached = reachable ? "reachable" : "not reachable";
  return `${reached}, answered ${ageText(answeredAgeMs)}, errors ${
    errors.join(", ") || "none"
  }; ${store}`;
}

function errorText({ word, count, ageMs }: CountView): string {
  return count === 0 ? `${word} 0` : `${word} ${count} (${ageText(ageMs)})`;
}
