// --doctor: is everything ready for the first start? All checks run in parallel, each with a time limit, and print in
// order. They change nothing, neither here nor in the cloud.
import type { Config } from "../config/config.ts";
import { messageOf } from "../core/message_of.ts";
import type { Host } from "../host/host.ts";
import { checkAddresses } from "./checks/address.ts";
import { checkClock } from "./checks/clock.ts";
import { Context } from "./context.ts";
import {
  exitCodeOf,
  fail,
  Failed,
  type Finding,
  findingsJson,
  linesOf,
  type Result,
  skip,
  summaryOf,
} from "./result.ts";
import { skipped } from "./skipped.ts";
import { checkFirewall } from "./checks/firewall.ts";
import { checkLease } from "./checks/lease.ts";
import { checkInterface } from "./checks/interface.ts";
import { checkHeartbeats } from "./checks/heartbeats.ts";
import { checkIdentity } from "./checks/identity.ts";
import { checkNetworks } from "./checks/networks.ts";
import { checkPeers } from "./checks/peers.ts";
import { checkPort } from "./checks/port.ts";
import { checkPrograms } from "./checks/programs.ts";
import { checkRights } from "./checks/rights.ts";
import { checkSource } from "./checks/source.ts";
import { checkStatusPort } from "./checks/status_port.ts";
import { checkConnectivity } from "./checks/connectivity.ts";

/** Longest time for one check; a cloud that hangs is given up sooner. */
const CHECK_MS = 40_000;

type Check = (context: Context, signal: AbortSignal) => Promise<Result[]>;

/** In the order of the output. */
const ALWAYS: Readonly<Record<string, Check>> = {
  identity: checkIdentity,
  cloud: checkConnectivity,
  clock: checkClock,
  key: checkRights,
  address: checkAddresses,
};
/** Checks that only a watchdog needs. */
const WATCHING: Readonly<Record<string, Check>> = {
  interface: checkInterface,
  peers: checkPeers,
  lease: checkLease,
  network: checkNetworks,
  source: checkSource,
  firewall: checkFirewall,
  port: checkPort,
  status: checkStatusPort,
  programs: checkPrograms,
  heartbeats: checkHeartbeats,
};

/** Checks about heartbeats, which a cluster without any does not need. */
const HEARTBEATS = new Set(["network", "source", "firewall", "heartbeats"]);

/** Runs and prints all checks; `signal` ends them. Resolves to the exit code. */
export async function diagnose(
  config: Config,
  { host, json, signal }: { host: Host; json: boolean; signal: AbortSignal },
): Promise<0 | 1> {
  const { verbose } = config;
  const context = new Context(config, host);
  const checks = config.mode === "watchdog" ? { ...ALWAYS, ...WATCHING } : ALWAYS;
  const withoutHeartbeats = config.lease?.heartbeats === false;
  const due = Object.entries(checks).filter(([name]) =>
    !withoutHeartbeats || !HEARTBEATS.has(name)
  );
  const running = due.map(([name, check]) => ({
    name,
    said: bounded(check, { context, stopping: signal }),
  }));
  const findings: Finding[] = [];
  for (const { name, said } of running) {
    for (const each of await said) {
      const finding = { check: name, ...each };
      findings.push(finding);
      const lines = json ? [] : linesOf(finding, { terminal: host.terminal, verbose });
      for (const line of lines) host.print("out", line);
    }
  }
  await context.close();
  const code = signal.aborted ? 1 : exitCodeOf(findings);
  if (json) host.print("out", findingsJson(code === 0, findings));
  else host.print("out", signal.aborted ? "stopped" : summaryOf(findings));
  return code;
}

async function bounded(
  check: Check,
  { context, stopping }: { context: Context; stopping: AbortSignal },
): Promise<Result[]> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), CHECK_MS);
  const signal = AbortSignal.any([stopping, late.signal]);
  const { promise: over, resolve } = Promise.withResolvers<Result[]>();
  const end = () =>
    resolve([skip(stopping.aborted ? "stopped" : `not finished within ${CHECK_MS / 1_000} s`)]);
  signal.addEventListener("abort", end);
  try {
    return await Promise.race([check(context, signal), over]);
  } catch (cause) {
    if (cause instanceof Failed) return [fail(messageOf(cause))];
    return await Promise.race([
      skipped(cause, { context, signal }).then((result) => [result]),
      over,
    ]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
