// The watchdog's visible state: one plain object, the same for `--status`, `info`, /status.json, /metrics and the page.
// Every value that was measured, heard or read comes with its age in ms at the time of the snapshot, null when that
// never happened. Ages and other measured times are whole ms. docs/operation/status.md explains all fields;
// scripts/package/monitoring/exoip-status.schema.json is their schema.
import type { AsideKind } from "../core/election/aside.ts";
import type { Reason, Role } from "../core/election/state.ts";
import type { CloudErrorKind } from "../core/registry/error_kinds.ts";
import type { EventName, Severity } from "../core/registry/events.ts";
import type { RejectReason } from "../core/registry/reject_reasons.ts";
import type { StoreErrorKind } from "../core/registry/store_error_kinds.ts";
import type { ShadowReport } from "./shadow_report.ts";
import type { AgeMs } from "../core/age.ts";

/** Increases when a field is removed or changes its meaning. New fields may come at any time. */
export const SNAPSHOT_VERSION = 1;

/** The whole state of one watchdog. */
export interface Snapshot {
  readonly version: typeof SNAPSHOT_VERSION;
  /** When it was taken, in Unix time. */
  readonly takenAtMs: number;
  readonly program: { readonly version: string; readonly commit: string };
  /** How long the watchdog has been running. */
  readonly upMs: number;
  /** Null until the cloud has reported it (API v1). */
  readonly instanceId: string | null;
  /** Its name in the cloud, null while unknown. */
  readonly instanceName: string | null;
  /** Null when unknown, as with CloudStack. */
  readonly zone: string | null;
  /**
   * `running` once every first election is over and the cloud has answered, and the store of a lease, too; `stopping`
   * until the end.
   */
  readonly phase: "starting" | "running" | "stopping";
  /** Whether it runs with --shadow, so that roles and holds are what would be, and nothing is changed. */
  readonly shadow: boolean;
  readonly loop: LoopView;
  readonly heartbeats: HeartbeatsView;
  /** One for each Elastic IP. */
  readonly addresses: readonly AddressView[];
  /** Addresses that did not fit into an answer to `--status`; else 0. */
  readonly addressesLeftOut: number;
  /** Empty when none is configured. */
  readonly checks: readonly CheckView[];
  /** The latest changes, oldest first. */
  readonly changes: readonly ChangeView[];
  /** The conclusion for a monitoring system; see verdict.ts. */
  readonly verdict: Verdict;
}

/** Whether the loop keeps its own deadlines. */
export interface LoopView {
  /** How long the next deadline is overdue, 0 when it is still to come. */
  readonly overdueMs: number;
  /** How late the last deadline was met, and how long ago. */
  readonly lateMs: number;
  readonly lateAgeMs: AgeMs;
  /** The same for the worst deadline since the start. */
  readonly worstLateMs: number;
  readonly worstLateAgeMs: AgeMs;
  /** Whether the socket is being read. */
  readonly listening: boolean;
}

/** A count by kind. */
export interface CountView<Word extends string = string> {
  /** The kind, a stable word. */
  readonly word: Word;
  readonly count: number;
  /** Age of the last one. */
  readonly ageMs: AgeMs;
}

/** Datagrams since the start. */
export interface HeartbeatsView {
  readonly sent: number;
  readonly sentAgeMs: AgeMs;
  /** Well-formed datagrams. */
  readonly received: number;
  readonly receivedAgeMs: AgeMs;
  /** Rejected datagrams, by reason word. */
  readonly refused: readonly CountView<RejectReason>[];
}

/** Whether this machine accepts traffic to an Elastic IP. */
export interface PresenceView {
  /** Whether an interface, or a local route, has the address; null while unknown. */
  readonly onInterface: boolean | null;
  /** Which interface, null when unknown. */
  readonly interface: string | null;
  /** Age of that observation. */
  readonly interfaceAgeMs: AgeMs;
  /** Why the watchdog cannot put the address where `--address-on` wants it, empty when it can. */
  readonly interfaceProblem: string;
}

