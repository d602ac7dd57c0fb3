// A snapshot for Prometheus: text format 0.0.4, base units, counters that end in `_total`. Timestamps are Unix time, so
// stale values show. Names: metric_names.ts.
import { addressFamilies } from "./address_metrics.ts";
import { type Family, familyText, instantOf, type Sample, secondsOf } from "./metric_family.ts";
import type { MetricName } from "../core/registry/metric_names.ts";
import type { Snapshot } from "./snapshot.ts";

/** The whole text. */
export function metricsText(snapshot: Snapshot): string {
  return metricFamilies(snapshot).map(familyText).join("");
}

/** All metrics, including those without a value yet. */
export function metricFamilies(snapshot: Snapshot): Family[] {
  return [...processFamilies(snapshot), ...addressFamilies(snapshot)];
}

function processFamilies(snapshot: Snapshot): Family[] {
  const { program, upMs, phase, loop, heartbeats, checks, changes } = snapshot;
  const one = (value: number): Sample[] => [{ value }];
  const had = snapshot.addresses.every(({ unavailable }) => unavailable === "");
  const metric = (name: MetricName, samples: readonly Sample[]): Family => ({ name, samples });
  return [
    metric("exoip_build_info", [
      { value: 1, labels: { version: program.version, commit: program.commit } },
    ]),
    metric("exoip_start_time_seconds", instantOf(upMs, snapshot)),
    metric("exoip_ready", one(Number(phase === "running" && had))),
    metric("exoip_shadow", one(Number(snapshot.shadow === true))),
    metric("exoip_stopping", one(Number(phase === "stopping"))),
    metric("exoip_loop_overdue_seconds", one(secondsOf(loop.overdueMs))),
    metric("exoip_loop_lag_seconds", one(secondsOf(loop.lateMs))),
    metric("exoip_loop_lag_seconds_max", one(secondsOf(loop.worstLateMs))),
    metric("exoip_heartbeats_sent_total", one(heartbeats.sent)),
    metric("exoip_heartbeats_received_total", one(heartbeats.received)),
    metric(
      "exoip_datagrams_refused_total",
      heartbeats.refused.map(({ word, count }) => ({ value: count, labels: { reason: word } })),
    ),
    metric(
      "exoip_check_passing",
      checks.map(({ name, state }) => ({
        value: Number(state === "passing"),
        labels: { check: name },
      })),
    ),
    metric(
      "exoip_check_result_timestamp_seconds",
      checks.flatMap(({ name, ageMs }) => instantOf(ageMs, snapshot, { check: name })),
    ),
    metric(
      "exoip_last_change_timestamp_seconds",
      instantOf(changes.at(-1)?.ageMs ?? null, snapshot),
    ),
  ];
}
