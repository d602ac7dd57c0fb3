// What a watchdog shows of itself: one plain object, the same for `--status`, `info`, /status.json, /metrics and the
// page. Nothing in it is a value alone: what was measured, heard or read carries its age in ms, counted to the instant
// at which the snapshot was taken, and null when that never happened. Ages and other measured times are whole ms.
// docs/operation/status.md explains all fields; scripts/package/monitoring/exoip-status.schema.json is their schema.
import type { Reason, Role } from "../core/election/state.ts";
import type { CloudErrorKind } from "../core/registry/error_kinds.ts";
import type { EventName, Severity } from "../core/registry/events.ts";
import type { RejectReason } from "../core/registry/reject_reasons.ts";
import type { AgeMs } from "../core/age.ts";

/** Rises when a field goes away or changes its meaning. New fields may come at any time. */
export const SNAPSHOT_VERSION = 1;

/** The whole state of one watchdog. */
export interface Snapshot {
  readonly version: typeof SNAPSHOT_VERSION;
  /** When it was taken, in Unix time. */
  readonly takenAtMs: number;
  readonly program: { readonly version: string; readonly commit: string };
  /** How long the watchdog has been running. */
  readonly upMs: number;
  /** Null until the cloud has told it (API v1). */
  readonly instanceId: string | null;
  /** Null when it is not known, as with CloudStack. */
  readonly zone: string | null;
  /** `running` once every first election is over and the cloud has answered; `stopping` from then on to the end. */
  readonly phase: "starting" | "running" | "stopping";
  readonly loop: LoopView;
  readonly heartbeats: HeartbeatsView;
  /** One for each Elastic IP. */
  readonly addresses: readonly AddressView[];
  /** Addresses that an answer to `--status` had no room for; else 0. */
  readonly addressesLeftOut: number;
  /** Empty when none is configured. */
  readonly checks: readonly CheckView[];
  /** The latest changes, oldest first. */
  readonly changes: readonly ChangeView[];
  /** What follows from all that for a monitoring system; see verdict.ts. */
  readonly verdict: Verdict;
}

/** Whether the loop keeps its own deadlines. */
export interface LoopView {
  /** How far its next deadline has passed by already, 0 when it is still to come. */
  readonly overdueMs: number;
  /** How late the last deadline was met, and how long ago. */
  readonly lateMs: number;
  readonly lateAgeMs: AgeMs;
  /** The same of the worst one since the start. */
  readonly worstLateMs: number;
  readonly worstLateAgeMs: AgeMs;
  /** Whether the socket is being read. */
  readonly listening: boolean;
}

/** A count of a kind. */
export interface CountView<Word extends string = string> {
  /** The kind, a stable word. */
  readonly word: Word;
  readonly count: number;
  /** Of the last one. */
  readonly ageMs: AgeMs;
}

/** Datagrams since the start. */
export interface HeartbeatsView {
  readonly sent: number;
  readonly sentAgeMs: AgeMs;
  /** Well-formed ones. */
  readonly received: number;
  readonly receivedAgeMs: AgeMs;
  /** By reason word. */
  readonly refused: readonly CountView<RejectReason>[];
}

/** Whether this machine takes traffic to an Elastic IP. */
export interface PresenceView {
  /** Whether an interface, or a local route, has the address; null while that is not known. */
  readonly onInterface: boolean | null;
  /** Which interface, null when none is known. */
  readonly interface: string | null;
  /** Age of that look. */
  readonly interfaceAgeMs: AgeMs;
  /** Why the watchdog cannot put the address where `--address-on` wants it, empty when it can. */
  readonly interfaceProblem: string;
}

/** One Elastic IP as this node sees it. */
export interface AddressView extends PresenceView {
  readonly elasticIp: string;
  readonly role: Role;
  readonly reason: Reason;
  /** What the reason leaves open now, such as the check that fails; empty where the word says it all. */
  readonly reasonDetail: string;
  /** Since when role and reason are these. */
  readonly roleAgeMs: AgeMs;
  readonly priority: number;
  readonly exclusive: boolean;
  readonly intervalMs: number;
  readonly deadTimeMs: number;
  readonly reconcileMs: number;
  /** Whether the cloud shows the address on this instance, null while that is not known. */
  readonly holding: boolean | null;
  /** Age of that reading. */
  readonly holdingAgeMs: AgeMs;
  /** Whether the Elastic IP does not exist any more in the cloud, as far as this node was told. */
  readonly released: boolean;
  /** Why nobody can have it, released or not, and what to do about it; empty while it can be had. */
  readonly unavailable: string;
  /** Whether the node reaches the cloud and can change something there. */
  readonly cloudReachable: boolean;
  readonly healthy: boolean;
  readonly leaving: boolean;
  readonly settling: boolean;
  /** Whether the cloud has answered the first question. */
  readonly prepared: boolean;
  /** Whether the list of peers has this node, too. */
  readonly inPeerList: boolean;
  /** Age of the list of peers, null when the cloud was never asked for it. */
  readonly peersAgeMs: AgeMs;
  readonly peers: readonly PeerView[];
  /** Peers that an answer to `--status` had no room for; else 0. */
  readonly peersLeftOut: number;
  /** Another machine that speaks with this instance's id, null while none is heard. */
  readonly twin: TwinView | null;
  /** Peers that the configuration names and that cannot be placed, the first 32 of them. */
  readonly missingPeers: readonly MissingView[];
  /** Other instances that held the address when all holders were last read. */
  readonly otherHolders: readonly HolderView[];
  /** Age of that reading; a backup does not ask, so it grows old there. */
  readonly otherHoldersAgeMs: AgeMs;
  /** How often this node became master. */
  readonly takeOvers: number;
  readonly takeOverAgeMs: AgeMs;
  /** How often it took the address from a dead peer. */
  readonly evictions: number;
  readonly evictionAgeMs: AgeMs;
  /** The cloud's interface and endpoint. */
  readonly cloud: string;
  /** Age of its last good answer. */
  readonly cloudAgeMs: AgeMs;
  readonly calls: readonly CallView[];
}

