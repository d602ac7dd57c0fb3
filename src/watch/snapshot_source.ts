// Takes snapshots of a running watchdog: reads everything on request and keeps nothing.
import type { DeadlineTimer } from "./deadline_timer.ts";
import { apart } from "../core/node/group.ts";
import { settling } from "../core/election/state.ts";
import { hasSeenStore } from "../core/lease/state.ts";
import type { Vitals } from "../status/liveness.ts";
import type { Presence } from "../core/presence.ts";
import {
  type CheckView,
  type LoopView,
  type Snapshot,
  SNAPSHOT_VERSION,
} from "../status/snapshot.ts";
import type { RecentLog } from "../status/recent_log.ts";
import type { Datagrams } from "../status/counters.ts";
import type { ShadowReport } from "../status/shadow_report.ts";
import { type Judged, verdictOf } from "../status/verdict.ts";
import type { Watch } from "./watch.ts";
import type { Clock } from "../world.ts";
import { ageOf } from "../core/age.ts";

/** What never changes while the program runs. */
export interface About {
  readonly program: Snapshot["program"];
  /** Null where only the cloud can tell. */
  readonly instanceId: string | null;
  readonly zone: string | null;
}

/** Used when nothing is given. */
const UNKNOWN: About = {
  program: { version: "unknown", commit: "unknown" },
  instanceId: null,
  zone: null,
};

/** The sources of a snapshot. */
export interface SnapshotSources {
  readonly clock: Clock;
  readonly watches: readonly Watch[];
  readonly datagrams: Datagrams;
  readonly timer: DeadlineTimer;
  /** Whether the socket is read. */
  readonly listening: () => boolean;
  readonly recent: RecentLog;
  readonly about: About | undefined;
  readonly checks: () => readonly CheckView[];
  readonly presence: (elasticIp: string) => Presence | null;
  readonly peerName: (address: string) => string | null;
  readonly shadow: boolean;
  /** Null unless this is a shadow. */
  readonly shadowReport: (elasticIp: string) => ShadowReport | null;
}

/** Takes snapshots. */
export class Snapshots {
  readonly #sources: SnapshotSources;
  readonly #startedAtMs: number;

  constructor(sources: SnapshotSources) {
    this.#sources = sources;
    this.#startedAtMs = sources.clock.nowMs();
  }

  /** The whole state. */
  take(): Snapshot {
    const { clock, watches, datagrams, recent, about = UNKNOWN, checks, presence, peerName } =
      this.#sources;
    const { shadow, shadowReport } = this.#sources;
    const nowMs = clock.nowMs();
    const { sent, received, refused, senders } = datagrams;
    const [first] = watches;
    const judged: Judged = {
      version: SNAPSHOT_VERSION,
      takenAtMs: Math.round(clock.wallMs()),
      program: about.program,
      upMs: Math.round(nowMs - this.#startedAtMs),
      instanceId: about.instanceId ?? first?.node.election.selfId ?? null,
      instanceName: first?.node.ownership.instanceName ?? null,
      zone: about.zone ?? zoneIn(first?.cloudName ?? ""),
      ...rounded(this.vitals()),
      shadow,
      heartbeats: {
        sent: sent.count,
        sentAgeMs: ageOf(sent.atMs, nowMs),
        received: received.count,
        receivedAgeMs: ageOf(received.atMs, nowMs),
        refused: refused.views(nowMs),
      },
      // Only running watches are shown; the end of a watch was logged when it happened.
      addresses: watched(watches).flatMap((watch) =>
        watch.views((elasticIp) => ({
          refused: senders,
          presence: presence(elasticIp),
          peerName,
          comparison: shadowReport(elasticIp),
        }))
      ),
      addressesLeftOut: 0,
      checks: checks(),
      changes: recent.changes(nowMs),
    };
    return { ...judged, verdict: verdictOf(judged) };
  }

  /** The data for probes, cheaper than a whole snapshot. */
  vitals(): Vitals & { loop: LoopView } {
    const { clock, watches, timer, listening } = this.#sources;
    const nodes = watched(watches).map(({ node }) => node);
    const stopping = nodes.some(({ stoppedAtMs }) => stoppedAtMs !== null);
    // A node that slept listens again, too, but with another reason, so it does not count as starting.
    const each = nodes.flatMap(apart);
    const storeSilent = each.some(({ lease }) => lease !== null && !hasSeenStore(lease));
    const starting = storeSilent ||
      each.some(({ election, ownership }) =>
        !ownership.prepared || (settling(election) && election.reason === "settling")
      );
    const phase = stopping ? "stopping" : starting ? "starting" : "running";
    const addresses = each.map(({ election, ownership }) => ({
      elasticIp: election.settings.elasticIp,
      unavailable: ownership.released ?? "",
    }));
    const loop = { ...timer.lag(clock.nowMs()), listening: listening() };
    return { phase, storeSilent, loop, addresses };
  }
}

/** The watches that have not ended; all, once none is left. */
function watched(watches: readonly Watch[]): readonly Watch[] {
  const running = watches.filter(({ exitCode }) => exitCode === null);
  return running.length > 0 ? running : watches;
}

/** Rounds to whole milliseconds. */
function rounded({ phase, loop }: Vitals & { loop: LoopView }): Pick<Snapshot, "phase" | "loop"> {
  const { overdueMs, lateMs, lateAgeMs, worstLateMs, worstLateAgeMs, listening } = loop;
  const whole = (ms: number | null) => ms === null ? null : Math.round(ms);
  return {
    phase,
    loop: {
      overdueMs: Math.round(overdueMs),
      lateMs: Math.round(lateMs),
      lateAgeMs: whole(lateAgeMs),
      worstLateMs: Math.round(worstLateMs),
      worstLateAgeMs: whole(worstLateAgeMs),
      listening,
    },
  };
}

/** The zone in the name of an Exoscale endpoint. */
function zoneIn(cloudName: string): string | null {
  return /\/\/api-([a-z0-9-]+)\.exoscale\.com\//.exec(cloudName)?.[1] ?? null;
}
