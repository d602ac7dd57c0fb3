// Counters of the lease that the loop keeps beside its decisions.
import type { Lease } from "../core/lease/state.ts";
import type { StoreErrorKind } from "../core/registry/store_error_kinds.ts";
import { CallCounters, Count } from "./counters.ts";
import type { LeaseFacts } from "./lease_view.ts";

/** What happened to the lease, and the calls to its store. */
export class LeaseCounters {
  readonly calls = new CallCounters<StoreErrorKind>();
  readonly acquired = new Count();
  readonly lost = new Count();

  /** Counts what a step changed. */
  observe(before: Lease | null, after: Lease | null, atMs: number): void {
    const [was, is] = [before?.tenure ?? null, after?.tenure ?? null];
    if (was?.token === is?.token) return;
    // A lease that was given up is not lost.
    if (was !== null && after?.release?.token !== was.token) this.lost.add(atMs);
    if (is !== null) this.acquired.add(atMs);
  }

  /** All counts so far. */
  views(nowMs: number): Pick<LeaseFacts, "acquired" | "losses" | "calls"> {
    return { acquired: this.acquired, losses: this.lost, calls: this.calls.views(nowMs) };
  }
}
