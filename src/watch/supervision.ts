// What the service manager is told about the watchdog: that the first election is over, what has changed since, that
// the end has begun, and that the loop is alive. Every word follows a step, so a loop that hangs falls silent.
import { shutdown } from "../core/shutdown.ts";
import { settling } from "../core/election/state.ts";
import type { Supervisor } from "../world.ts";
import type { Node } from "../core/node_state.ts";

/** Added to the longest time that leaving takes, for what comes after it. */
const END_MARGIN_MS = 5_000;

/** Tells the supervisor after each step; without one it does nothing. */
export class Supervision {
  readonly #supervisor: Supervisor | null;
  #ready = false;
  #stopping = false;
  #reloading = false;
  #status = "";
  #keepAliveAtMs: number;

  constructor(supervisor: Supervisor | null) {
    this.#supervisor = supervisor;
    this.#keepAliveAtMs = supervisor && supervisor.keepAliveMs < Infinity ? -Infinity : Infinity;
  }

  /** When the loop must have stepped, so that it is not taken for dead. */
  get wakeAtMs(): number {
    return this.#keepAliveAtMs;
  }

  /** A new configuration is being read; before the first election nobody needs to know. */
  reloading(): void {
    if (!this.#supervisor || !this.#ready || this.#stopping || this.#reloading) return;
    this.#reloading = true;
    const usec = this.#supervisor.monotonicUsec?.() ?? null;
    const instant = usec === null ? [] : [`MONOTONIC_USEC=${usec}`];
    this.#supervisor.tell(["RELOADING=1", ...instant]);
  }

  /** It is in force, or the old one still is. */
  reloaded(): void {
    if (!this.#reloading) return;
    this.#reloading = false;
    if (!this.#stopping) this.#supervisor?.tell(["READY=1"]);
  }

  /** The loop has stepped one of these, which are all that still run. */
  stepped(nodes: readonly Node[], atMs: number): void {
    if (!this.#supervisor || nodes.length === 0) return;
    const words: string[] = [];
    const stopped = nodes.some(({ stoppedAtMs }) => stoppedAtMs !== null);
    if (!this.#ready && !stopped && !nodes.some(({ election }) => settling(election))) {
      this.#ready = true;
      words.push("READY=1");
    }
    if (!this.#stopping && stopped) {
      this.#stopping = true;
      const ends = nodes.map(({ stoppedAtMs, election }) =>
        shutdown.wakeAtMs(stoppedAtMs ?? atMs, election)
      );
      const leftMs = Math.max(...ends) - atMs + END_MARGIN_MS;
      words.push("STOPPING=1", `EXTEND_TIMEOUT_USEC=${Math.round(leftMs * 1_000)}`);
    }
    const status = nodes.map(statusOf).join("; ");
    if (status !== this.#status) words.push(`STATUS=${status}`);
    this.#status = status;
    if (atMs >= this.#keepAliveAtMs) {
      this.#keepAliveAtMs = atMs + this.#supervisor.keepAliveMs;
      words.push("WATCHDOG=1");
    }
    if (words.length > 0) this.#supervisor.tell(words);
  }
}

function statusOf({ election, ownership }: Node): string {
  const { settings, role, reason } = election;
  const { holding } = ownership;
  const held = holding === null
    ? "not known to be attached"
    : holding
    ? "attached"
    : "not attached";
  return `${role} (${reason}), ${settings.elasticIp} is ${held}`;
}
