// Connects the watchdog to the service on this machine: checks report the service's health, and a command is told about
// role changes.
import { childEnvironment } from "../host/child_environment.ts";
import type { Config } from "../config/config.ts";
import type { CheckSpec } from "../checks/spec.ts";
import { deadTimeMs } from "../core/election/peer.ts";
import type { CheckHealth } from "../core/health.ts";
import type { Presence } from "../core/presence.ts";
import { membersOf } from "../core/node/group.ts";
import { reasonDetail } from "../core/node/explanation.ts";
import type { CheckView } from "../status/snapshot.ts";
import { HealthChecks } from "../checks/schedule.ts";
import type { Host } from "../host/host.ts";
import { probeWith } from "../checks/probe.ts";
import { cureFor, type InterfaceAddresses } from "./interface_address.ts";
import { InterfaceWatch } from "./interface_watch.ts";
import { RoleNotices } from "./notify_command.ts";
import type { Watchdog } from "./watchdog.ts";
import type { Log, Observer } from "../world.ts";
import { checkView } from "../status/check_view.ts";

/** How long a role must last before the command is told: nodes that lose the cloud change roles within milliseconds. */
const HOLD_MS = 200;
/** Added to the longest time that the command takes at the end, for the rest of the shutdown. */
const END_MARGIN_MS = 5_000;

/** The checks, notices and interface addresses of one watchdog. */
export class Service {
  #config: Config;
  readonly #host: Host;
  readonly #log: Log;
  readonly #env: Readonly<Record<string, string>>;
  readonly #notices: RoleNotices | null;
  readonly #addresses: InterfaceAddresses;
  #watchdog: Watchdog | null = null;
  #checks: HealthChecks | null = null;
  #interfaces: InterfaceWatch | null = null;
  /** Why the checks fail, empty while they pass. */
  #failing = "";
  /** By Elastic IP: the reason for being unhealthy that its watch was told last, empty when healthy. */
  readonly #told = new Map<string, string>();
  /** Checks from before a reload that may still be ending. */
  #ending: Promise<unknown> = Promise.resolve();