/**
 * What is known of the link to a peer: `both` ways work; `does-not-hear-us`: it says so each time; `not-heard`: silent,
 * and yet it lives, as refused datagrams or the cloud prove; `unconfirmed`: heard, and it has no word for hearing us
 * (the original's format); `silent`: nothing is heard of it.
 */
export type LinkWord = "both" | "does-not-hear-us" | "not-heard" | "unconfirmed" | "silent";

/** One peer; what it said of itself is as old as `heardAgeMs`. */
export interface PeerView {
  readonly address: string;
  /** The name by which the configuration has it, null when it has the address or nothing. */
  readonly name: string | null;
  readonly instanceId: string | null;
  readonly alive: boolean;
  readonly heardAgeMs: AgeMs;
  /** In its last heartbeat: 255 of one that stands back; null before. */
  readonly priority: number | null;
  /** The one that it is configured with; null before the first heartbeat, and where it has no word for it. */
  readonly ownPriority: number | null;
  /** Null without a heartbeat, and where it has no word for it. */
  readonly holds: boolean | null;
  readonly leaving: boolean | null;
  readonly unable: boolean | null;
  readonly unhealthy: boolean | null;
  readonly link: LinkWord;
  /** Since when it says that it does not hear us, null when it does. */
  readonly notHearingUsAgeMs: AgeMs;
  /** The last datagram from it that was not believed. */
  readonly refused: CountView<RejectReason> | null;
}

/** Another machine with this instance's id. */
export interface TwinView {
  readonly address: string;
  /** False: it may be a forgery, and stops nothing. */
  readonly proved: boolean;
  /** Since when it has been heard. */
  readonly ageMs: AgeMs;
}

/** A peer without an address, or with one that no machine has. */
export interface MissingView {
  /** As the configuration names it. */
  readonly peer: string;
  /** It was looked for long enough: it counts as gone, and an unknown holder is no longer taken for it. */
  readonly gone: boolean;
}

/** Another instance that has the address. */
export interface HolderView {
  readonly instanceId: string;
  /** Address of the peer that it is, null when it is none. */
  readonly peer: string | null;
  /** Whether the cloud says that its machine is off. */
  readonly off: boolean;
}

/** Calls of one kind to the cloud since the start. */
export interface CallView {
  readonly verb: string;
  /** That went well. */
  readonly done: number;
  readonly doneAgeMs: AgeMs;
  /** How long the last of them took. */
  readonly tookMs: number | null;
  /** That failed, by kind. */
  readonly errors: readonly CountView<CloudErrorKind>[];
}

/** One health check. */
export interface CheckView {
  readonly name: string;
  /** `pending` until enough results agree. */
  readonly state: "passing" | "failing" | "pending";
  /** Age of the last result. */
  readonly ageMs: AgeMs;
  /** What the last result said. */
  readonly reason: string;
}

/** One line of the log that is worth remembering. */
export interface ChangeView {
  /** Unix time. */
  readonly atMs: number;
  readonly ageMs: AgeMs;
  readonly severity: Severity;
  /** The word that begins the line. */
  readonly event: EventName;
  readonly text: string;
}

/** The words of monitoring plugins, by their exit codes. */
export const LEVELS = ["OK", "WARNING", "CRITICAL", "UNKNOWN"] as const;
/** One of them. */
export type Level = typeof LEVELS[number];

/** One thing that is not as it should be. */
export interface Problem {
  readonly level: Exclude<Level, "OK">;
  /** The sentence, with the Elastic IP where there are several. */
  readonly text: string;
}

/** What a watchdog is worth to a monitoring system; verdict.ts has the rules. */
export interface Verdict {
  readonly level: Level;
  /** Who holds, how many peers live, since when; and the first problem. */
  readonly text: string;
  /** The worst first. */
  readonly problems: readonly Problem[];
}
