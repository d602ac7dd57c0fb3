// Every metric: its name, type, labels and the sentence that Prometheus shows as HELP. The table in
// docs/operation/monitoring.md is generated from these rows.

/** The declaration of a metric. */
export interface MetricRow {
  readonly type: "gauge" | "counter";
  /** Labels that tell its samples apart. */
  readonly labels: readonly string[];
  readonly meaning: string;
}

/** By name, in the order in which they are written. */
export const METRICS = {
  "exoip_build_info": {
    type: "gauge",
    labels: ["version", "commit"],
    meaning: "Version and commit of the program.",
  },
  "exoip_start_time_seconds": {
    type: "gauge",
    labels: [],
    meaning: "When the watchdog started.",
  },
  "exoip_ready": {
    type: "gauge",
    labels: [],
    meaning:
      "Whether the first election is over, cloud and store answered, nothing ended or was released.",
  },
  "exoip_shadow": {
    type: "gauge",
    labels: [],
    meaning:
      "Whether it runs with --shadow: it changes nothing, and roles and holds are what would be.",
  },
  "exoip_stopping": {
    type: "gauge",
    labels: [],
    meaning: "Whether the watchdog was told to stop.",
  },
  "exoip_loop_overdue_seconds": {
    type: "gauge",
    labels: [],
    meaning: "How far the next deadline of the loop has passed by already.",
  },
  "exoip_loop_lag_seconds": {
    type: "gauge",
    labels: [],
    meaning: "How late the loop met its last deadline.",
  },
  "exoip_loop_lag_seconds_max": {
    type: "gauge",
    labels: [],
    meaning: "How late the loop met its worst deadline since the start.",
  },
  "exoip_heartbeats_sent_total": {
    type: "counter",
    labels: [],
    meaning: "Heartbeats sent.",
  },
  "exoip_heartbeats_received_total": {
    type: "counter",
    labels: [],
    meaning: "Well-formed heartbeats received.",
  },
  "exoip_datagrams_refused_total": {
    type: "counter",
    labels: ["reason"],
    meaning: "Datagrams that were not believed, by reason.",
  },
  "exoip_check_passing": {
    type: "gauge",
    labels: ["check"],
    meaning: "Whether a health check passes: 1 yes, 0 no or not known yet.",
  },
  "exoip_check_result_timestamp_seconds": {
    type: "gauge",
    labels: ["check"],
    meaning: "When the health check last had a result.",
  },
  "exoip_last_change_timestamp_seconds": {
    type: "gauge",
    labels: [],
    meaning: "When the last change was logged: a role, a peer, the cloud, the address.",
  },
  "exoip_role_reason": {
    type: "gauge",
    labels: ["address", "reason"],
    meaning: "Always 1; its label says why the node has its role.",
  },
  "exoip_master": {
    type: "gauge",
    labels: ["address"],
    meaning: "Whether the election made this node master.",
  },
  "exoip_holding": {
    type: "gauge",
    labels: ["address"],
    meaning: "Whether the cloud showed the address on this instance: 1 yes, 0 no or not known.",
  },
  "exoip_released": {
    type: "gauge",
    labels: ["address"],
    meaning: "Whether the address does not exist any more in the cloud.",
  },
  "exoip_twin": {
    type: "gauge",
    labels: ["address"],
    meaning: "Whether another machine speaks with this instance's id, so that nothing is changed.",
  },
  "exoip_twin_suspected": {
    type: "gauge",
    labels: ["address"],
    meaning: "Whether this instance's id comes from an address of no peer: a copy, or a forgery.",
  },
  "exoip_holding_known": {
    type: "gauge",
    labels: ["address"],
    meaning: "Whether it is known if the cloud shows the address on this instance.",
  },
  "exoip_address_on_interface": {
    type: "gauge",
    labels: ["address"],
    meaning: "Whether this machine has the address, so that traffic to it arrives: 1 yes, 0 no.",
  },
  "exoip_cloud_reachable": {
    type: "gauge",
    labels: ["address"],
    meaning: "Whether the node reaches the cloud and can change something there.",
  },
  "exoip_healthy": {
    type: "gauge",
    labels: ["address"],
    meaning: "Whether the node is healthy: all its checks pass.",
  },
  "exoip_drained": {
    type: "gauge",
    labels: ["address"],
    meaning: "Whether --drain or a cordon makes this node stand aside.",
  },
  "exoip_demoted": {
    type: "gauge",
    labels: ["address"],
    meaning: "Whether --demote makes this node stand aside.",
  },
  "exoip_in_peer_list": {
    type: "gauge",
    labels: ["address"],
    meaning: "Whether the list of peers has this node, too.",
  },
  "exoip_move_limited": {
    type: "gauge",
    labels: ["address"],
    meaning: "Whether the address moved as often as --move-limit allows.",
  },
  "exoip_exclusive": {
    type: "gauge",
    labels: ["address"],
    meaning: "Whether only one of several equals may hold.",
  },
  "exoip_priority": {
    type: "gauge",
    labels: ["address"],
    meaning: "Priority of this node, the lowest wins.",
  },
  "exoip_interval_seconds": {
    type: "gauge",
    labels: ["address"],
    meaning: "Time between heartbeats.",
  },
  "exoip_dead_time_seconds": {
    type: "gauge",
    labels: ["address"],
    meaning: "Silence after which a peer is dead.",
  },
  "exoip_reconcile_interval_seconds": {
    type: "gauge",
    labels: ["address"],
    meaning: "Longest time between two looks at the cloud.",
  },
  "exoip_peers": {
    type: "gauge",
    labels: ["address"],
    meaning: "Peers that this node knows.",
  },
  "exoip_peers_alive": {
    type: "gauge",
    labels: ["address"],
    meaning: "Peers that this node hears.",
  },
  "exoip_peer_paths_silent": {
    type: "gauge",
    labels: ["address"],
    meaning: "Paths on which nothing is heard of a peer that is heard on another one.",
  },
  "exoip_peers_missing": {
    type: "gauge",
    labels: ["address"],
    meaning: "Peers of -p that cannot be placed.",
  },
  "exoip_other_holders": {
    type: "gauge",
    labels: ["address"],
    meaning: "Other instances that held the address when last read.",
  },
  "exoip_takeovers_total": {
    type: "counter",
    labels: ["address"],
    meaning: "How often this node became master.",
  },
  "exoip_evictions_total": {
    type: "counter",
    labels: ["address"],
    meaning: "How often this node took the address from a dead peer.",
  },
  "exoip_unheld_seconds_total": {
    type: "counter",
    labels: ["address"],
    meaning: "For how long this node knew of no node that holds the address.",
  },
  "exoip_two_holders_seconds_total": {
    type: "counter",
    labels: ["address"],
    meaning: "For how long this node knew of several holders that are not equal, with hand-overs.",
  },
  "exoip_shadow_differences_total": {
    type: "counter",
    labels: ["address"],
    meaning: "With --shadow: how often its decision differed from what the cloud showed.",
  },
  "exoip_shadow_agreed_seconds_total": {
    type: "counter",
    labels: ["address"],
    meaning: "With --shadow: for how long its decision was what the cloud showed.",
  },
  "exoip_shadow_differed_seconds_total": {
    type: "counter",
    labels: ["address"],
    meaning:
      "With --shadow: for how long its decision certainly differed from what the cloud showed.",
  },
  "exoip_aside_timestamp_seconds": {
    type: "gauge",
    labels: ["address"],
    meaning: "When the node was drained or demoted; absent while it is neither.",
  },
  "exoip_role_changed_timestamp_seconds": {
    type: "gauge",
    labels: ["address"],
    meaning: "When the role changed.",
  },
  "exoip_cloud_read_timestamp_seconds": {
    type: "gauge",
    labels: ["address"],
    meaning: "When the cloud last showed who holds.",
  },
  "exoip_interface_looked_timestamp_seconds": {
    type: "gauge",
    labels: ["address"],
    meaning: "When the watchdog last looked for the address on the interfaces.",
  },
  "exoip_cloud_answered_timestamp_seconds": {
    type: "gauge",
    labels: ["address"],
    meaning: "When the cloud last answered without an error.",
  },
  "exoip_peers_read_timestamp_seconds": {
    type: "gauge",
    labels: ["address"],
    meaning: "When the cloud last gave the list of peers.",
  },
  "exoip_other_holders_read_timestamp_seconds": {
    type: "gauge",
    labels: ["address"],
    meaning: "When the cloud last gave all holders.",
  },
  "exoip_peer_alive": {
    type: "gauge",
    labels: ["address", "peer"],
    meaning: "Whether the peer is heard.",
  },
  "exoip_peer_priority": {
    type: "gauge",
    labels: ["address", "peer"],
    meaning: "Priority in the last heartbeat of the peer.",
  },
  "exoip_peer_holds": {
    type: "gauge",
    labels: ["address", "peer"],
    meaning: "Whether the peer says that it holds the address.",
  },
  "exoip_peer_one_way": {
    type: "gauge",
    labels: ["address", "peer"],
    meaning:
      "Whether the link to the peer works one way only: it does not hear us, or lives unheard.",
  },
  "exoip_peer_heard_timestamp_seconds": {
    type: "gauge",
    labels: ["address", "peer"],
    meaning: "When the peer was last heard.",
  },
  "exoip_api_calls_total": {
    type: "counter",
    labels: ["address", "verb"],
    meaning: "Successful calls to the cloud, by verb.",
  },
  "exoip_api_errors_total": {
    type: "counter",
    labels: ["address", "verb", "kind"],
    meaning: "Calls to the cloud that failed, by verb and kind.",
  },
  "exoip_api_last_call_duration_seconds": {
    type: "gauge",
    labels: ["address", "verb"],
    meaning: "How long the last successful call took, by verb.",
  },
  "exoip_lease_owned": {
    type: "gauge",
    labels: ["address"],
    meaning: "With --lease: whether this node owns the lease, without which no node may hold.",
  },
  "exoip_lease_store_reachable": {
    type: "gauge",
    labels: ["address"],
    meaning: "With --lease: whether the store answered within two thirds of the lease's time.",
  },
  "exoip_lease_failsafe": {
    type: "gauge",
    labels: ["address"],
    meaning:
      "With --lease: whether this node holds without the store, because it hears every peer.",
  },
  "exoip_lease_fencing": {
    type: "gauge",
    labels: ["address"],
    meaning: "With --lease: whether this node, as owner, takes the address from others first.",
  },
  "exoip_lease_ttl_seconds": {
    type: "gauge",
    labels: ["address"],
    meaning: "With --lease: how long the lease lives without a renewal.",
  },
  "exoip_lease_renewal_age_seconds": {
    type: "gauge",
    labels: ["address"],
    meaning: "With --lease: time since the owner sent its last successful renewal.",
  },
  "exoip_lease_acquired_total": {
    type: "counter",
    labels: ["address"],
    meaning: "With --lease: how often this node got the lease.",
  },
  "exoip_lease_lost_total": {
    type: "counter",
    labels: ["address"],
    meaning: "With --lease: how often this node lost the lease without giving it up.",
  },
  "exoip_lease_store_answered_timestamp_seconds": {
    type: "gauge",
    labels: ["address"],
    meaning: "With --lease: when the last request was sent that the store answered.",
  },
  "exoip_lease_calls_total": {
    type: "counter",
    labels: ["address", "verb"],
    meaning: "With --lease: successful calls to the store, by verb.",
  },
  "exoip_lease_errors_total": {
    type: "counter",
    labels: ["address", "verb", "kind"],
    meaning: "With --lease: calls to the store that failed, by verb and kind.",
  },
} as const;
METRICS satisfies Readonly<Record<string, MetricRow>>;

/** The name of a metric. */
export type MetricName = keyof typeof METRICS;
