// --shadow: the watchdog decides as usual and changes nothing. This wraps the cloud, logs what the watchdog would have
// done, and compares that with what the cloud shows.
import { durationText } from "../core/age.ts";
import { jsonText, LINE_MAX_CHARS, plain } from "../core/plain.ts";
import { type Comparison, decided, looked, nothingCompared } from "../core/shadow/comparison.ts";
import { attachReason, claimOf, giveUpReason, peerTitle, stanceOf } from "../core/shadow/stance.ts";
import { shadowLines, type ShadowReport, shadowReport } from "../status/shadow_report.ts";
import type { Clock, Cloud, Log, Observer, ReadOnlyCloud, ServiceManager } from "../world.ts";
import { type RealSighting, ShadowCloud } from "./shadow_cloud.ts";
import type { Watchdog } from "./watchdog.ts";
import type { Node } from "../core/node/state.ts";

/** Shortest time between two looks of a shadow. */
const LOOK_MS = 5_000;
/** A look is two requests; with many Elastic IPs, one request a second is enough for a shadow. */
const PER_ADDRESS_MS = 2_000;
/** After this many failed looks in a row, the time between the last two good ones counts as unknown. */
const PROVED_LOOKS = 4;
/** Differences in a status; the report at the end has all that are kept. */
const SHOWN_MAX = 8;

/** How often a shadow looks at the cloud for each of that many Elastic IPs. */
export function shadowLookMs(addresses: number): number {
  return Math.max(LOOK_MS, PER_ADDRESS_MS * addresses);
}

/** What a shadow needs. */
export interface ShadowOptions {
  readonly clock: Clock;
  /** Elastic IPs of the process. */
  readonly elasticIps: readonly string[];
  /** The command that is not run, null without one. */
  readonly notify: string | null;
}

/** The shadow of one process. */
export class Shadow {
  readonly #options: ShadowOptions;
  readonly #comparisons = new Map<string, Comparison>();
  #watchdog: Watchdog | null = null;
  #stopped = false;

  constructor(options: ShadowOptions) {
    this.#options = options;
  }

  /** Logs role changes instead of running the command. */
  get observer(): Observer | null {
    const { notify } = this.#options;
    return notify === null ? null : {
      roleChanged: ({ elasticIp, role, previousRole, reason }) => {
        const change = role === previousRole ? role : `${role}, was ${previousRole}`;
        this.#say(elasticIp, `would notify: ${change} (${reason}): ${notify}`);
      },
    };
  }

  /** Connects it with the watchdog whose decisions it compares. */
  attend(watchdog: Watchdog): void {
    this.#watchdog = watchdog;
  }

  /** The cloud of the shadow of that Elastic IP. */
  around(elasticIp: string, cloud: ReadOnlyCloud): Cloud {
    const { clock } = this.#options;
    return new ShadowCloud(readOnly(cloud), {
      clock,
      claims: (instanceId) => {
        const node = this.#nodeOf(elasticIp);
        return node ? claimOf(node.election, instanceId) : null;
      },
      peers: () =>
        [...this.#nodeOf(elasticIp)?.election.peers.values() ?? []]
          .flatMap((peer) => peer.instanceId ?? []),
      would: (change, instanceId) => this.#would(elasticIp, change, instanceId),
      seen: (sighting) => this.#seen(elasticIp, sighting),
    });
  }

  /** The process stops: the hand-over that follows is no decision to compare, as the real failover does not stop. */
  stop(): void {
    this.#stopped = true;
  }

  /** The report about that Elastic IP. */
  report(elasticIp: string, most = SHOWN_MAX): ShadowReport {
    const { clock, elasticIps } = this.#options;
    const node = this.#nodeOf(elasticIp);
    return shadowReport(this.#comparisonOf(elasticIp), {
      nowMs: clock.nowMs(),
      wallMs: clock.wallMs(),
      resolutionMs: shadowLookMs(elasticIps.length),
      titleOf: (instanceId) => node ? peerTitle(node, instanceId) : `instance ${instanceId}`,
      most,
    });
  }