  constructor(
    config: Config,
    { instanceId, host, log, addresses }: {
      instanceId: string;
      host: Host;
      log: Log;
      addresses: InterfaceAddresses;
    },
  ) {
    this.#config = config;
    this.#addresses = addresses;
    this.#host = host;
    this.#log = log;
    this.#env = childEnvironment(host.env);
    const { notify: words, notifyTimeoutMs: timeoutMs } = config;
    const { clock, runCommand: run } = host;
    const several = config.elasticIps.length > 1;
    const settings = { timeoutMs, holdMs: HOLD_MS, several, instanceId, env: this.#env };
    this.#notices = words && new RoleNotices({ words, ...settings }, { clock, log, run });
  }

  /** Gets role changes; null without --notify. */
  get observer(): Observer | null {
    return this.#notices;
  }

  /** Each check for display; empty without checks. */
  get checks(): readonly CheckView[] {
    const atMs = this.#host.clock.nowMs();
    return (this.#checks?.checks ?? []).map((check) => checkView(check, atMs));
  }

  /** Whether this machine has an Elastic IP, null when it is not watched. */
  presence(elasticIp: string): Presence | null {
    return this.#interfaces?.presence(elasticIp) ?? null;
  }

  /** Starts the checks and the interface watch, and tells the watchdog what they find. */
  attend(watchdog: Watchdog): void {
    this.#watchdog = watchdog;
    this.#check([]);
    this.#interfaces = this.#watchInterfaces(watchdog);
  }

  /** Replaces the checks or their interval; checks that stay keep their state. */
  reconfigure(config: Config): void {
    const before = new Map(this.#config.checks.map((check) => [check.title, same(check)]));
    this.#config = config;
    if (!this.#watchdog) return;
    const old = this.#checks;
    // A check counts as another one if anything differs, even if its title is the same.
    const kept = config.checks.filter((check) => before.get(check.title) === same(check));
    const titles = new Set(kept.map(({ title }) => title));
    this.#checks = null;
    this.#ending = Promise.all([this.#ending, old?.close()]);
    this.#check((old?.checks ?? []).filter(({ title }) => titles.has(title)));
  }

  #check(known: readonly CheckHealth[]): void {
    const { checks, checkIntervalMs, checkTimeoutMs, checkRise, checkFall } = this.#config;
    // Without checks the service is healthy, whatever the previous ones found.
    if (checks.length === 0) return this.#tellHealth("");
    const { clock, runCommand } = this.#host;
    this.#checks = new HealthChecks({
      checks,
      intervalMs: checkIntervalMs,
      timeoutMs: checkTimeoutMs,
      rise: checkRise,
      fall: checkFall,
      known,
      // The hold-off, in which the node decides nothing, is slightly longer.
      graceMs: deadTimeMs(this.#config),
    }, {
      clock,
      log: this.#log,
      probe: probeWith(runCommand, { env: this.#env, caCerts: this.#config.caCerts }),
      tell: (healthy, why) => this.#tellHealth(healthy ? "" : why),
    });
  }

  #watchInterfaces({ watches, log }: Watchdog): InterfaceWatch {
    const { clock, interfaces, isLocalAddress: isLocal } = this.#host;
    const { addressOn: device } = this.#config;
    const memberOf = (elasticIp: string) =>
      watches.flatMap(({ node }) => membersOf(node)).find((each) => each.elasticIp === elasticIp);
    return new InterfaceWatch({
      elasticIps: this.#config.elasticIps.map(({ elasticIp }) => elasticIp),
      device,
      cureFor,
    }, {
      clock,
      log,
      interfaces,
      isLocal,
      restore: (elasticIp) => this.#addresses.restore(elasticIp),
      // A shadow's machine gets no traffic because of it.
      holding: (elasticIp) =>
        this.#config.shadow ? null : memberOf(elasticIp)?.ownership.holding ?? null,
      changed: () => this.#tellHealth(this.#failing),
    });
  }

  /** Each watch is healthy when the checks pass and traffic to each of its Elastic IPs arrives. */
  #tellHealth(failing: string): void {
    this.#failing = failing;
    for (const watch of this.#watchdog?.watches ?? []) {
      const { elasticIp } = watch.node.election.settings;
      const losses = watch.elasticIps.map((each) => this.#interfaces?.loss(each) ?? "");
      const reason = [failing, ...losses].filter((each) => each !== "").join("; ");
      if (this.#told.get(elasticIp) === reason) continue;
      this.#told.set(elasticIp, reason);
      watch.deliver({ kind: "health", healthy: reason === "", reason });
    }
  }

  /**
   * The watchdog has ended: stops the checks and tells the command, and asks the service manager for the time that this
   * takes. Bounded by about twice the time-out of the command.
   */
  async close(): Promise<void> {
    const last = (this.#watchdog?.watches ?? []).map(({ node, elasticIps }) => {
      const { settings, role, reason, priority, holding } = node.election;
      const { elasticIp } = settings;
      const together = elasticIps.length > 1 ? { elasticIps } : {};
      const decided = { role, previousRole: role, reason, priority, holding };
      const change = { elasticIp, ...together, ...decided };
      return { ...change, reasonDetail: reasonDetail(node.election) };
    });
    const notices = this.#notices;
    if (notices) {
      this.#host.serviceManager?.extend(notices.closeMaxMs + END_MARGIN_MS);
    }
    await Promise.all([
      this.#ending,
      this.#checks?.close(),
      this.#interfaces?.close(),
      notices?.close(last),
    ]);
  }

  /** Stops waiting for the command. */
  giveUp(): void {
    this.#notices?.giveUp();
  }
}

/** A key that is equal for equal checks. */
function same(check: CheckSpec): string {
  return JSON.stringify(check);
}
