// The metrics of the lease, with the label `address`. Without `--lease` they are left out.
import { type Family, instantOf, secondsOf } from "./metric_family.ts";
import type { MetricName } from "../core/registry/metric_names.ts";
import type { LeaseStatus, Snapshot } from "./snapshot.ts";

type Row = readonly [name: MetricName, value: (lease: LeaseStatus) => number | boolean | null];

const FIGURES: readonly Row[] = [
  ["exoip_lease_owned", ({ owned }) => owned],
  ["exoip_lease_store_reachable", ({ reachable }) => reachable],
  ["exoip_lease_failsafe", ({ failsafe }) => failsafe],
  ["exoip_lease_fencing", ({ fencing }) => fencing],
  ["exoip_lease_ttl_seconds", ({ ttlMs }) => secondsOf(ttlMs)],
  [
    "exoip_lease_renewal_age_seconds",
    ({ renewalAgeMs }) => renewalAgeMs === null ? null : secondsOf(renewalAgeMs),
  ],
  ["exoip_lease_acquired_total", ({ acquired }) => acquired],
  ["exoip_lease_lost_total", ({ lostCount }) => lostCount],
];

/** All metrics of leases; empty if no address takes one. */
export function leaseFamilies(snapshot: Snapshot): Family[] {
  const leases = snapshot.addresses.flatMap(({ elasticIp, lease }) =>
    lease ? [{ lease, labels: { address: elasticIp } }] : []
  );
  if (leases.length === 0) return [];
  const figures = FIGURES.map(([name, valueOf]): Family => ({
    name,
    samples: leases.flatMap(({ lease, labels }) => {
      const value = valueOf(lease);
      return value === null ? [] : [{ value: Number(value), labels }];
    }),
  }));
  const calls = leases.flatMap(({ lease, labels }) =>
    lease.calls.map((call) => ({ ...call, labels: { ...labels, verb: call.verb } }))
  );
  return [
    ...figures,
    {
      name: "exoip_lease_store_answered_timestamp_seconds",
      samples: leases.flatMap(({ lease, labels }) =>
        instantOf(lease.answeredAgeMs, snapshot, labels)
      ),
    },
    {
      name: "exoip_lease_calls_total",
      samples: calls.map(({ done, labels }) => ({ value: done, labels })),
    },
    {
      name: "exoip_lease_errors_total",
      samples: calls.flatMap(({ errors, labels }) =>
        errors.map(({ word, count }) => ({ value: count, labels: { ...labels, kind: word } }))
      ),
    },
  ];
}
