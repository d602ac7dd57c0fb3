// The watchdog's settings, and the interfaces it works with.
import type { Aside } from "../core/election/aside.ts";
import type { Connect } from "../startup/connection.ts";
import type { Presence } from "../core/presence.ts";
import type { CheckView } from "../status/snapshot.ts";
import type { ShadowReport } from "../status/shadow_report.ts";
import type { Signing } from "../host/keyring.ts";
import type { HistoryFile } from "./history_file.ts";
import type { About } from "./snapshot_source.ts";
import type {
  Clock,
  LeaseStore,
  Log,
  Observer,
  ReadPeers,
  ServiceManager,
  UdpSocket,
} from "../world.ts";
import type { NodeSettings } from "../core/node/state.ts";
import type { MissingPeer } from "../core/election/state.ts";

/** Settings of the watchdog, fixed at the start. */
export interface WatchdogSettings {
  /** One for each Elastic IP, at least one. */
  readonly nodes: readonly NodeSettings[];
  /** Port of every node. */
  readonly port: number;
  /** Whether heartbeats carry our trailer. */
  readonly trailer: boolean;
  /** With a secret: accept unsigned heartbeats until their sender has signed one. */
  readonly acceptUnsigned?: boolean;
  /** Known on API v2 before the cloud has answered; null on v1. */
  readonly selfId: string | null;
  /** Addresses of the peers of `-p`; null when the cloud lists the peers. */
  readonly addresses: readonly string[] | null;
  /** Peers of `-p` that have no address yet. */
  readonly missing?: readonly MissingPeer[];
  /** Whether the peer list may change by itself. Default: false if `addresses` is a list, else true. */
  readonly dynamic?: boolean;
  /** Set if the node was drained before it started. */
  readonly aside?: Aside | null;
  /** Whether it only says what it would do; then heartbeats reach other shadows only. */
  readonly shadow?: boolean;
  /** Log every API call. */
  readonly verbose: boolean;
  /** What a snapshot says about the program and where it runs. */
  readonly about?: About;
}

/** The outside of the watchdog. */
export interface World {
  readonly clock: Clock;
  /** Uniform in 0..1. */
  readonly random: () => number;
  readonly socket: UdpSocket;
  readonly log: Log;
  /** Null without a service manager. */
  readonly serviceManager: ServiceManager | null;
  /** Null without an observer. */
  readonly observer?: Observer | null;
  /** The state of the health checks; left out if there are none. */
  readonly checks?: () => readonly CheckView[];
  /** Whether this machine has an Elastic IP; unknown if left out, or if it returns null. */
  readonly presence?: (elasticIp: string) => Presence | null;
  /** The name that the configuration gives to the peer with that address, null without one. */
  readonly peerName?: (address: string) => string | null;
  /** Keeps the history over restarts; null without one. */
  readonly historyFile?: HistoryFile | null;
  /** How a shadow's decisions differ from what the cloud shows; left out if this is no shadow. */
  readonly shadowReport?: (elasticIp: string) => ShadowReport;
  /** Signs heartbeats; null when they are not signed. */
  readonly keyring?: Signing | null;
  /** This process's run; drawn at random if left out. */
  readonly run?: bigint;
  /** Hides secrets in remembered log lines. */
  readonly hide?: (text: string) => string;
  readonly connect: Connect;
  /** How the peer list is read, for peers given by name; left out if there are none. */
  readonly readPeers?: ReadPeers;
  /** Called when the cloud refuses the key. */
  readonly keyRefused?: () => void;
  /** The store of leases for an Elastic IP; needed if a node has one. */
  readonly store?: (elasticIp: string) => LeaseStore;
  /** Ends everything that runs beside the watchdog. Its log lines come before the watchdog's last one. */
  readonly closing?: () => Promise<void>;
}
