// A witness of the lease who takes no word of a watchdog: etcd tells him who owned it when, and the cloud who asked for
// what. At the end he says whether each change of holders was the owner's to make.
import { assert, assertEquals } from "@std/assert";
import type { Call } from "../support/cloud/server.ts";
import type { Etcd } from "../support/etcd.ts";
import { pause, until } from "../support/until.ts";
import type { NetworkCluster } from "./network_cluster.ts";

/** From that instant on this instance owns the lease, or nobody does (empty). */
interface Turn {
  /** When the witness heard of it: at that instant or, after a restart of etcd, seconds later. */
  readonly atMs: number;
  readonly owner: string;
  readonly revision: number;
}

/** A change of holders that the cloud began to carry out. */
interface Change {
  readonly atMs: number;
  readonly change: "attach" | "detach";
  readonly instanceId: string;
  /** Who asked for it, null if that was no node; and when that arrived. */
  readonly call: Call | null;
  /** Of etcd, read right afterwards: what has a higher one came later than the change. */
  readonly revision: Promise<number>;
}

/** The witness. */
export class LeaseWitness {
  readonly turns: Turn[] = [];
  readonly changes: Change[] = [];
  readonly #nodes: NetworkCluster;
  readonly #etcd: Etcd;
  readonly #news: AsyncDisposable;
  #disposed = false;

  constructor(nodes: NetworkCluster, etcd: Etcd) {
    this.#nodes = nodes;
    this.#etcd = etcd;
    this.#news = etcd.watch(`/exoip/${nodes.address.ip}/holder`, (value, revision) => {
      this.turns.push({ atMs: performance.now(), owner: ownerIn(value), revision });
    });
    const { model } = nodes.server, begin = model.begin.bind(model);
    model.begin = (change, address, instanceId) => {
      const revision = this.#revision();
      const call = nodes.server.carriedOut;
      this.changes.push({ atMs: performance.now(), change, instanceId, call, revision });
      return begin(change, address, instanceId);
    };
  }

  /** Throws unless every attach was of the owner, and every detach was the holder's own or an owner's. */
  async assertOwners(): Promise<void> {
    await this.#hasAllNews();
    const attaches = this.changes.filter(({ change }) => change === "attach");
    assert(attaches.length > 0, "the cloud has attached nothing");
    const odd = [];
    for (const each of this.changes) if (!await this.#rightful(each)) odd.push(each);
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await this.#news[Symbol.asyncDispose]();
    await Promise.all(this.changes.map(({ revision }) => revision));
  }

  /** Of two turns of one owner the last one counts, so revisions are compared; a key that is gone has none. */
  async #hasAllNews(): Promise<void> {
    const { ip } = this.#nodes.address;
    const last = (await this.#etcd.get(`/exoip/${ip}/holder`))?.revision;
    const told = () => {
      const turn = this.turns.at(-1);
      return last === undefined ? (turn?.owner ?? "") === "" : (turn?.revision ?? 0) >= last;
    };
    await until(told, { title: "the witness has all news of etcd" });
  }

  /** The revision of etcd at its next answer; 0 when none has come before the end. */
  async #revision(): Promise<number> {
    while (!this.#disposed) {
      const revision = await this.#etcd.revision().catch(() => 0);
      if (revision > 0) return revision;
      await pause(50);
    }
    return 0;
  }

  async #rightful({ change, instanceId, atMs, call, revision: told }: Change): Promise<boolean> {
    const revision = await told;
    if (change === "attach") return this.#owns(instanceId, { atMs, revision });
    if (call === null) return false;
    const { network, nodes } = this.#nodes;
    const caller = nodes.find((_, index) => network.cloudClient(index + 1) === call.from);
    const id = caller?.instance.id ?? "";
    return id === instanceId || this.#owns(id, { atMs: call.atMs, revision });
  }

  /**
   * Whether it owned the lease at that instant. The news of its turn may come later, after a restart of etcd by
   * seconds: then its revision tells that the turn had begun. Nothing excuses one whose turn was over.
   */
  #owns(instanceId: string, { atMs, revision }: { atMs: number; revision: number }): boolean {
    return this.turns.some((turn, index) => {
      const next = this.turns[index + 1];
      return turn.owner === instanceId && turn.revision <= revision &&
        (next === undefined || next.atMs > atMs);
    });
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