/** One Elastic IP as this node sees it. */
export interface AddressView extends PresenceView {
  readonly elasticIp: string;
  /** The other Elastic IPs that move together with it, with the same role; empty where it moves alone. */
  readonly movesWith: readonly string[];
  readonly role: Role;
  readonly reason: Reason;
  /** Detail of the reason, such as the failing check; empty where the word is enough. */
  readonly reasonDetail: string;
  /** Time since role or reason last changed. */
  readonly roleAgeMs: AgeMs;
  readonly priority: number;
  readonly exclusive: boolean;
  readonly intervalMs: number;
  readonly deadTimeMs: number;
  readonly reconcileMs: number;
  /** Whether the cloud shows the address on this instance, null while unknown. */
  readonly holding: boolean | null;
  /** Age of that reading. */
  readonly holdingAgeMs: AgeMs;
  /** Whether the Elastic IP no longer exists in the cloud, as far as this node knows. */
  readonly released: boolean;
  /** Why no node can hold it, released or not, and the remedy; empty while it can be held. */
  readonly unavailable: string;
  /** Whether the node reaches the cloud and can change something there. */
  readonly cloudReachable: boolean;
  readonly healthy: boolean;
  /** The request to stand aside, null without one. */
  readonly aside: AsideView | null;
  readonly leaving: boolean;
  readonly settling: boolean;
  /** Whether the cloud has answered the first question. */
  readonly prepared: boolean;
  /** Whether the membership includes this node. */
  readonly inPeerList: boolean;
  /** Age of the membership, null when the cloud was never asked for it. */
  readonly peersAgeMs: AgeMs;
  readonly peers: readonly PeerView[];
  /** Peers that did not fit into an answer to `--status`; else 0. */
  readonly peersLeftOut: number;
  /** Another machine that sends heartbeats with this instance's id, null while none is heard. */
  readonly twin: TwinView | null;
  /** Peers that the configuration names but that cannot be placed, the first 32 of them. */
  readonly missingPeers: readonly MissingView[];
  /** Other instances that held the address at the last reading of all holders. */
  readonly otherHolders: readonly HolderView[];
  /** Age of that reading. A backup does not ask, so there it keeps growing. */
  readonly otherHoldersAgeMs: AgeMs;
  /** How often this node became master. */
  readonly takeOvers: number;
  readonly takeOverAgeMs: AgeMs;
  /** How often it evicted a dead peer. */
  readonly evictions: number;
  readonly evictionAgeMs: AgeMs;
  /** For how long the move limit still keeps the address with a holder that can serve; null while it does not. */
  readonly limitedForMs: number | null;
  /** How many moves the move limit still allows now, null without a limit. */
  readonly movesLeft: number | null;
  /** For how long, since the start, this node knew of no node that holds. */
  readonly unheldMs: number;
  /** For how long several nodes held that should not; hand-overs count, equal nodes do not. */
  readonly twoHoldersMs: number;
  /** How the shadow's decisions differ from what the cloud shows; null unless `shadow`. */
  readonly comparison: ShadowReport | null;
  /** The lease without which no node may hold it, null without --lease; addresses that move together have one. */
  readonly lease: LeaseStatus | null;
  /** The cloud's API and endpoint. */
  readonly cloud: string;
  /** Age of its last successful answer. */
  readonly cloudAgeMs: AgeMs;
  readonly calls: readonly CallView[];
}

/**
 * The state of the link to a peer. `both`: works both ways; `does-not-hear-us`: the peer's heartbeats say so;
 * `not-heard`: silent but alive, as rejected datagrams or the cloud prove; `unconfirmed`: heard, but its format (the
 * original's) cannot say whether it hears us; `silent`: nothing is heard. Without heartbeats there are no links:
 * `listed` by the store of the lease, or `unlisted` there now.
 */
export type LinkWord =
  | "both"
  | "does-not-hear-us"
  | "not-heard"
  | "unconfirmed"
  | "silent"
  | "listed"
  | "unlisted";

/**
 * One peer at one address: a machine with several addresses is a peer at each of them. The values from its heartbeats
 * are as old as `heardAgeMs`.
 */
export interface PeerView {
  readonly address: string;
  /** Name of the private network that has the address, null for a public address. */
  readonly network: string | null;
  /** The instance's name in the cloud, else the configured name of its address; null without either. */
  readonly name: string | null;
  readonly instanceId: string | null;
  readonly alive: boolean;
  readonly heardAgeMs: AgeMs;
  /** As in its last heartbeat; 255 if it stands back; null before the first. */
  readonly priority: number | null;
  /** Its configured priority; null before the first heartbeat, and if its format cannot say. */
  readonly ownPriority: number | null;
  /** Null without a heartbeat, and if its format cannot say. */
  readonly holds: boolean | null;
  readonly leaving: boolean | null;
  readonly unable: boolean | null;
  readonly unhealthy: boolean | null;
  readonly link: LinkWord;
  /** Time since it first said that it does not hear us, null when it does. */
  readonly notHearingUsAgeMs: AgeMs;
  /** Its last rejected datagram. */
  readonly refused: CountView<RejectReason> | null;
}

