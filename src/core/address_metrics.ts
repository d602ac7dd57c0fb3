// The metrics of each Elastic IP, told apart by the label `address`, and of its peers.
import { type Family, instantOf, type Labels, type Sample } from "./metric_family.ts";
import type { AddressView, AgeMs, PeerView, Snapshot } from "./snapshot.ts";

/** A machine with several addresses is a peer at each of them, and counts once. */
function machinesOf(peers: readonly PeerView[]): number {
  return new Set(peers.map(({ instanceId, address }) => instanceId ?? address)).size;
}

type Value = number | boolean;
type Row<View> = readonly [name: string, help: string, value: (view: View) => Value | null];
type AgeRow<View> = readonly [name: string, help: string, age: (view: View) => AgeMs];

const FACTS: readonly Row<AddressView>[] = [
  ["master", "Whether the election made this node master.", ({ role }) => role === "master"],
  [
    "holding",
    "Whether the cloud showed the address on this instance: 1 yes, 0 no or not known.",
    ({ holding }) => holding === true,
  ],
  ["released", "Whether the address does not exist any more in the cloud.", (v) => v.released],
  ["holding_known", "Whether that is known.", ({ holding }) => holding !== null],
  [
    "address_on_interface",
    "Whether this machine has the address, so that traffic to it arrives: 1 yes, 0 no.",
    ({ onInterface }) => onInterface,
  ],
  ["able", "Whether the node reaches the cloud and can change something there.", (v) => v.able],
  ["healthy", "Whether what the node serves is well.", ({ healthy }) => healthy],
  ["listed", "Whether the list of peers has this node, too.", ({ listed }) => listed],
  ["exclusive", "Whether only one of several equals may hold.", ({ exclusive }) => exclusive],
  ["priority", "Priority of this node, the lowest wins.", ({ priority }) => priority],
  ["interval_seconds", "Time between heartbeats.", ({ intervalMs }) => intervalMs / 1_000],
  ["dead_time_seconds", "Silence after which a peer is dead.", (v) => v.deadTimeMs / 1_000],
  ["reconcile_seconds", "Longest time between two looks at the cloud.", (v) => v.reconcileMs / 1e3],
  ["peers", "Peers that this node knows.", ({ peers }) => machinesOf(peers)],
  ["peers_alive", "Peers that it hears.", (v) => machinesOf(v.peers.filter((p) => p.alive))],
  ["peers_missing", "Peers of -p that cannot be placed.", (v) => v.missingPeers.length],
  [
    "other_holders",
    "Other instances that held it when last read.",
    (v) => v.otherHoldersAgeMs === null ? null : v.otherHolders.length,
  ],
];

const COUNTERS: readonly Row<AddressView>[] = [
  ["takeovers_total", "How often this node became master.", ({ takeOvers }) => takeOvers],
  ["evictions_total", "How often it took the address from a dead peer.", (v) => v.evictions],
];

const INSTANTS: readonly AgeRow<AddressView>[] = [
  ["role_changed_timestamp_seconds", "When the role changed.", ({ roleAgeMs }) => roleAgeMs],
  ["cloud_read_timestamp_seconds", "When the cloud last showed who holds.", (v) => v.holdingAgeMs],
  ["interface_looked_timestamp_seconds", "When that was looked at.", (v) => v.interfaceAgeMs],
  ["cloud_answered_timestamp_seconds", "When it last answered well.", (v) => v.cloudAgeMs],
  ["peers_read_timestamp_seconds", "When it last gave the list of peers.", (v) => v.peersAgeMs],
  [
    "other_holders_read_timestamp_seconds",
    "When it last gave all holders.",
    (v) => v.otherHoldersAgeMs,
  ],
];

const PEER_FACTS: readonly Row<PeerView>[] = [
  ["peer_alive", "Whether the peer is heard.", ({ alive }) => alive],
  ["peer_priority", "Priority in its last heartbeat.", ({ priority }) => priority],
  ["peer_holds", "Whether it says that it holds.", ({ alive, holds }) => alive ? holds : null],
  [
    "peer_one_way",
    "Whether the link to it works one way only: it does not hear us, or lives and is not heard.",
    ({ link }) => link === "does-not-hear-us" || link === "not-heard",
  ],
];

const PEER_INSTANTS: readonly AgeRow<PeerView>[] = [
  ["peer_heard_timestamp_seconds", "When it was last heard.", ({ heardAgeMs }) => heardAgeMs],
];

/** Everything that is told by address. */
export function addressFamilies(snapshot: Snapshot): Family[] {
  const views = snapshot.addresses.map((view) => ({ view, labels: { address: view.elasticIp } }));
  const peers = snapshot.addresses.flatMap(({ elasticIp, peers }) =>
    peers.map((view) => ({ view, labels: { address: elasticIp, peer: view.address } }))
  );
  return [
    {
      name: "exoip_role_reason",
      type: "gauge",
      help: "Always 1; its label says why the node has its role.",
      samples: views.map(({ view: { reason }, labels }) => ({
        value: 1,
        labels: { ...labels, reason },
      })),
    },
    ...FACTS.map((row) => family(row, "gauge", views)),
    ...COUNTERS.map((row) => family(row, "counter", views)),
    ...INSTANTS.map((row) => instants(row, views, snapshot)),
    ...PEER_FACTS.map((row) => family(row, "gauge", peers)),
    ...PEER_INSTANTS.map((row) => instants(row, peers, snapshot)),
    ...callFamilies(snapshot),
  ];
}

interface Labelled<View> {
  readonly view: View;
  readonly labels: Labels;
}

function family<View>(
  [name, help, valueOf]: Row<View>,
  type: Family["type"],
  views: readonly Labelled<View>[],
): Family {
  const samples = views.flatMap(({ view, labels }): Sample[] => {
    const value = valueOf(view);
    return value === null ? [] : [{ value: Number(value), labels }];
  });
  return { name: `exoip_${name}`, type, help, samples };
}

function instants<View>(
  [name, help, ageOf]: AgeRow<View>,
  views: readonly Labelled<View>[],
  snapshot: Snapshot,
): Family {
  const samples = views.flatMap(({ view, labels }) => instantOf(ageOf(view), snapshot, labels));
  return { name: `exoip_${name}`, type: "gauge", help, samples };
}

function callFamilies({ addresses }: Snapshot): Family[] {
  const calls = addresses.flatMap(({ elasticIp: address, calls }) =>
    calls.map((call) => ({ ...call, labels: { address, verb: call.verb } }))
  );
  return [
    {
      name: "exoip_api_calls_total",
      type: "counter",
      help: "Calls to the cloud that went well, by verb.",
      samples: calls.map(({ done, labels }) => ({ value: done, labels })),
    },
    {
      name: "exoip_api_errors_total",
      type: "counter",
      help: "Calls to the cloud that failed, by verb and kind.",
      samples: calls.flatMap(({ errors, labels }) =>
        errors.map(({ word, count }) => ({ value: count, labels: { ...labels, kind: word } }))
      ),
    },
    {
      name: "exoip_api_call_seconds",
      type: "gauge",
      help: "How long the last call that went well took, by verb.",
      samples: calls.flatMap(({ tookMs, labels }) =>
        tookMs === null ? [] : [{ value: tookMs / 1_000, labels }]
      ),
    },
  ];
}
