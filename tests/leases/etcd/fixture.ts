// Stores on a real etcd.
import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../../src/host/clock.ts";
import { type EtcdOptions, openEtcd } from "../../../src/leases/etcd/etcd.ts";
import { StoreError, type StoreErrorKind } from "../../../src/leases/store_error.ts";
import type { Candidate } from "../../../src/core/lease/call.ts";
import type { Claim, LeaseStore } from "../../../src/world.ts";

/** The Elastic IP of most tests. */
export const ELASTIC_IP = "198.51.100.7";
/** Two nodes that want the lease. */
export const ANNA: Claim = { instanceId: "a".repeat(8), name: "anna", wallMs: 1_000 };
export const BERT: Claim = { instanceId: "b".repeat(8), name: "bert", wallMs: 2_000 };

/** What a node says of itself. */
export const ANNAS: Candidate = {
  ...{ instanceId: ANNA.instanceId, name: "anna" },
  says: {
    ...{ priority: 10, holds: false, leaving: false, unable: false, unhealthy: false },
    ...{ ownPriority: 10, intervalMs: 1_000 },
  },
};

/** A store, and its end. */
export type OpenStore = LeaseStore & Disposable;

/** For a lease whose end the test waits for. Any other must outlive the test, however slow the machine is. */
export const SHORT = { ttlMs: 6_000 } as const;

/** Opens a store. */
export function openStore(
  endpoints: readonly string[],
  { elasticIp = ELASTIC_IP, ...options }: Partial<EtcdOptions> & { elasticIp?: string } = {},
): OpenStore {
  const etcd = openEtcd({
    ...{ endpoints, prefix: "/exoip", ttlMs: 60_000, user: null, password: null, caCerts: [] },
    ...{ certificate: null, clock: systemClock },
    ...options,
  });
  return Object.assign(etcd.storeOf(elasticIp), { [Symbol.dispose]: () => etcd.close() });
}

/** A signal that aborts long after a test should have ended, without a timer that outlives it. */
export function soon(): AbortSignal {
  return new AbortController().signal;
}

/** A signal that aborts then, for a reason that says so. */
export function within(ms: number): AbortSignal & Disposable {
  const controller = new AbortController();
  const late = () => controller.abort(new DOMException("late", "TimeoutError"));
  const timer = setTimeout(late, ms);
  return Object.assign(controller.signal, { [Symbol.dispose]: () => clearTimeout(timer) });
}

/** The error of a call, which must be of that kind. */
export async function failureOf(call: Promise<unknown>, kind: StoreErrorKind): Promise<string> {
  const error = await call.then(() => null, (thrown) => thrown);
  assert(error instanceof StoreError, `wanted a StoreError, got ${error}`);
  assertEquals([error.kind, error.message], [kind, error.message]);
  return error.message;
}

/** Acquires the lease, which must be free. */
export async function acquire(store: LeaseStore, claim: Claim): Promise<string> {
  const { token } = await store.acquire(claim, null, soon());
  assert(token !== null, "the lease is free");
  return token;
}
