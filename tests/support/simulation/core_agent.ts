// A watchdog that is only the core: it steps each event and performs each effect, without any promise.
import { accept } from "../../../src/core/election/accept.ts";
import {
  decode,
  encode,
  hasSignature,
  type Trailer,
  trailerFor,
} from "../../../src/core/heartbeat.ts";
import { nodeWakeAtMs, startNode, stepNode } from "../../../src/core/node/step.ts";
import { spanOf } from "../../../src/core/lease/state.ts";
import { wants } from "../../../src/core/node/under_lease.ts";
import type { PeerIdentity } from "../../../src/core/election/peer.ts";
import type { SignalName } from "../../../src/world.ts";
import { asideOf } from "./aside.ts";
import type { Agent, Machine, Outside } from "./machine.ts";
import type { Node, NodeEffect, NodeEvent } from "../../../src/core/node/state.ts";
import type { MissingPeer } from "../../../src/core/election/state.ts";

/** Steps the core. */
export class CoreAgent implements Agent {
  #node: Node;
  #sequence = 0;
  readonly #machine: Machine;
  readonly #outside: Outside;

  constructor(
    machine: Machine,
    outside: Outside,
    start: { peers: readonly PeerIdentity[] | null; missing: readonly MissingPeer[] },
  ) {
    this.#machine = machine;
    this.#outside = outside;
    const own = { selfId: machine.instanceId, run: machine.run === 0n ? null : machine.run };
    const aside = asideOf(machine);
    this.#node = startNode(machine.settings, { atMs: outside.nowMs(), aside, ...own, ...start });
  }

  start(): void {
    this.#outside.watchStore((sight) => this.#deliver({ kind: "store-seen", sight }));
    this.#deliver({ kind: "tick" });
  }

  hear(from: string, bytes: Uint8Array): void {
    const heartbeat = decode(bytes);
    if ("refused" in heartbeat) return;
    // Only the nodes can make signatures here.
    const signed = hasSignature(bytes);
    const { run, instanceId } = this.#machine;
    if (run !== 0n && !signed) return;
    if (heartbeat.id === instanceId) return this.#hearOwn(from, heartbeat.trailer);
    const { election } = this.#node;
    this.#deliver(accept(election, { from, heartbeat, signed }, this.#outside.nowMs()));
  }

  /**
   * A heartbeat signed by an earlier process of this node, or by another machine with our id: the core finds out which.
   */
  #hearOwn(from: string, trailer: Trailer | null): void {
    const { run } = this.#machine;
    if (run === 0n || !trailer?.stamp || trailer.stamp.run === run) return;
    const { sequence, stamp, intervalMs } = trailer;
    this.#deliver({ kind: "twin-heard", from, signed: true, sequence, stamp, intervalMs });
  }

  get priority(): number {
    return this.#node.election.priority;
  }

  tell(signal: SignalName): void {
    if (signal === "stop") this.#deliver({ kind: "stop" });
    else this.#deliver({ kind: "nudge", by: signal === "better" ? -1 : 1 });
  }

  change(event: NodeEvent): void {
    this.#deliver(event);
  }

  #deliver(event: NodeEvent): void {
    const [node, effects] = stepNode(this.#node, event, this.#outside.nowMs());
    this.#node = node;
    for (const effect of effects) this.#perform(effect);
    this.#outside.stepped(node);
    const wakeAtMs = nodeWakeAtMs(node);
    if (wakeAtMs === Infinity) return;
    this.#outside.at(wakeAtMs, () => {
      // If the deadline has moved meanwhile, its own wake-up handles it.
      if (nodeWakeAtMs(this.#node) === wakeAtMs) this.#deliver({ kind: "tick" });
    });
  }

  #perform(effect: NodeEffect): void {
    const { random, call, members, say, exit } = this.#outside;
    switch (effect.kind) {
      case "send":
        return this.#send(effect);
      case "call": {
        const { id, elasticIp } = effect;
        const about = elasticIp === undefined ? {} : { elasticIp };
        // As the real calls count them, see cloud_calls.ts.
        let sent = 0;
        const wanted = () => {
          const leaves = wants(this.#node, { call: effect.call, elasticIp }, this.#outside.nowMs());
          if (leaves) sent += 1;
          return leaves;
        };
        const result = () => ({ id, roll: random(), ...about });
        return call(effect.call, {
          progress: (tookMs) => this.#deliver({ kind: "progress", tookMs }),
          accepted: () => this.#deliver({ kind: "accepted", id, ...about }),
          answer: (answer) =>
            this.#deliver({ kind: "answered", answer, ...result(), open: sent > 1 }),
          fail: (setback) => {
            const open = sent > 1 || (sent === 1 && setback.open !== false);
            this.#deliver({ kind: "failed", ...result(), ...setback, open });
          },
          wanted,
          lease: () => spanOf(this.#node.lease, this.#outside.nowMs()),
        }, elasticIp);
      }
      case "members":
        return members({
          answer: (membership) => this.#deliver({ kind: "members", ...membership }),
          fail: () => this.#deliver({ kind: "members-failed", retryAfterMs: null }),
        });
      case "report":
        return say(effect.severity, effect.event, effect.text);
      case "exit":
        return exit(effect.code);
      case "store": {
        const { id } = effect;
        return this.#outside.store(effect.call, effect.limitMs, {
          answer: (answer) => this.#deliver({ kind: "store-answered", id, answer, roll: random() }),
          fail: () => this.#deliver({ kind: "store-failed", id, roll: random() }),
        });
      }
      case "refused":
        return;
      default:
        return effect satisfies never;
    }
  }

  #send({ to, advert, hearsYou, echo }: Extract<NodeEffect, { kind: "send" }>): void {
    const { instanceId: id, plain, run, settings: { elasticIp } } = this.#machine;
    const { nowMs, wallMs } = this.#outside;
    const time = run === 0n ? wallMs() : nowMs() * 1_000;
    this.#sequence = Math.max(this.#sequence + 1, Math.floor(time));
    const stamp = run === 0n ? null : { run, echo };
    const own = { hearsYou, sequence: this.#sequence, stamp };
    const trailer = plain ? null : trailerFor(advert, own);
    const bytes = encode({ priority: advert.priority, elasticIp, id, trailer });
    this.#outside.send(bytes, to);
  }
}
