// An in-memory cloud, for tests that do not depend on an API. Other tests use the simulated Exoscale in cloud/.
import type { PeerIdentity } from "../../src/core/election/peer.ts";
import type { OtherHolder } from "../../src/core/ownership/call.ts";
import type { Cloud } from "../../src/world.ts";

/** A cloud with one Elastic IP that answers at once. A test may replace its answers. */
export class FakeCloud implements Cloud {
  readonly name = "a made-up cloud";
  /** Verbs, in the order of the calls. */
  readonly calls: string[] = [];
  /** Whether this instance holds. */
  holds = false;
  others: OtherHolder[] = [];
  /** Whether it answers. */
  reachable = true;
  readonly #selfId: string;
  readonly #peers: readonly PeerIdentity[];

  constructor(selfId: string, peers: readonly PeerIdentity[] = []) {
    this.#selfId = selfId;
    this.#peers = peers;
  }

  prepare: Cloud["prepare"] = () =>
    this.#answer("prepare", () => ({
      instanceId: this.#selfId,
      wireId: this.#selfId,
      nativeAddresses: ["192.0.2.1"],
      holds: this.holds,
    }));

  members: Cloud["members"] = () =>
    this.#answer("members", () => ({ peers: this.#peers, inPeerList: true }));

  look: Cloud["look"] = () =>
    this.#answer("look", () => ({ holds: this.holds, others: this.others }));

  inspect: Cloud["inspect"] = (id) =>
    this.#answer(
      "inspect",
      () =>
        id === this.#selfId ? this.holds : this.others.some(({ instanceId }) => instanceId === id),
    );

  attach: Cloud["attach"] = () => this.#answer("attach", () => void (this.holds = true));

  detachSelf: Cloud["detachSelf"] = () => this.#answer("detach", () => void (this.holds = false));

  evict: Cloud["evict"] = () => this.#answer("evict", () => "absent" as const);

  #answer<Value>(verb: string, value: () => Value): Promise<Value> {
    this.calls.push(verb);
    if (!this.reachable) return Promise.reject(new Error("no route to the cloud"));
    return Promise.resolve(value());
  }
}

/** Peers with these addresses and instance ids. */
export function peersAt(instances: Readonly<Record<string, string>>): PeerIdentity[] {
  return Object.entries(instances).map(([address, id]) => ({
    address,
    instanceId: id,
    wireId: id,
  }));
}