  /** The lines of the report at the end; with `json`, one line of JSON. */
  lines(json: boolean): string[] {
    const reports = this.#options.elasticIps.map((elasticIp) => ({
      elasticIp,
      ...this.report(elasticIp, Infinity),
    }));
    if (json) return [jsonText({ version: 1, shadow: reports })];
    return reports.flatMap((each) => shadowLines(each, each.elasticIp))
      .map((line) => plain(line, LINE_MAX_CHARS));
  }

  #would(elasticIp: string, change: "attach" | "give-up" | "take", instanceId: string): void {
    const node = this.#nodeOf(elasticIp);
    if (!node) return;
    if (change === "take") {
      const title = peerTitle(node, instanceId);
      return this.#say(elasticIp, `would take the Elastic IP from ${title}, which is dead`);
    }
    const holds = change === "attach";
    const reason = holds ? attachReason(node) : giveUpReason(node);
    this.#say(
      elasticIp,
      `would ${holds ? "attach the Elastic IP" : "give the Elastic IP up"}: ${reason}`,
    );
    if (this.#stopped) return;
    const decision = { atMs: this.#options.clock.nowMs(), holds, reason };
    this.#comparisons.set(elasticIp, decided(this.#comparisonOf(elasticIp), decision));
  }

  #seen(elasticIp: string, { askedAtMs, answeredAtMs, holds, others }: RealSighting): void {
    if (this.#stopped) return;
    const before = this.#comparisonOf(elasticIp);
    const node = this.#nodeOf(elasticIp);
    // Both begin with what the cloud shows.
    const first = { atMs: askedAtMs, holds, reason: "the cloud showed so at the start" };
    const begun = before.sinceMs === null ? decided(before, first) : before;
    const look = {
      askedMs: askedAtMs,
      answeredMs: answeredAtMs,
      holds,
      others: others?.map(({ instanceId }) => instanceId) ?? null,
      reason: node ? stanceOf(node) : "",
    };
    this.#comparisons.set(elasticIp, looked(begun, look));
  }

  #comparisonOf(elasticIp: string): Comparison {
    return this.#comparisons.get(elasticIp) ??
      nothingCompared(PROVED_LOOKS * shadowLookMs(this.#options.elasticIps.length));
  }

  #nodeOf(elasticIp: string): Node | null {
    const watch = this.#watchdog?.watches.find(({ node }) =>
      node.election.settings.elasticIp === elasticIp
    );
    return watch?.node ?? null;
  }

  #say(elasticIp: string, text: string): void {
    const several = this.#options.elasticIps.length > 1;
    this.#watchdog?.log.write("info", "shadow", text, ...(several ? [elasticIp] : []));
  }
}

/** Only the methods that read, so that no code of a shadow can make a change. */
function readOnly(cloud: ReadOnlyCloud): ReadOnlyCloud {
  return {
    name: cloud.name,
    prepare: (signal) => cloud.prepare(signal),
    members: (signal, addresses) => cloud.members(signal, addresses),
    look: (options, signal) => cloud.look(options, signal),
    inspect: (instanceId, signal) => cloud.inspect(instanceId, signal),
  };
}

/** Says at the start what a shadow does. */
export function announceShadow(
  log: Log,
  { elasticIps, addressOn, port }: {
    readonly elasticIps: readonly string[];
    readonly addressOn: string | null;
    readonly port: number;
  },
): void {
  const every = durationText(shadowLookMs(elasticIps.length));
  const text = `nothing is changed in the cloud, which is looked at every ${every}; only shadows ` +
    `on port ${port} are heard`;
  log.write("info", "shadow", text);
  for (const elasticIp of addressOn === null ? [] : elasticIps) {
    log.write("info", "shadow", `would put ${elasticIp} on ${addressOn}`);
  }
}

/** The service manager, told that its service is a shadow. */
export function shadowManager(manager: ServiceManager | null): ServiceManager | null {
  return manager && {
    keepAliveMs: manager.keepAliveMs,
    ready: () => manager.ready(),
    reloading: () => manager.reloading(),
    reloaded: () => manager.reloaded(),
    stopping: (withinMs) => manager.stopping(withinMs),
    status: (text) => manager.status(`shadow: ${text}`),
    extend: (ms) => manager.extend(ms),
    alive: () => manager.alive(),
  };
}
