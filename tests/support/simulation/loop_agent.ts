// The real watchdog loop in a simulated world: all its waits use the timeline.
import { CloudError } from "../../../src/exoscale/cloud_error.ts";
import { SIGNATURE_BYTES } from "../../../src/core/heartbeat.ts";
import type { Signing } from "../../../src/host/keyring.ts";
import { Watchdog } from "../../../src/watch/watchdog.ts";
import type { LeaseAnswer, LeaseCall } from "../../../src/core/lease/call.ts";
import { StoreError } from "../../../src/leases/store_error.ts";
import type {
  ChangeLimits,
  Clock,
  Cloud,
  LeaseStore,
  PeerList,
  SignalName,
} from "../../../src/world.ts";
import { sleepIn } from "../clock.ts";
import { MemorySocket } from "../memory_socket.ts";
import { tellWatchdog } from "../tell.ts";
import { asideOf } from "./aside.ts";
import type { Agent, Machine, Outside } from "./machine.ts";
import type { NodeEvent } from "../../../src/core/node/state.ts";
import type { MissingPeer } from "../../../src/core/election/state.ts";
import type { Answer, Call } from "../../../src/core/ownership/call.ts";

const PORT = 12_345;

/** Only the nodes can sign here, so every signature counts as valid; making a real one would take real time. */
const KEYRING: Signing = {
  keyId: 1,
  knows: (keyId) => keyId === 1,
  sign: (bytes, send) => send(bytes.fill(1, -SIGNATURE_BYTES)),
  verify: () => Promise.resolve(true),
  handedOver: () => Promise.resolve(),
};

/** Runs a `Watchdog`. */
export class LoopAgent implements Agent {
  readonly #machine: Machine;
  readonly #outside: Outside;
  readonly #socket: MemorySocket;
  readonly #peers: {
    readonly addresses: readonly string[] | null;
    readonly missing: readonly MissingPeer[];
  };
  #watchdog: Watchdog | null = null;

  constructor(
    machine: Machine,
    outside: Outside,
    peers: { addresses: readonly string[] | null; missing: readonly MissingPeer[] },
  ) {
    this.#machine = machine;
    this.#outside = outside;
    this.#peers = peers;
    this.#socket = new MemorySocket({ onSent: ({ bytes, to }) => outside.send(bytes, to) });
  }

  start(): void {
    const { settings, plain, instanceId, run } = this.#machine;
    const { random, say, exit } = this.#outside;
    const peers = this.#peers;
    const aside = asideOf(this.#machine);
    const own = {
      port: PORT,
      trailer: !plain,
      selfId: instanceId,
      aside,
      ...peers,
      verbose: false,
    };
    this.#watchdog = new Watchdog({ nodes: [settings], ...own }, {
      clock: clockOf(this.#outside),
      random,
      socket: this.#socket,
      log: { write: say },
      serviceManager: null,
      ...(run !== 0n && { keyring: KEYRING, run }),
      connect: (_, onProgress) => this.#cloud(onProgress),
      store: () => this.#store(),
    });
    this.#watchdog.run().then(exit);
  }

  hear(from: string, bytes: Uint8Array): void {
    this.#socket.receive({ bytes, from, fromPort: PORT });
  }

  get priority(): number {
    const { node } = this.#watchdog?.watches[0] ?? {};
    return node?.election.priority ?? this.#machine.priority;
  }

  tell(signal: SignalName): void {
    if (this.#watchdog && signal !== "reload") tellWatchdog(this.#watchdog, signal);
  }

  change(event: NodeEvent): void {
    const { kind } = event;
    if (kind !== "peers" && kind !== "missing") return this.#watchdog?.tell(event);
    this.#watchdog?.reconfigure([kind === "peers" ? event : { missing: event.missing }]);
  }

  /** Ends with its signal, as the real one does. */
  #store(): LeaseStore {
    const ask = <Verb extends LeaseCall["verb"]>(
      call: Extract<LeaseCall, { verb: Verb }>,
      signal: AbortSignal,
    ) =>
      new Promise<Extract<LeaseAnswer, { verb: Verb }>>((resolve, reject) => {
        const late = () => reject(new StoreError("unreachable", "no answer in time"));
        signal.addEventListener("abort", late);
        this.#outside.store(call, Infinity, {
          answer: (answer) => resolve(answer as Extract<LeaseAnswer, { verb: Verb }>),
          fail: late,
        });
      });
    return {
      name: "the simulated store",
      read: async (signal) => (await ask({ verb: "read" }, signal)).sight,
      acquire: (_, revision, signal) => ask({ verb: "acquire", revision, clean: false }, signal),
      renew: async (token, signal) => (await ask({ verb: "renew", token }, signal)).ours,
      release: async (token, to, signal) => void await ask({ verb: "release", token, to }, signal),
      announce: async ({ says }, session, signal) =>
        (await ask({ verb: "announce", says, session }, signal)).session,
      watch: (show, signal) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve());
          this.#outside.watchStore(show);
        }),
    };
  }

  #cloud(onProgress: (tookMs: number) => void): Cloud {
    const { instanceId } = this.#machine;
    const ask = <Verb extends Call["verb"]>(
      call: Extract<Call, { verb: Verb }>,
      { wanted = () => true, lease = () => null, accepted = () => {} }: ChangeLimits = {},
    ) =>
      new Promise<Extract<Answer, { verb: Verb }>>((resolve, reject) =>
        this.#outside.call(call, {
          progress: onProgress,
          accepted,
          answer: (answer) => resolve(answer as Extract<Answer, { verb: Verb }>),
          fail: (setback) => reject(cloudError(setback)),
          wanted,
          lease,
        })
      );
    return {
      name: "the simulated cloud",
      async prepare() {
        const { holds } = await ask({ verb: "prepare" });
        return { instanceId, wireId: instanceId, holds, nativeAddresses: [] };
      },
      members: () =>
        new Promise<PeerList>((resolve, reject) =>
          this.#outside.members({
            answer: resolve,
            fail: () => reject(cloudError({ retryable: true, retryAfterMs: null })),
          })
        ),
      look: ({ others }) => ask({ verb: "look", others }),
      inspect: async (id) => (await ask({ verb: "inspect", instanceId: id })).holds,
      attach: async (_, limits) => void await ask({ verb: "attach" }, limits),
      detachSelf: async () => void await ask({ verb: "detach-self" }),
      evict: async (id, { onlyIfStopped, ...limits }) =>
        (await ask({ verb: "evict", instanceId: id, onlyIfStopped }, limits)).outcome,
    };
  }
}

function cloudError(setback: { retryable: boolean; retryAfterMs: number | null }): CloudError {
  return new CloudError(setback.retryable ? "server-error" : "forbidden", "simulated", setback);
}

function clockOf(outside: Outside): Clock {
  const { nowMs, wallMs } = outside;
  return { nowMs, wallMs, sleep: (ms, signal) => sleepIn(outside, ms, signal) };
}
