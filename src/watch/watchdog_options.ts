// What the watchdog is told, and what it is given to work with.
import type { Connect } from "../startup/connection.ts";
import type { Presence } from "../core/presence.ts";
import type { CheckView } from "../status/snapshot.ts";
import type { Signing } from "../host/keyring.ts";
import type { About } from "./snapshot_source.ts";
import type { Clock, Log, Observer, ServiceManager, UdpSocket } from "../world.ts";
import type { NodeSettings } from "../core/node_state.ts";
import type { MissingPeer } from "../core/election/state.ts";

/** What the watchdog is told once. */
export interface WatchdogSettings {
  /** One for each Elastic IP, at least one. */
  readonly nodes: readonly NodeSettings[];
  /** Port of every node. */
  readonly port: number;
  /** Whether heartbeats carry our trailer. */
  readonly trailer: boolean;
  /** With a secret: hear unsigned heartbeats until their sender has signed one. */
  readonly acceptUnsigned?: boolean;
  /** Known on API v2 before the cloud has answered; null on v1. */
  readonly selfId: string | null;
  /** Addresses of the peers of `-p`; null when the cloud lists the peers. */
  readonly addresses: readonly string[] | null;
  /** Those of `-p` that have no address yet. */
  readonly missing?: readonly MissingPeer[];
  /** The list of peers may change by itself: all but a list of addresses, which is the default for one. */
  readonly dynamic?: boolean;
  /** Log every API call. */
  readonly verbose: boolean;
  /** What a snapshot says of the program and its place. */
  readonly about?: About;
}

/** The outside of the watchdog. */
export interface World {
  readonly clock: Clock;
  /** Uniform in 0..1. */
  readonly random: () => number;
  readonly socket: UdpSocket;
  readonly log: Log;
  /** Null when nobody wants to hear. */
  readonly serviceManager: ServiceManager | null;
  /** Null when nobody wants to know. */
  readonly observer?: Observer | null;
  /** The state of the health checks; none without it. */
  readonly checks?: () => readonly CheckView[];
  /** Whether this machine has an Elastic IP; not known without it, or when it returns null. */
  readonly presence?: (elasticIp: string) => Presence | null;
  /** The name that the configuration gives to the peer with that address, null without one. */
  readonly peerName?: (address: string) => string | null;
  /** Signs heartbeats; null when they are not signed. */
  readonly keyring?: Signing | null;
  /** Which process this is among those of this instance; drawn without it. */
  readonly run?: bigint;
  /** Hides secrets in what is remembered of the log. */
  readonly hide?: (text: string) => string;
  readonly connect: Connect;
  /** Ends what runs beside the watchdog. Its lines come before the last one, which is the watchdog's. */
  readonly closing?: () => Promise<void>;
}
