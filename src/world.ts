// The outside in types: all that the watchdog touches. Written out twice, in main.ts and in the tests.
import type { MissingPeer, Reason, Role } from "./core/election/state.ts";
import type { EventName, SeverityOf } from "./core/registry/events.ts";
import type { PeerIdentity } from "./core/election/peer.ts";
import type { OtherHolder } from "./core/ownership/call.ts";

/** Time. */
export interface Clock {
  /** Monotonic, in ms, from an arbitrary origin; no wall-clock jump changes it. */
  nowMs(): number;
  /** Unix time in ms. */
  wallMs(): number;
  /** Resolves after the time or when the signal aborts, whichever is first; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** One datagram that came in. */
export interface Datagram {
  /** Valid until the next datagram is asked for. */
  readonly bytes: Uint8Array;
  /** Address of the sender, in its canonical form. */
  readonly from: string;
  readonly fromPort: number;
}

/** Of an address; each has peers and a source address of its own. */
export type Family = "IPv4" | "IPv6";

/** From where the heartbeats of one family leave. */
export interface HeartbeatSource {
  readonly family: Family;
  /** This instance's address of that family as the cloud knows it, null without one. */
  readonly own: string | null;
  /** Why they leave from another address, null when they leave from `own`. */
  readonly trouble: string | null;
}

/** UDP. `for await` ends when the link is closed. */
export interface UdpSocket extends AsyncIterable<Datagram> {
  /** Sends one heartbeat, from an address of `sendFrom`; a failure is swallowed, as the network would. */
  send(bytes: Uint8Array, to: string, port: number): void;
  /** Answers a datagram, from the port that it came to. A failure is swallowed. */
  reply(bytes: Uint8Array, to: string, port: number): void;
  /**
   * Says which addresses the peers know; heartbeats leave from the first of each family as far as the machine has it.
   * `report` is called when they begin to leave from elsewhere, and when that ends.
   */
  sendFrom(addresses: readonly string[], report: (source: HeartbeatSource) => void): void;
  /** Addresses from which `info` is answered besides loopback. */
  readonly localAddresses: readonly string[];
  /** Ends the link once what was sent has left. */
  close(): Promise<void>;
}

/** What the process can be told from outside. */
export type SignalName = "better" | "worse" | "stop" | "reload";

/** Hears a signal. One that it says "later" to is kept for the next listener. */
export type SignalListener = (signal: SignalName) => void | "later";

/** Process signals. One listener hears them, the latest; when that leaves, the one before it hears again. */
export interface Signals {
  /** Listens until the returned function is called, at first to what was kept, in its order. */
  listen(listener: SignalListener): () => void;
}

/** Where lines for the operator go. */
export interface Log {
  /** The address that it is about, when the process serves several. */
  write<Event extends EventName>(
    severity: SeverityOf<Event>,
    event: Event,
    text: string,
    elasticIp?: string,
  ): void;
}

/** One change of what a node is to the Elastic IP. */
export interface RoleChange {
  readonly elasticIp: string;
  readonly role: Role;
  /** The same as `role` when only the reason has changed. */
  readonly previousRole: Role;
  readonly reason: Reason;
  /** What the reason leaves open, such as the check that fails; empty where the word says it all. */
  readonly reasonDetail: string;
  readonly priority: number;
  /** Whether the cloud shows the address on this instance, null while unknown. */
  readonly holding: boolean | null;
}

/** Somebody who is told of every change and never waited for. */
export interface Observer {
  roleChanged(change: RoleChange): void;
}

/**
 * The service manager that started the process and wants to hear how it goes. It is told in the background: no method
 * waits, and a failure is swallowed. What does not fit where the process is in its life, or was said already, is not
 * said: a caller need not remember what it has told.
 */
export interface ServiceManager {
  /** Longest time between two signs of life in ms, Infinity when none is wanted. */
  readonly keepAliveMs: number;
  /** The start is over. Said once. */
  ready(): void;
  /** A new configuration is being read. Said between `ready` and `stopping`. */
  reloading(): void;
  /** It is in force, or the old one still is. Said after `reloading`. */
  reloaded(): void;
  /** The end has begun, and takes at most that long. Said once; `reloaded` is not said after it. */
  stopping(withinMs: number): void;
  /** What the process does, for people. */
  status(text: string): void;
  /** Do not take the process for stuck before that time is over, from now on. */
  extend(ms: number): void;
  /** A sign of life. */
  alive(): void;
}

/** What must be known before the first decision. */
export interface Identity {
  readonly instanceId: string;
  /** Id for our heartbeats: the default NIC on API v1, the instance on v2. */
  readonly wireId: string;
  readonly holds: boolean;
  /** Addresses by which the peers know this instance, in canonical form: IPv4, if it has one, before IPv6. */
  readonly nativeAddresses: readonly string[];
}

/** The peers, and whether the list they come from has self, too. */
export interface PeerList {
  /** Without self. */
  readonly peers: readonly PeerIdentity[];
  readonly inPeerList: boolean;
  /** Why these are the peers; left out when the configuration names them. */
  readonly found?: string;
  /** Addresses that the configuration gives and that not exactly one machine has, with how many have it. */
  readonly unplaced?: readonly { readonly address: string; readonly count: number }[];
  /** Peers that the configuration names and that cannot be placed. */
  readonly missing?: readonly MissingPeer[];
}

/** Who holds, as far as it was asked. */
export interface Sighting {
  readonly holds: boolean;
  /** Other holders, null when only self was asked about. */
  readonly others: readonly OtherHolder[] | null;
  /** Why nobody can hold it any more, and what to do about it; left out while it can be held. */
  readonly released?: string;
  /** Then: whether it exists all the same, and Exoscale itself moves it or hands it out. */
  readonly exists?: boolean;
}

/** Which eviction. */
export interface EvictOptions {
  /** Only if the cloud says that the machine is off. */
  readonly onlyIfStopped: boolean;
  /** Asked whenever a request is about to leave: a peer that was heard meanwhile keeps what it has. By default true. */
  readonly wanted?: () => boolean;
}

/**
 * The cloud as a failover node needs it. Every call takes an abort signal, is bounded in time, and throws
 * a `CloudError` only.
 */
export interface Cloud {
  /** For messages: `API v2 at https://...`. */
  readonly name: string;
  /** Finds self and the address; refuses an address that a watchdog must not touch. */
  prepare(signal: AbortSignal): Promise<Identity>;
  /** The peers as configured, or those at `addresses`; with addresses that no machine has. */
  members(signal: AbortSignal, addresses?: readonly string[]): Promise<PeerList>;
  /** Whether self holds; with `others` also who else seems to (unconfirmed on API v2). */
  look(options: { others: boolean }, signal: AbortSignal): Promise<Sighting>;
  /** Whether that instance holds, confirmed. */
  inspect(instanceId: string, signal: AbortSignal): Promise<boolean>;
  /** Attaches to self and waits until the cloud has done it. */
  attach(signal: AbortSignal): Promise<void>;
  /** Detaches from self and waits; not attached counts as done. */
  detachSelf(signal: AbortSignal): Promise<void>;
  /**
   * Confirms that the instance holds, then takes the address from it. `absent`: no hold shows, but a fresh one may
   * still do so; `gone`: there is nothing to take, and nothing will show.
   */
  evict(
    instanceId: string,
    options: EvictOptions,
    signal: AbortSignal,
  ): Promise<"taken" | "absent" | "gone" | "running">;
}

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;
