// The cloud of a shadow. It reads the real one and cannot change it: the type of the real cloud has no changes. It
// remembers who holds in the shadow's world, beginning with what the real cloud shows at the start.
//
//   this node       what it would have attached and detached
//   other shadows   what their heartbeats say; a dead one keeps its hold until another holds
//   everybody else  what the real cloud shows
import { CloudError } from "../exoscale/cloud_error.ts";
import type { Claim } from "../core/shadow/stance.ts";
import type { OtherHolder } from "../core/ownership/call.ts";
import type {
  Clock,
  Cloud,
  EvictOptions,
  Identity,
  PeerList,
  ReadOnlyCloud,
  Sighting,
} from "../world.ts";

/** One look at the real cloud. */
export interface RealSighting extends Sighting {
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
}

/** What a shadow's cloud needs besides the real one. */
export interface ShadowCloudOptions {
  readonly clock: Pick<Clock, "nowMs">;
  /** What that instance's shadow says; null if no shadow speaks for it. */
  readonly claims: (instanceId: string) => Claim | null;
  /** Instances of the peers. */
  readonly peers: () => readonly string[];
  /** The shadow would have made that change. */
  readonly would: (change: "attach" | "give-up" | "take", instanceId: string) => void;
  /** Called for each look at the real cloud. */
  readonly seen: (sighting: RealSighting) => void;
}

/** Answers as the cloud would if this node's changes were made. */
export class ShadowCloud implements Cloud {
  readonly name: string;
  readonly #real: ReadOnlyCloud;
  readonly #options: ShadowCloudOptions;
  #selfId = "";
  #holds = false;
  /** Machines that the last look showed as off. */
  #off: ReadonlySet<string> = new Set();
  /** When this node would have taken the address from these instances; kept until they are heard, or hold no more. */
  readonly #takenAtMs = new Map<string, number>();

  constructor(real: ReadOnlyCloud, options: ShadowCloudOptions) {
    this.name = `${real.name} (shadow: read only)`;
    this.#real = real;
    this.#options = options;
  }

  /** Whether this node would hold. */
  get holds(): boolean {
    return this.#holds;
  }

  async prepare(signal: AbortSignal): Promise<Identity> {
    const { clock, seen } = this.#options;
    const askedAtMs = clock.nowMs();
    const identity = await this.#real.prepare(signal);
    this.#selfId = identity.instanceId;
    this.#holds = identity.holds;
    const answeredAtMs = clock.nowMs();
    seen({ holds: identity.holds, others: null, askedAtMs, answeredAtMs });
    return identity;
  }

  members(signal: AbortSignal, addresses?: readonly string[]): Promise<PeerList> {
    return this.#real.members(signal, addresses);
  }

  async look({ others: wanted }: { others: boolean }, signal: AbortSignal): Promise<Sighting> {
    const real = await this.#look(signal);
    const others = wanted ? this.#othersBeside(real.others ?? []) : null;
    return { ...real, holds: this.#holds, others };
  }

  async inspect(instanceId: string, signal: AbortSignal): Promise<boolean> {
    if (instanceId === this.#selfId) return this.#holds;
    return this.#claimOf(instanceId) ?? await this.#real.inspect(instanceId, signal);
  }

  async attach(signal: AbortSignal): Promise<void> {
    const { released, exists } = await this.#look(signal);
    if (released !== undefined) {
      throw new CloudError(exists ? "managed-address" : "address-released", released);
    }
    this.#holds = true;
    this.#options.would("attach", this.#selfId);
  }

  async detachSelf(signal: AbortSignal): Promise<void> {
    await this.#look(signal);
    if (this.#holds) this.#options.would("give-up", this.#selfId);
    this.#holds = false;
  }

  async evict(
    instanceId: string,
    { onlyIfStopped, wanted = () => true }: EvictOptions,
    signal: AbortSignal,
  ): Promise<"taken" | "absent" | "gone" | "running"> {
    // If the cloud does not answer, a real change would fail, too.
    await this.#look(signal);
    const holds = this.#claimOf(instanceId) ?? await this.#real.inspect(instanceId, signal);
    if (!holds) return "absent";
    if (onlyIfStopped && !this.#off.has(instanceId)) return "running";
    if (!wanted()) throw new CloudError("late", "eviction given up: the peer was heard meanwhile");
    this.#takenAtMs.set(instanceId, this.#options.clock.nowMs());
    this.#options.would("take", instanceId);
    return "taken";
  }

  async #look(signal: AbortSignal): Promise<Sighting> {
    const { clock, seen } = this.#options;
    const askedAtMs = clock.nowMs();
    const real = await this.#real.look({ others: true }, signal);
    this.#off = new Set(real.others?.filter(({ off }) => off).map((each) => each.instanceId));
    for (const id of this.#takenAtMs.keys()) {
      const shown = real.others?.some((each) => each.instanceId === id);
      if (!shown && this.#options.claims(id) === null) this.#takenAtMs.delete(id);
    }
    seen({ ...real, askedAtMs, answeredAtMs: clock.nowMs() });
    return real;
  }

  /** The holders beside this node: shadows by their heartbeats, everybody else by the cloud. */
  #othersBeside(real: readonly OtherHolder[]): OtherHolder[] {
    const peers = this.#options.peers();
    const claiming = peers.filter((id) => this.#claimOf(id) === true)
      .map((instanceId) => ({ instanceId, off: this.#off.has(instanceId) }));
    const rest = real.filter(({ instanceId }) => this.#claimOf(instanceId) === null);
    return [...claiming, ...rest];
  }

  /** Whether a shadow holds, null if no shadow speaks for that instance; without holds that this node has ended. */
  #claimOf(instanceId: string): boolean | null {
    const claim = this.#options.claims(instanceId);
    const takenAtMs = this.#takenAtMs.get(instanceId);
    if (takenAtMs === undefined) return claim?.holds ?? null;
    if (claim === null || claim.heardAtMs <= takenAtMs) return false;
    this.#takenAtMs.delete(instanceId);
    return claim.holds;
  }
}
