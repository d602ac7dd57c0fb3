// What the service manager is told about the watchdog: that the first election is over, what has changed since, that
// the shutdown has begun, and that the loop is alive. Every message follows a step, so a loop that hangs falls silent.
import { shutdown } from "../core/node/shutdown.ts";
import { settling } from "../core/election/state.ts";
import type { ServiceManager } from "../world.ts";
import { membersOf } from "../core/node/group.ts";
import type { Member, Node } from "../core/node/state.ts";

/** Added to the longest time that the handover takes, for the rest of the shutdown. */
const END_MARGIN_MS = 5_000;

/** Tells the service manager after each step; does nothing without one. */
export class Supervision {
  readonly #manager: ServiceManager | null;
  #status = "";
  #keepAliveAtMs: number;

  constructor(manager: ServiceManager | null) {
    this.#manager = manager;
    this.#keepAliveAtMs = manager && manager.keepAliveMs < Infinity ? -Infinity : Infinity;
  }

  /** When the loop must step next, so that the service manager does not take it for dead. */
  get wakeAtMs(): number {
    return this.#keepAliveAtMs;
  }

  /** The loop has stepped one of `nodes`, which are all that still run. */
  stepped(nodes: readonly Node[], atMs: number): void {
    const manager = this.#manager;
    if (!manager || nodes.length === 0) return;
    if (nodes.some(({ stoppedAtMs }) => stoppedAtMs !== null)) {
      manager.stopping(leavingMs(nodes, atMs) + END_MARGIN_MS);
    } else if (!nodes.some(({ election }) => settling(election))) manager.ready();
    const status = nodes.map(statusOf).join("; ");
    if (status !== this.#status) manager.status(status);
    this.#status = status;
    if (atMs < this.#keepAliveAtMs) return;
    this.#keepAliveAtMs = atMs + manager.keepAliveMs;
    manager.alive();
  }
}

/** Longest time until the last of them has ended. */
function leavingMs(nodes: readonly Node[], atMs: number): number {
  const ends = nodes.map(({ stoppedAtMs, election }) =>
    shutdown.wakeAtMs(stoppedAtMs ?? atMs, election)
  );
  return Math.max(...ends) - atMs;
}

function statusOf(node: Node): string {
  const { role, reason } = node.election;
  return `${role} (${reason}), ${membersOf(node).map(heldText).join(", ")}`;
}

function heldText({ elasticIp, ownership: { holding } }: Member): string {
  const held = holding === null
    ? "not known to be attached"
    : holding
    ? "attached"
    : "not attached";
  return `${elasticIp} is ${held}`;
}
