// How the nodes decide.
import { choice, count, duration, flag, type Option, plain } from "./option.ts";

/** Of the original. */
export const RANK = [
  count({
    name: "P",
    key: "priority",
    variables: ["IF_HOST_PRIORITY"],
    ends: [0, 255],
    fallback: "10",
    alias: "priority",
    origin: "original",
    help: "priority of this node, the lowest wins",
    watchdogOnly: true,
    reload: "election",
  }),
  duration({
    name: "t",
    key: "intervalMs",
    variables: ["IF_ADVERTISEMENT_INTERVAL"],
    ends: ["10ms", "1h"],
    fallback: "1",
    alias: "interval",
    origin: "original",
    help: "time between heartbeats, 10ms to 1h; a bare number means seconds",
    watchdogOnly: true,
    reload: "election",
  }),
  count({
    name: "r",
    key: "deadRatio",
    variables: ["IF_DEAD_RATIO"],
    ends: [1, 1_000],
    fallback: "3",
    alias: "dead-ratio",
    origin: "original",
    help: "intervals of silence after which a peer is dead",
    watchdogOnly: true,
    reload: "election",
  }),
] as const satisfies readonly Option[];

/** Beyond the original. */
export const ELECTION = [
  flag({
    name: "exclusive",
    key: "exclusive",
    variables: ["IF_EXCLUSIVE"],
    help: "of several nodes with the same best priority only the one with the lowest id holds",
  }),
  plain({
    name: "no-preempt",
    variables: ["IF_NO_PREEMPT"],
    help: "leave the Elastic IP with a live node that ranks lower",
  }),
  duration({
    name: "preempt-delay",
    key: "preemptDelayMs",
    variables: ["IF_PREEMPT_DELAY"],
    ends: ["0s", "1d"],
    fallback: "0",
    help: "leave it there for this long first, 0 to 1 day",
    unless: (reader) => reader.on("no-preempt") ? Infinity : null,
    watchdogOnly: true,
    reload: "election",
  }),
  duration({
    name: "handover-timeout",
    key: "handoverTimeoutMs",
    variables: ["IF_HANDOVER_TIMEOUT"],
    ends: ["0s", "10min"],
    fallback: "10",
    help: "when told to stop: longest wait for a successor to hold the Elastic IP, 0 to 10min",
    watchdogOnly: true,
    reload: "election",
  }),
  duration({
    name: "reconcile-interval",
    key: "reconcileMs",
    variables: ["IF_RECONCILE_INTERVAL"],
    ends: ["5s", "5min"],
    fallback: "30",
    help: "time between two looks at the cloud, 5s to 5min",
    watchdogOnly: true,
    reload: "election",
  }),
  choice({
    name: "heartbeat-format",
    key: "heartbeatFormat",
    variables: ["IF_HEARTBEAT_FORMAT"],
    choices: ["extended", "original"],
    usual: "extended",
    help: "original sends the original's 24 bytes only, without trailer",
    watchdogOnly: true,
  }),
] as const satisfies readonly Option[];
