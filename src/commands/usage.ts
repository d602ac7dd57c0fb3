// The output of `-v`.
import { durationText } from "../core/age.ts";
import type { ElasticIpConfig } from "../options/elastic_ips.ts";
import type { Config } from "../config/config.ts";
import { withoutArguments } from "../log/password.ts";
import { masked } from "./print_config.ts";

/** The output of `-v`: all settings except the secrets. */
export function describe(config: Config, instanceId: string): string[] {
  const { elasticIps, credentials, peers, listen, endpoint, zone, api } = config;
  const seconds = (ms: number) => ms === Infinity ? "never" : `${ms / 1000} s`;
  return [
    `mode: ${config.mode}`,
    `Elastic IP: ${elasticIps.map(addressText).join(", ")}`,
    `instance: ${instanceId}`,
    `API: ${api}, ${endpoint ?? `zone ${zone ?? "to be found"}`}`,
    ...(config.caCerts.length > 0
      ? [`trusted besides: ${config.caCerts.length} of the CA file`]
      : []),
    `API key: ${masked(credentials.apiKey)}`,
    ...(config.mode !== "watchdog" ? [] : [
      `listen: ${listen.hostname}:${listen.port}`,
      `peers: ${peersText(peers)}`,
      `priority: ${config.priority}`,
      `interval: ${seconds(config.intervalMs)}, dead after ${config.deadRatio} intervals`,
      `preempts after: ${seconds(config.preemptDelayMs)}`,
      ...moveLimitLines(config),
      `exclusive: ${config.exclusive}`,
      `hand-over timeout: ${seconds(config.handoverTimeoutMs)}`,
      `reconcile: every ${seconds(config.reconcileMs)}`,
      `wire: ${config.heartbeatFormat}`,
      `signed: ${signedText(config)}`,
      ...leaseLines(config),
      ...serviceLines(config),
    ]),
  ];
}

function moveLimitLines({ moveLimit }: Config): string[] {
  if (moveLimit === null) return [];
  return [`move limit: ${moveLimit.moves} within ${durationText(moveLimit.withinMs)}`];
}

function leaseLines({ lease }: Config): string[] {
  if (lease === null) return [];
  const { endpoints, prefix, ttlMs, user, certificate, failsafe, heartbeats } = lease;
  return [
    `lease: etcd at ${endpoints.join(", ")}, keys below ${prefix}, for ${ttlMs / 1_000} s`,
    ...(user === null ? [] : [`lease's user: ${user}`]),
    ...(certificate === null ? [] : ["lease's certificate: given"]),
    `failsafe: ${failsafe}`,
    ...(heartbeats ? [] : ["heartbeats: none"]),
  ];
}

function serviceLines(config: Config): string[] {
  const { checks, checkIntervalMs, checkTimeoutMs, notify, addressOn } = config;
  const limiter = `every ${checkIntervalMs / 1_000} s, at most ${checkTimeoutMs / 1_000} s`;
  return [
    ...checks.map(({ title }) => `check: ${title}, ${limiter}`),
    ...(notify === null ? [] : [`notify: ${withoutArguments(notify)}`]),
    ...(addressOn === null ? [] : [`address on: ${addressOn}`]),
  ];
}

function peersText(peers: Config["peers"]): string {
  switch (peers.kind) {
    case "static":
      return peers.addresses.join(", ");
    case "groups":
      return `security group ${peers.groups.join(", ")}`;
    case "discovery":
      return "our instance pool, else the label exoip";
    default:
      return peers satisfies never;
  }
}

function addressText({ elasticIp, priority }: ElasticIpConfig): string {
  return priority === null ? elasticIp : `${elasticIp} with priority ${priority}`;
}

function signedText({ sharedSecrets, acceptUnsigned }: Config): string {
  const { length } = sharedSecrets;
  if (length === 0) return "no";
  const keys = length === 1 ? "one key" : `${length} keys`;
  return `yes, ${keys}${acceptUnsigned ? ", unsigned accepted until a peer has signed" : ""}`;
}
