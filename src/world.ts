// The outside world as types: everything that the watchdog uses. Implemented twice, in main.ts and in the tests.
import type { MissingPeer, Reason, Role } from "./core/election/state.ts";
import type { EventName, SeverityOf } from "./core/registry/events.ts";
import type { PeerIdentity } from "./core/election/peer.ts";
import type { Candidate, LeaseSight } from "./core/lease/call.ts";
import type { LeaseSpan } from "./core/lease/state.ts";
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
  /** Valid until the next datagram is requested. */
  readonly bytes: Uint8Array;
  /** Address of the sender, in its canonical form. */
  readonly from: string;
  readonly fromPort: number;
}

/** Address family; each has peers and a source address of its own. */
export type Family = "IPv4" | "IPv6";

/** The source address of one family's heartbeats. */
export interface HeartbeatSource {
  readonly family: Family;
  /** This instance's address of that family as the cloud knows it, null without one. */
  readonly own: string | null;
  /** Why they leave from another address, null when they leave from `own`. */
  readonly trouble: string | null;
}

/** UDP. `for await` ends when the socket is closed. */
export interface UdpSocket extends AsyncIterable<Datagram> {
  /**
   * Sends one heartbeat, from an address of `sendFrom`, or from `source`: our address in the receiver's private
   * network, null if that is not known. A failure is ignored, as a loss in the network is.
   */
  send(bytes: Uint8Array, to: string, port: number, source?: string | null): void;
  /** Answers a datagram, from the port on which it arrived. A failure is ignored. */
  reply(bytes: Uint8Array, to: string, port: number): void;
  /**
   * Sets the addresses that the peers know. Heartbeats leave from the first of each family that the machine has. Calls
   * `report` when they begin to leave from another address, and when that ends.
   */
  sendFrom(addresses: readonly string[], report: (source: HeartbeatSource) => void): void;
  /** Addresses that get an answer to `info`, besides loopback. */
  readonly localAddresses: readonly string[];
  /** Closes the socket once everything has been sent. */
  close(): Promise<void>;
}

/** What a signal can tell the process. */
export type SignalName = "better" | "worse" | "stop" | "reload";

/** Handles a signal. If it returns "later", the signal is kept for the next listener. */
export type SignalListener = (signal: SignalName) => void | "later";

/** Process signals. Only the latest listener hears them; when it leaves, the one before it hears them again. */
export interface Signals {
  /** Listens until the returned function is called. Delivers the kept signals first, in their order. */
  listen(listener: SignalListener): () => void;
}

/** Where lines for the operator go. */
export interface Log {
  /** `address`: the subject of the line, when the process serves several. */
  write<Event extends EventName>(
    severity: SeverityOf<Event>,
    event: Event,
    text: string,
    elasticIp?: string,
  ): void;
}

/** One change of a node's role for the Elastic IP. */
export interface RoleChange {
  readonly elasticIp: string;
  /** All that move together, `elasticIp` among them; left out for one that moves alone. */
  readonly elasticIps?: readonly string[];
  readonly role: Role;
  /** The same as `role` when only the reason has changed. */
  readonly previousRole: Role;
  readonly reason: Reason;
  /** Detail of the reason, such as the failing check; empty where the word is enough. */
  readonly reasonDetail: string;
  readonly priority: number;
  /** Whether the cloud shows the address on this instance, null while unknown. */
  readonly holding: boolean | null;
}

/** Notified of every change; the node never waits for it. */
export interface Observer {
  roleChanged(change: RoleChange): void;
}

/**
 * The service manager that started the process and wants to know its state. It is told in the background: no method
 * waits, and a failure is ignored. A message that does not fit the process's phase, or is a repetition, is not sent: a
 * caller need not remember what it has told.
 */
export interface ServiceManager {
  /** Longest time between two signs of life in ms, Infinity when none is wanted. */
  readonly keepAliveMs: number;
  /** The start is over. Sent once. */
  ready(): void;
  /** A new configuration is being read. Sent between `ready` and `stopping`. */
  reloading(): void;
  /** The new configuration is in force, or the old one still is. Sent after `reloading`. */
  reloaded(): void;
  /** The end has begun, and takes at most that long. Sent once; `reloaded` is not sent after it. */
  stopping(withinMs: number): void;
  /** What the process does, for people. */
  status(text: string): void;
  /** From now on, do not take the process for stuck before that time is over. */
  extend(ms: number): void;
  /** A sign of life. */
  alive(): void;
}

/** Facts that the first decision needs. */
export interface Identity {
  readonly instanceId: string;
  /** Its name, for people; left out if the cloud has told none. */
  readonly name?: string;
  /** Id for our heartbeats: the default NIC on API v1, the instance on v2. */
  readonly wireId: string;
  readonly holds: boolean;
  /** Addresses by which the peers know this instance, in canonical form: IPv4, if it has one, before IPv6. */
  readonly nativeAddresses: readonly string[];
}

/** An address of this instance in a private network. */
export interface OwnPath {
  /** Name of the network. */
  readonly network: string;
  readonly address: string;
}

