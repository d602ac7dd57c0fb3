// A snapshot as Prometheus reads it: text format 0.0.4, base units, counters that end in `_total`. Instants are given
// as Unix time, so that a value that nobody refreshes grows old where it is looked at. The README lists all names.
import { addressFamilies } from "./address_metrics.ts";
import { type Family, familyText, instantOf, type Sample } from "./metric_family.ts";
import type { Snapshot } from "./snapshot.ts";

/** The whole text. */
export function metricsText(snapshot: Snapshot): string {
  return metricFamilies(snapshot).map(familyText).join("");
}

/** Every metric; one without a value yet is there all the same. */
export function metricFamilies(snapshot: Snapshot): Family[] {
  return [...processFamilies(snapshot), ...addressFamilies(snapshot)];
}

function processFamilies(snapshot: Snapshot): Family[] {
  const { program, upMs, phase, loop, heartbeats, checks, changes } = snapshot;
  const one = (value: number): Sample[] => [{ value }];
  const metric = (
    name: string,
    type: Family["type"],
    help: string,
    samples: readonly Sample[],
  ): Family => ({ name: `exoip_${name}`, type, help, samples });
  return [
    metric("build_info", "gauge", "Version and commit of the program.", [
      { value: 1, labels: { version: program.version, commit: program.commit } },
    ]),
    metric("start_time_seconds", "gauge", "When the watchdog started.", instantOf(upMs, snapshot)),
    metric(
      "ready",
      "gauge",
      "Whether the first election is over, the cloud has answered, and nobody told it to stop.",
      one(Number(phase === "running")),
    ),
    metric("stopping", "gauge", "Whether it was told to stop.", one(Number(phase === "stopping"))),
    metric(
      "loop_overdue_seconds",
      "gauge",
      "How far the next deadline of the loop has passed by already.",
      one(loop.overdueMs / 1_000),
    ),
    metric(
      "loop_lateness_seconds",
      "gauge",
      "How late the loop met its last deadline.",
      one(loop.lateMs / 1_000),
    ),
    metric(
      "loop_lateness_worst_seconds",
      "gauge",
      "How late it met the worst one since the start.",
      one(loop.worstLateMs / 1_000),
    ),
    metric("heartbeats_sent_total", "counter", "Heartbeats sent.", one(heartbeats.sent)),
    metric(
      "heartbeats_received_total",
      "counter",
      "Well-formed heartbeats received.",
      one(heartbeats.received),
    ),
    metric(
      "datagrams_refused_total",
      "counter",
      "Datagrams that were not believed, by reason.",
      heartbeats.refused.map(({ word, count }) => ({ value: count, labels: { reason: word } })),
    ),
    metric(
      "check_passing",
      "gauge",
      "Whether a health check passes: 1 yes, 0 no or not known yet.",
      checks.map(({ name, state }) => ({
        value: Number(state === "passing"),
        labels: { check: name },
      })),
    ),
    metric(
      "check_result_timestamp_seconds",
      "gauge",
      "When the check last had a result.",
      checks.flatMap(({ name, ageMs }) => instantOf(ageMs, snapshot, { check: name })),
    ),
    metric(
      "last_change_timestamp_seconds",
      "gauge",
      "When the last change was logged: a role, a peer, the cloud, the address.",
      instantOf(changes.at(-1)?.ageMs ?? null, snapshot),
    ),
  ];
}
