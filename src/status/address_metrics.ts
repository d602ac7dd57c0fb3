// The metrics of each Elastic IP and its peers, with the label `address`.
import { leaseFamilies } from "./lease_metrics.ts";
import { type Family, instantOf, type Labels, type Sample, secondsOf } from "./metric_family.ts";
import type { MetricName } from "../core/registry/metric_names.ts";
import type { AddressView, PeerView, Snapshot } from "./snapshot.ts";
import type { AgeMs } from "../core/age.ts";
import { machinesOf, silentPaths } from "./machines.ts";

type Value = number | boolean;
type Row<View> = readonly [name: MetricName, value: (view: View) => Value | null];
type AgeRow<View> = readonly [name: MetricName, age: (view: View) => AgeMs];

const FACTS: readonly Row<AddressView>[] = [
  ["exoip_master", ({ role }) => role === "master"],
  ["exoip_holding", ({ holding }) => holding === true],
  ["exoip_released", (v) => v.released],
  ["exoip_twin", ({ twin }) => twin?.proved === true],
  ["exoip_twin_suspected", ({ twin }) => twin?.proved === false],
  ["exoip_holding_known", ({ holding }) => holding !== null],
  ["exoip_address_on_interface", ({ onInterface }) => onInterface],
  ["exoip_cloud_reachable", (v) => v.cloudReachable],
  ["exoip_healthy", ({ healthy }) => healthy],
  ["exoip_drained", ({ aside }) => aside?.kind === "drained"],
  ["exoip_demoted", ({ aside }) => aside?.kind === "demoted"],
  ["exoip_in_peer_list", ({ inPeerList }) => inPeerList],
  ["exoip_move_limited", ({ limitedForMs }) => limitedForMs !== null],
  ["exoip_exclusive", ({ exclusive }) => exclusive],
  ["exoip_priority", ({ priority }) => priority],
  ["exoip_interval_seconds", ({ intervalMs }) => secondsOf(intervalMs)],
  ["exoip_dead_time_seconds", (v) => secondsOf(v.deadTimeMs)],
  ["exoip_reconcile_interval_seconds", (v) => secondsOf(v.reconcileMs)],
  ["exoip_peers", ({ peers }) => machinesOf(peers).length],
  ["exoip_peers_alive", (v) => machinesOf(v.peers).filter((p) => p.alive).length],
  ["exoip_peer_paths_silent", (v) => machinesOf(v.peers).flatMap(silentPaths).length],
  ["exoip_peers_missing", (v) => v.missingPeers.length],
  ["exoip_other_holders", (v) => v.otherHoldersAgeMs === null ? null : v.otherHolders.length],
];

const COUNTERS: readonly Row<AddressView>[] = [
  ["exoip_takeovers_total", ({ takeOvers }) => takeOvers],
  ["exoip_evictions_total", (v) => v.evictions],
  ["exoip_unheld_seconds_total", (v) => secondsOf(v.unheldMs)],
  ["exoip_two_holders_seconds_total", (v) => secondsOf(v.twoHoldersMs)],
  ["exoip_shadow_differences_total", ({ comparison }) => comparison?.count ?? null],
  ["exoip_shadow_agreed_seconds_total", ({ comparison: of }) => of ? secondsOf(of.agreedMs) : null],
  [
    "exoip_shadow_differed_seconds_total",
    ({ comparison: of }) => of ? secondsOf(of.differedMs) : null,
  ],
];

const INSTANTS: readonly AgeRow<AddressView>[] = [
  ["exoip_aside_timestamp_seconds", ({ aside }) => aside?.ageMs ?? null],
  ["exoip_role_changed_timestamp_seconds", ({ roleAgeMs }) => roleAgeMs],
  ["exoip_cloud_read_timestamp_seconds", (v) => v.holdingAgeMs],
  ["exoip_interface_looked_timestamp_seconds", (v) => v.interfaceAgeMs],
  ["exoip_cloud_answered_timestamp_seconds", (v) => v.cloudAgeMs],
  ["exoip_peers_read_timestamp_seconds", (v) => v.peersAgeMs],
  ["exoip_other_holders_read_timestamp_seconds", (v) => v.otherHoldersAgeMs],
];

const PEER_FACTS: readonly Row<PeerView>[] = [
  ["exoip_peer_alive", ({ alive }) => alive],
  ["exoip_peer_priority", ({ priority }) => priority],
  ["exoip_peer_holds", ({ alive, holds }) => alive ? holds : null],
  ["exoip_peer_one_way", ({ link }) => link === "does-not-hear-us" || link === "not-heard"],
];

const PEER_INSTANTS: readonly AgeRow<PeerView>[] = [
  ["exoip_peer_heard_timestamp_seconds", ({ heardAgeMs }) => heardAgeMs],
];

/** All metrics that have an address. */
export function addressFamilies(snapshot: Snapshot): Family[] {
  const views = snapshot.addresses.map((view) => ({ view, labels: { address: view.elasticIp } }));
  const peers = snapshot.addresses.flatMap(({ elasticIp, peers }) =>
    peers.map((view) => ({ view, labels: { address: elasticIp, peer: view.address } }))
  );
  return [
    {
      name: "exoip_role_reason",
      samples: views.map(({ view: { reason }, labels }) => ({
        value: 1,
        labels: { ...labels, reason },
      })),
    },
    ...FACTS.map((row) => family(row, views)),
    ...COUNTERS.map((row) => family(row, views)),
    ...INSTANTS.map((row) => instants(row, views, snapshot)),
    ...PEER_FACTS.map((row) => family(row, peers)),
    ...PEER_INSTANTS.map((row) => instants(row, peers, snapshot)),
    ...callFamilies(snapshot),
    ...leaseFamilies(snapshot),
  ];
}

interface Labelled<View> {
  readonly view: View;
  readonly labels: Labels;
}

function family<View>(
  [name, valueOf]: Row<View>,
  views: readonly Labelled<View>[],
): Family {
  const samples = views.flatMap(({ view, labels }): Sample[] => {
    const value = valueOf(view);
    return value === null ? [] : [{ value: Number(value), labels }];
  });
  return { name, samples };
}

function instants<View>(
  [name, ageOf]: AgeRow<View>,
  views: readonly Labelled<View>[],
  snapshot: Snapshot,
): Family {
  const samples = views.flatMap(({ view, labels }) => instantOf(ageOf(view), snapshot, labels));
  return { name, samples };
}

function callFamilies({ addresses }: Snapshot): Family[] {
  const calls = addresses.flatMap(({ elasticIp: address, calls }) =>
    calls.map((call) => ({ ...call, labels: { address, verb: call.verb } }))
  );
  return [
    {
      name: "exoip_api_calls_total",
      samples: calls.map(({ done, labels }) => ({ value: done, labels })),
    },
    {
      name: "exoip_api_errors_total",
      samples: calls.flatMap(({ errors, labels }) =>
        errors.map(({ word, count }) => ({ value: count, labels: { ...labels, kind: word } }))
      ),
    },
    {
      name: "exoip_api_last_call_duration_seconds",
      samples: calls.flatMap(({ tookMs, labels }) =>
        tookMs === null ? [] : [{ value: secondsOf(tookMs), labels }]
      ),
    },
  ];
}