/** The peers, and whether the list they come from includes self. */
export interface PeerList {
  /** Without self. */
  readonly peers: readonly PeerIdentity[];
  readonly inPeerList: boolean;
  /** Why these are the peers; left out when the configuration names them. */
  readonly found?: string;
  /** This instance's own addresses in the private networks of the peers; left out where none is used. */
  readonly own?: readonly OwnPath[];
  /** Configured addresses that no machine has, or several, with how many have it. */
  readonly unplaced?: readonly { readonly address: string; readonly count: number }[];
  /** Peers that the configuration names but that cannot be placed. */
  readonly missing?: readonly MissingPeer[];
}

/** Reads the peer list by `read`, which takes the addresses that peers given by name have now. */
export type ReadPeers = (
  read: (addresses?: readonly string[]) => Promise<PeerList>,
) => Promise<PeerList>;

/** Who holds, as far as it was asked. */
export interface Sighting {
  readonly holds: boolean;
  /** Other holders, null when only self was asked about. */
  readonly others: readonly OtherHolder[] | null;
  /** Why no node can hold it any more, and the remedy; left out while it can be held. */
  readonly released?: string;
  /** If `released` is set: whether it still exists, and Exoscale itself moves it or assigns it. */
  readonly exists?: boolean;
}

/** What limits a change. Asked again for each request, even for a repetition. */
export interface ChangeLimits {
  /**
   * Called whenever a request is about to leave: a peer that was heard meanwhile keeps its hold, and a node that has
   * lost its lease changes nothing. By default true.
   */
  readonly wanted?: () => boolean;
  /**
   * The lease under which the change is made, null without one: the request expires no later, however long the network
   * holds it back.
   */
  readonly lease?: () => LeaseSpan | null;
  /** Called when the cloud has accepted the change, and will carry it out later, whatever becomes of this call. */
  readonly accepted?: () => void;
}

/** Options of an eviction. */
export interface EvictOptions extends ChangeLimits {
  /** Only if the cloud says that the machine is off. */
  readonly onlyIfStopped: boolean;
}

/** The part of the cloud that changes nothing; a shadow gets no more. See `Cloud`. */
export interface ReadOnlyCloud {
  /** For messages: `API v2 at https://...`. */
  readonly name: string;
  /** Finds self and the address; refuses an address that a watchdog must not move. */
  prepare(signal: AbortSignal): Promise<Identity>;
  /** The configured peers, or those at `addresses`; includes the addresses that no machine has. */
  members(signal: AbortSignal, addresses?: readonly string[]): Promise<PeerList>;
  /** Whether self holds; with `others` also which other instances seem to (unconfirmed on API v2). */
  look(options: { others: boolean }, signal: AbortSignal): Promise<Sighting>;
  /** Whether that instance holds, confirmed. */
  inspect(instanceId: string, signal: AbortSignal): Promise<boolean>;
}

/**
 * The cloud as a failover node needs it. Every call takes an abort signal, is bounded in time, and throws only a
 * `CloudError`.
 */
export interface Cloud extends ReadOnlyCloud {
  /** Attaches to self and waits until the cloud has done it. */
  attach(signal: AbortSignal, limits?: ChangeLimits): Promise<void>;
  /** Detaches from self and waits; an address that is not attached counts as detached. */
  detachSelf(signal: AbortSignal): Promise<void>;
  /**
   * Confirms that the instance holds, then takes the address from it. `absent`: no hold shows, but a fresh one may show
   * later; `gone`: there is nothing to take, and nothing will show.
   */
  evict(
    instanceId: string,
    options: EvictOptions,
    signal: AbortSignal,
  ): Promise<"taken" | "absent" | "gone" | "running">;
}

/** The instance that asks for a lease. */
export interface Claim {
  readonly instanceId: string;
  /** Its name, for people. */
  readonly name?: string;
  /** Unix time in ms. */
  readonly wallMs: number;
}

/**
 * The lease of one Elastic IP in a consensus store: at most one instance has it. Every call makes one attempt, ends
 * soon after its signal aborts, and throws only a `StoreError`. After a failure the next call goes to another endpoint.
 */
export interface LeaseStore {
  /** For messages: `etcd at https://...`. */
  readonly name: string;
  /** Reads the record and the candidates as the majority knows them. */
  read(signal: AbortSignal): Promise<LeaseSight>;
  /**
   * Takes the lease for the time to live if the record still has that revision, or, for null, if there is still none.
   * Resolves to the token of the lease, or to null with what is there instead.
   */
  acquire(
    claim: Claim,
    revision: string | null,
    signal: AbortSignal,
  ): Promise<{ token: string | null; sight: LeaseSight }>;
  /** Extends the lease by its time to live, from when the store gets this; false if it is not ours any more. */
  renew(token: string, signal: AbortSignal): Promise<boolean>;
  /** Gives the lease up, to one instance or to anybody. One that is not ours any more counts as given up. */
  release(token: string, to: string | null, signal: AbortSignal): Promise<void>;
  /**
   * Writes our candidate if it has changed, and keeps it there for the time to live. Takes and resolves to the session
   * that keeps it; null begins one.
   */
  announce(candidate: Candidate, session: string | null, signal: AbortSignal): Promise<string>;
  /**
   * Calls `show` with every change from now on, and perhaps with the present state first. Rejects when the connection
   * ends; resolves when the signal aborts.
   */
  watch(show: (sight: LeaseSight) => void, signal: AbortSignal): Promise<void>;
}

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;
