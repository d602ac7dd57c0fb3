// One simulated machine: while it is frozen, its input waits; when its process ends, that input is lost.
import type { AsideKind } from "../../../src/core/election/aside.ts";
import type { Severity } from "../../../src/core/registry/events.ts";
import type { PeerList, SignalName } from "../../../src/world.ts";
import type { Node, NodeEvent, NodeSettings } from "../../../src/core/node/state.ts";
import type { LeaseSpan } from "../../../src/core/lease/state.ts";
import type { LeaseCall, LeaseSight } from "../../../src/core/lease/call.ts";
import type { StoreEnds } from "./lease_store.ts";
import type { Answer, Call, Setback } from "../../../src/core/ownership/call.ts";

/** Most datagrams in the socket buffer of a frozen machine. */
const SOCKET_BUFFER = 64;

/** The watchdog on a machine: the pure core alone, or the whole loop. */
export interface Agent {
  hear(from: string, bytes: Uint8Array): void;
  tell(signal: SignalName): void;
  /** The priority that the node has now. */
  readonly priority: number;
  /** Delivers the result of checks, a new configuration, or a request of an operator. */
  change(
    event: Extract<
      NodeEvent,
      { kind: "health" | "settings" | "peers" | "missing" | "aside" | "promote" }
    >,
  ): void;
}

/** How a call ends; used once. */
export interface CallEnds {
  /** One of its requests was answered successfully, after that time. */
  readonly progress: (tookMs: number) => void;
  /** The cloud has accepted the change, and carries it out later. */
  readonly accepted: () => void;
  readonly answer: (answer: Answer) => void;
  readonly fail: (setback: Setback) => void;
  /** Whether the caller still wants the result. */
  readonly wanted: () => boolean;
  /** The lease of the caller, null without one. */
  readonly lease: () => LeaseSpan | null;
}

/** What an agent can use. None of it works after its process has ended. */
export interface Outside {
  readonly nowMs: () => number;
  readonly wallMs: () => number;
  readonly random: () => number;
  /** Runs the work at that instant, or later when the machine thaws. */
  readonly at: (atMs: number, work: () => void) => void;
  readonly send: (bytes: Uint8Array, to: string) => void;
  /** A call to the store of the lease, which gets that long. */
  readonly store: (call: LeaseCall, limitMs: number, ends: StoreEnds) => void;
  /** Watches the store until the process ends. */
  readonly watchStore: (show: (sight: LeaseSight) => void) => void;
  /** `about`: the Elastic IP, undefined for the first. */
  readonly call: (call: Call, ends: CallEnds, about?: string) => void;
  readonly members: (ends: {
    readonly answer: (membership: PeerList) => void;
    readonly fail: () => void;
  }) => void;
  readonly say: (severity: Severity, event: string, text: string) => void;
  /** The core has made a step; only an agent that is only the core can report it. */
  readonly stepped: (core: Node) => void;
  readonly exit: (code: 0 | 1) => void;
}

/** Work that waits for a machine to thaw. */
interface Waiting {
  readonly kind: "timer" | "datagram" | "answer";
  readonly work: () => void;
}

/** The first three bytes of the addresses in the second network. */
export const SECOND_NETWORK = "10.1.0";

function inSecondNetwork(address: string): boolean {
  return address.startsWith(`${SECOND_NETWORK}.`);
}

/** One machine. */
export class Machine {
  agent: Agent | null = null;
  /** Its core, if the agent is only the core. */
  core: Node | null = null;
  /** The priority after its signals. */
  priority: number;
  stopping = false;
  /** Whether the cloud's list has it. */
  inPeerList = false;
  /** Machines whose name its process could not resolve so far. */
  unseen = new Set<Machine>();
  /** Whether its service is healthy. */
  healthy = true;
  /** What an operator has asked for; `drained` outlives the process. */
  aside: AsideKind | null = null;
  exitCode: 0 | 1 | null = null;
  /** Number of its processes so far. */
  incarnation = 0;
  startedAtMs = -Infinity;
  /** When it was last switched on. */
  onAtMs = -Infinity;
  frozenSinceMs = -Infinity;
  frozenUntilMs = -Infinity;
  /** The run of the signing process, by the rules of `Trailer`; 0 while the cluster does not sign. */
  run = 0n;
  /** The error of its wall clock. */
  wallOffsetMs = 0;
  /** How far its monotonic clock is ahead of the timeline. */
  aheadMs = 0;
  /** When that clock stood still, by itself, and how far it was ahead until then. */
  readonly #stops: { readonly atMs: number; readonly aheadMs: number }[] = [];
  /** Whether its monotonic clock stands still while it is frozen, or did the last time, so that it does not notice. */
  suspended = false;
  #waiting: Waiting[] = [];

  constructor(
    readonly name: string,
    readonly address: string,
    readonly instanceId: string,
    public settings: NodeSettings,
    /** It sends the original's 24 bytes. */
    readonly plain: boolean,
    /** Its address in a second network, null without one. */
    readonly second: string | null = null,
  ) {
    this.priority = settings.priority;
  }

  /** Its addresses, one in each network. */
  get addresses(): readonly string[] {
    return this.second === null ? [this.address] : [this.address, this.second];
  }

  /** The address from which it sends to that one: the one in the same network. */
  sourceFor(to: string): string {
    return this.second !== null && inSecondNetwork(to) ? this.second : this.address;
  }

  /** Its monotonic clock stood still in that time of the timeline. */
  stopClock({ sinceMs, untilMs }: { sinceMs: number; untilMs: number }): void {
    this.#stops.push({ atMs: sinceMs + this.aheadMs, aheadMs: this.aheadMs });
    this.aheadMs -= untilMs - sinceMs;
  }

  /** How far its monotonic clock was ahead when it showed that time. */
  aheadAt(ownMs: number): number {
    return this.#stops.find(({ atMs }) => ownMs <= atMs)?.aheadMs ?? this.aheadMs;
  }

  /** Ends the process; all its pending input is lost. */
  end(): void {
    this.agent = null;
    this.core = null;
    this.unseen = new Set();
    this.incarnation += 1;
    this.frozenUntilMs = -Infinity;
    this.suspended = false;
    this.#waiting = [];
  }

  /** Runs the work now, or once the machine thaws. Returns whether there was room for it. */
  reach(kind: Waiting["kind"], nowMs: number, work: () => void): boolean {
    if (this.agent === null) return false;
    if (nowMs >= this.frozenUntilMs) {
      work();
      return true;
    }
    const queued = this.#waiting.filter((each) => each.kind === "datagram").length;
    if (kind === "datagram" && queued >= SOCKET_BUFFER) return false;
    this.#waiting.push({ kind, work });
    return true;
  }

  /** Runs the waiting work: a runtime may process its timers or its sockets first. */
  thaw(timersFirst: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const first = waiting.filter(({ kind }) => (kind === "timer") === timersFirst);
    const rest = waiting.filter(({ kind }) => (kind === "timer") !== timersFirst);
    const { incarnation } = this;
    for (const { work } of [...first, ...rest]) {
      if (this.incarnation === incarnation) work();
    }
  }
}
