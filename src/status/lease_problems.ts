// What is wrong about a lease, for the verdict.
import { spanText } from "../core/age.ts";
import { titleOf } from "../core/election/peer.ts";
import { machinesOf } from "./machines.ts";
import type { AddressView, Problem } from "./snapshot.ts";

/** An owner that has not attached the address for so long has a problem. */
const ATTACH_MAX_MS = 15_000;

/** The problems of an address that takes a lease; none without one. */
export function* leaseProblems(
  view: AddressView,
): Generator<readonly [level: Problem["level"], text: string]> {
  // A watchdog of another version may not send this field.
  const { lease = null } = view as Partial<AddressView>;
  if (lease === null) return;
  const { owned, owner, reachable, answeredAgeMs, readAgeMs } = lease;
  const holds = view.holding === true;
  if (!reachable) {
    const since = answeredAgeMs === null ? "" : ` for ${spanText(answeredAgeMs)}`;
    const text = `the store of the lease has served no request${since}`;
    const kept = lease.failsafe
      ? "this node holds the address only while it hears every peer"
      : "this node gives the address up";
    yield holds ? ["CRITICAL", `${text}: ${kept}`] : ["WARNING", text];
  } else if (lease.lost) {
    yield ["WARNING", "this node lost the lease, and nobody is known to own it"];
  } else if (!owned && owner === null && readAgeMs !== null && !view.settling) {
    yield ["WARNING", "nobody owns the lease"];
  }
  if (holds && !owned && reachable) {
    yield ["WARNING", "this node holds the address and does not own the lease"];
  }
  for (const peer of machinesOf(view.peers)) {
    if (!peer.alive || !peer.holds || owner === null) continue;
    if (peer.instanceId === null || peer.instanceId === owner.instanceId) continue;
    yield ["WARNING", `peer ${titleOf(peer)} holds the address and does not own the lease`];
  }
  if (lease.fencing) {
    yield ["WARNING", "this node owns the lease and takes the address from others first"];
  } else if (owned && view.holding !== true && (lease.ownerAgeMs ?? 0) >= ATTACH_MAX_MS) {
    const age = spanText(lease.ownerAgeMs ?? 0);
    yield ["CRITICAL", `this node has owned the lease for ${age} and does not have the address`];
  }
}