/** A request to stand aside: this node makes way, and serves only while no other node can. */
export interface AsideView {
  /** `drained` outlives the process, `demoted` does not. */
  readonly kind: AsideKind;
  /** Who asked: a user of this machine, or `cordon`. */
  readonly by: string;
  /** Why, empty when no reason was given. */
  readonly reason: string;
  /** Time since the request. */
  readonly ageMs: AgeMs;
}

/** Another machine with this instance's id. */
export interface TwinView {
  readonly address: string;
  /** False: it may be a forgery, and stops nothing. */
  readonly proved: boolean;
  /** Time since it was first heard. */
  readonly ageMs: AgeMs;
}

/** A peer without an address, or with an address that no machine has. */
export interface MissingView {
  /** As in the configuration. */
  readonly peer: string;
  /** It was missing for so long that it counts as gone: an unknown holder is no longer assumed to be this peer. */
  readonly gone: boolean;
}

/** Another instance that has the address. */
export interface HolderView {
  readonly instanceId: string;
  /** The instance's name in the cloud, null when that is unknown. */
  readonly name: string | null;
  /** Address of the peer with this instance, null when it is not a peer. */
  readonly peer: string | null;
  /** Whether the cloud says that its machine is off. */
  readonly off: boolean;
}

/** The lease of an Elastic IP, as this node knows it. */
export interface LeaseStatus {
  /** The kind of store, and where it is. */
  readonly store: string;
  /** How long the lease lives in the store without a renewal. */
  readonly ttlMs: number;
  /** Whether this node owns it. */
  readonly owned: boolean;
  /** Who owns it, or gave it up to `releasedTo`; null while nobody is known to. */
  readonly owner: LeaseOwnerView | null;
  /** Since when, by the owner's clock. */
  readonly ownerAgeMs: AgeMs;
  /** The instance to which the owner gave it up and that has not taken it yet, else null. */
  readonly releasedTo: string | null;
  /** Since the node last read who owns the lease; null while it owns the lease itself, or has not read it. */
  readonly readAgeMs: AgeMs;
  /** Since the last successful renewal was sent; null while this node does not own the lease. */
  readonly renewalAgeMs: AgeMs;
  /** Whether this node lost it and nobody has been seen to own it since. */
  readonly lost: boolean;
  /** Whether the store answered within two thirds of the time to live. */
  readonly reachable: boolean;
  /** Since the last request was sent that the store answered; since the start if it never did. */
  readonly answeredAgeMs: AgeMs;
  /** Whether this node keeps the address without the store, because it hears every peer. */
  readonly failsafe: boolean;
  /** Whether this node owns it, and takes the address from others before it attaches it. */
  readonly fencing: boolean;
  /** How often this node got it. */
  readonly acquired: number;
  readonly acquiredAgeMs: AgeMs;
  /** How often it lost it without giving it up. */
  readonly lostCount: number;
  readonly lostAgeMs: AgeMs;
  /** Calls to the store; `watch` has only errors. */
  readonly calls: readonly CallView<StoreErrorKind>[];
}

/** The owner of a lease. */
export interface LeaseOwnerView {
  readonly instanceId: string;
  /** Its name, null when that is unknown. */
  readonly name: string | null;
}

/** Calls of one kind to the cloud, or to the store of the lease, since the start. */
export interface CallView<Kind extends string = CloudErrorKind> {
  readonly verb: string;
  /** Successful calls. */
  readonly done: number;
  readonly doneAgeMs: AgeMs;
  /** How long the last successful one took. */
  readonly tookMs: number | null;
  /** Failed calls, by kind. */
  readonly errors: readonly CountView<Kind>[];
}

/** One health check. */
export interface CheckView {
  readonly name: string;
  /** `pending` until enough results agree. */
  readonly state: "passing" | "failing" | "pending";
  /** Age of the last result. */
  readonly ageMs: AgeMs;
  /** Reason of the last result. */
  readonly reason: string;
}

/** A remembered line of the log. */
export interface ChangeView {
  /** Unix time. */
  readonly atMs: number;
  readonly ageMs: AgeMs;
  readonly severity: Severity;
  /** The first word of the line. */
  readonly event: EventName;
  readonly text: string;
}

/** The words of monitoring plugins, by their exit codes. */
export const LEVELS = ["OK", "WARNING", "CRITICAL", "UNKNOWN"] as const;
/** One of them. */
export type Level = typeof LEVELS[number];

/** One problem. */
export interface Problem {
  readonly level: Exclude<Level, "OK">;
  /** The sentence, with the Elastic IP where there are several. */
  readonly text: string;
}

/** The verdict for a monitoring system; verdict.ts has the rules. */
export interface Verdict {
  readonly level: Level;
  /** Who holds, how many peers live, since when; and the first problem. */
  readonly text: string;
  /** The worst first. */
  readonly problems: readonly Problem[];
}
