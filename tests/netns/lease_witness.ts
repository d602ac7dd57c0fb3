// A witness of the lease who takes no word of a watchdog: etcd tells him who owned it when, and the cloud who asked for
// what. At the end he says whether each change of holders was the owner's to make.
import { assert, assertEquals } from "@std/assert";
import type { Etcd } from "../support/etcd.ts";
import { until } from "../support/until.ts";
import type { NetworkCluster } from "./network_cluster.ts";

/**
 * How late the news of etcd may be: an owner's attach can arrive before them. An owner who has lost the lease gets
 * nothing of it.
 */
const NEWS_MS = 1_000;
/** How long a call may be in the cloud before the change begins. */
const CALL_MS = 1_000;

/** From that instant on this instance owns the lease, or nobody does (empty). */
interface Turn {
  readonly atMs: number;
  readonly owner: string;
}

/** A change of holders that the cloud began to carry out. */
interface Change {
  readonly atMs: number;
  readonly change: "attach" | "detach";
  readonly instanceId: string;
}

/** The witness. */
export class LeaseWitness {
  readonly turns: Turn[] = [];
  readonly changes: Change[] = [];
  readonly #nodes: NetworkCluster;
  readonly #etcd: Etcd;
  readonly #news: Disposable;

  constructor(nodes: NetworkCluster, etcd: Etcd) {
    this.#nodes = nodes;
    this.#etcd = etcd;
    this.#news = etcd.watch(`/exoip/${nodes.address.ip}/holder`, (value) => {
      this.turns.push({ atMs: performance.now(), owner: ownerIn(value) });
    });
    const { model } = nodes.server, begin = model.begin.bind(model);
    model.begin = (change, address, instanceId) => {
      this.changes.push({ atMs: performance.now(), change, instanceId });
      return begin(change, address, instanceId);
    };
  }

  /** Throws unless every attach was of the owner, and every detach was the holder's own or an owner's. */
  async assertOwners(): Promise<void> {
    const { ip } = this.#nodes.address;
    const now = await this.#etcd.ctl("get", `/exoip/${ip}/holder`, "--print-value-only");
    const told = () => (this.turns.at(-1)?.owner ?? "") === ownerIn(now === "" ? null : now);
    await until(told, { title: "the witness has all news of etcd" });
    const attaches = this.changes.filter(({ change }) => change === "attach");
    assert(attaches.length > 0, "the cloud has attached nothing");
    const odd = this.changes.filter((each) =>
      each.change === "attach" ? !this.#owns(each.instanceId, each.atMs) : !this.#rightful(each)
    );
    const text = odd.map(({ atMs, change, instanceId }) =>
      `at ${atMs.toFixed(0)} ms ${change} of ${instanceId}, owner ${this.#ownerAt(atMs)}`
    );
    assertEquals(text, [], "not for the owner of the lease to do");
  }

  /** Changes since that instant that the node itself asked for. */
  changesBy(number: number, sinceMs: number): string[] {
    const from = this.#nodes.network.cloudClient(number);
    return this.#nodes.server.calls.filter((call) => call.from === from && call.atMs >= sinceMs)
      .map(({ what }) => what).filter((what) => /:(attach|detach)$/.test(what));
  }

  [Symbol.dispose](): void {
    this.#news[Symbol.dispose]();
  }

  #rightful({ instanceId, atMs }: Change): boolean {
    const { server: { calls }, network, nodes } = this.#nodes;
    return calls.some((call) => {
      if (!call.what.endsWith(":detach") || call.atMs > atMs || call.atMs < atMs - CALL_MS) {
        return false;
      }
      const index = nodes.findIndex((_, at) => network.cloudClient(at + 1) === call.from);
      const caller = nodes[index]?.instance.id ?? "";
      return caller === instanceId || this.#owns(caller, call.atMs);
    });
  }

  #owns(instanceId: string, atMs: number): boolean {
    return this.#ownerAt(atMs) === instanceId ||
      this.turns.some((turn) =>
        turn.owner === instanceId && turn.atMs > atMs && turn.atMs <= atMs + NEWS_MS
      );
  }

  #ownerAt(atMs: number): string {
    return this.turns.findLast((turn) => turn.atMs <= atMs)?.owner ?? "";
  }
}

/** A released lease has no owner until its heir takes it. */
function ownerIn(value: string | null): string {
  if (value === null) return "";
  const { instanceId, releasedTo } = JSON.parse(value);
  return releasedTo === undefined ? instanceId : "";
}
