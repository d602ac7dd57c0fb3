// The option table as a person reads it: for `-h` and for `-v`.
import type { AddressConfig } from "../options/elastic_ips.ts";
import type { Config } from "../config/config.ts";
import { flagOf, type Option, OPTIONS } from "../options/all.ts";
import { withoutArguments } from "../log/password.ts";
import { masked } from "./print_config.ts";

const INTRODUCTION = `exoip keeps an Exoscale Elastic IP on a live machine.

  exoip -W -xi ADDRESS [options]       watch, on every node
  exoip -A|-D -xi ADDRESS [options]    attach or detach once

Options (one or two dashes; a variable serves where its flag is not given):
`;

/** The text of `-h`. */
export function usage(): string {
  return INTRODUCTION + OPTIONS.map(paragraph).join("") +
    "\nSignals: SIGUSR1 priority - 1, SIGUSR2 priority + 1, SIGHUP reads the files again, SIGTERM and\n" +
    "SIGINT hand over and exit.\n" +
    "Exit codes: 0 done, 1 invalid configuration or failure, 2 unusable command line.\n";
}

function paragraph(option: Option): string {
  const { value, variables, fallback, help } = option;
  const head = `${flagOf(option)}${value && ` ${value}`}`;
  const notes = [variables.join(", "), fallback && `default: ${fallback}`].filter(Boolean).join(
    "; ",
  );
  return `  ${head}\n      ${help}${notes && `\n      [${notes}]`}\n`;
}

/** What `-v` prints: everything but the secrets. */
export function describe(config: Config, instanceId: string): string[] {
  const { addresses, credentials, peers, listen, endpoint, zone, api } = config;
  const seconds = (ms: number) => ms === Infinity ? "never" : `${ms / 1000} s`;
  return [
    `mode: ${config.mode}`,
    `Elastic IP: ${addresses.map(addressText).join(", ")}`,
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
      `exclusive: ${config.exclusive}`,
      `hand-over timeout: ${seconds(config.handoverTimeoutMs)}`,
      `reconcile: every ${seconds(config.reconcileMs)}`,
      `wire: ${config.heartbeatFormat}`,
      `signed: ${signedText(config)}`,
      ...serviceLines(config),
    ]),
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

function addressText({ elasticIp, priority }: AddressConfig): string {
  return priority === null ? elasticIp : `${elasticIp} with priority ${priority}`;
}

function signedText({ sharedSecrets, acceptUnsigned }: Config): string {
  const { length } = sharedSecrets;
  if (length === 0) return "no";
  const keys = length === 1 ? "one key" : `${length} keys`;
  return `yes, ${keys}${acceptUnsigned ? ", unsigned accepted until a peer has signed" : ""}`;
}
