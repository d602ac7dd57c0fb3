// One simulated machine: what reaches it waits while it is frozen, and is lost when its process is gone.
import type { Severity } from "../../../src/core/registry/report.ts";
import type { PeerList, SignalName } from "../../../src/world.ts";
import type { Node, NodeEvent, NodeSettings } from "../../../src/core/node_state.ts";
import type { Answer, Call, Setback } from "../../../src/core/ownership/call.ts";

/** Datagrams that the socket of a frozen machine keeps. */
const SOCKET_BUFFER = 64;

/** The watchdog on a machine: the pure core alone, or the whole loop. */
export interface Agent {
  hear(from: string, bytes: Uint8Array): void;
  tell(signal: SignalName): void;
  /** What the checks or a new configuration have to say. */
  change(event: Extract<NodeEvent, { kind: "health" | "settings" | "peers" | "missing" }>): void;
}

/** How a call ends, once. */
export interface CallEnds {
  /** One of its requests was answered well, after that time. */
  readonly progress: (tookMs: number) => void;
  readonly answer: (answer: Answer) => void;
  readonly fail: (setback: Setback) => void;
  /** Whether the caller still wants it. */
  readonly wanted: () => boolean;
}

/** What an agent can touch. Nothing of it works any more once its process has ended. */
export interface Outside {
  readonly nowMs: () => number;
  readonly wallMs: () => number;
  readonly random: () => number;
  /** Does the work at that instant, or when the machine thaws after it. */
  readonly at: (atMs: number, work: () => void) => void;
  readonly send: (bytes: Uint8Array, to: string) => void;
  readonly call: (call: Call, ends: CallEnds) => void;
  readonly members: (ends: {
    readonly answer: (membership: PeerList) => void;
    readonly fail: () => void;
  }) => void;
  readonly say: (severity: Severity, event: string, text: string) => void;
  /** The core has made a step; only an agent that is nothing else can tell. */
  readonly stepped: (core: Node) => void;
  readonly exit: (code: 0 | 1) => void;
}

/** What waits for a machine to thaw. */
interface Waiting {
  readonly kind: "timer" | "datagram" | "answer";
  readonly work: () => void;
}

/** One machine. */
export class Machine {
  agent: Agent | null = null;
  /** Its core, where the agent is nothing else. */
  core: Node | null = null;
  /** Priority as its signals have left it. */
  priority: number;
  stopping = false;
  /** The cloud's list has it. */
  inPeerList = false;
  /** Those whose name its process could not resolve so far. */
  unseen = new Set<Machine>();
  /** What it serves is well. */
  healthy = true;
  exitCode: 0 | 1 | null = null;
  /** Counts its processes. */
  incarnation = 0;
  startedAtMs = -Infinity;
  /** When it was last switched on after it was off. */
  onAtMs = -Infinity;
  frozenSinceMs = -Infinity;
  frozenUntilMs = -Infinity;
  /** Which process signs, by the rules of `Trailer`; 0 while the cluster does not sign. */
  run = 0n;
  /** What its wall clock is off by. */
  wallOffsetMs = 0;
  /** By how much its monotonic clock is ahead of the timeline. */
  aheadMs = 0;
  /** While it is frozen, or was last, its monotonic clock stands still, so that it does not know of it. */
  suspended = false;
  #waiting: Waiting[] = [];

  constructor(
    readonly name: string,
    readonly address: string,
    readonly instanceId: string,
    public settings: NodeSettings,
    /** Speaks the original's 24 bytes. */
    readonly plain: boolean,
  ) {
    this.priority = settings.priority;
  }

  /** The process is gone, and with it all that was on its way to it. */
  end(): void {
    this.agent = null;
    this.core = null;
    this.unseen = new Set();
    this.incarnation += 1;
    this.frozenUntilMs = -Infinity;
    this.suspended = false;
    this.#waiting = [];
  }

  /** Does the work now, or once the machine thaws. Tells whether there was room for it. */
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

  /** Does what waited: a runtime may look at its timers or at its sockets first. */
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
