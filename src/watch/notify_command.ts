// --notify: runs a command for every role change, in order, one at a time. The loop does not wait for it: changes that
// come while it runs are queued, and if the queue grows too long, outdated ones are dropped. A role must last for a
// moment first, so that a role which flaps back to where it was is not reported.
import { messageOf } from "../core/message_of.ts";
import { failureOf, type RunCommand } from "../host/command.ts";
import type { Clock, Log, Observer, RoleChange } from "../world.ts";

/** How to run the command. */
export interface NoticeSettings {
  /** Program and arguments. */
  readonly words: readonly string[];
  /** Longest run. */
  readonly timeoutMs: number;
  /**
   * How long a role must last before it is reported, 0 for at once. A role that keeps changing is reported after five
   * times that.
   */
  readonly holdMs: number;
  /** Whether the process serves several addresses, so that a log line must name its address. */
  readonly several: boolean;
  /** This node's instance id, for the command. */
  readonly instanceId: string;
  /** The environment to which the facts are added. */
  readonly env: Readonly<Record<string, string>>;
}

/** What notices need from the process. */
export interface NoticeWorld {
  readonly clock: Clock;
  readonly log: Log;
  readonly run: RunCommand;
}

/** Notices that may wait, in addition to the newest of each address. */
export const QUEUE_MAX = 16;
/** Longest time until a terminated command is gone. */
const END_MS = 1_000;
/** Multiples of `holdMs` after which a role that keeps changing is reported. */
const HOLDS_MAX = 5;

interface Notice {
  readonly change: RoleChange;
  readonly wallMs: number;
}

/** A notice that waits for its role to last. */
interface Held {
  readonly notice: Notice;
  /** Since when the role of this address keeps changing. */
  readonly sinceMs: number;
  readonly over: AbortController;
}

/** Reports role changes to the command. */
export class RoleNotices implements Observer {
  readonly #settings: NoticeSettings;
  readonly #world: NoticeWorld;
  readonly #queue: Notice[] = [];
  /** Notices that are not in the queue yet, by address. */
  readonly #held = new Map<string, Held>();
  /** The role that was noticed last, by address. */
  readonly #noticed = new Map<string, RoleChange["role"]>();
  /** The role that the command was told last, by address. */
  readonly #told = new Map<string, RoleChange["role"]>();
  readonly #end = new AbortController();
  #working: Promise<void> | null = null;
  /** Aborts the wait for the command in `close()`. */
  readonly #impatience = new AbortController();

  constructor(settings: NoticeSettings, world: NoticeWorld) {
    this.#settings = settings;
    this.#world = world;
  }

  /**
   * Takes a role change. The first role counts once the node has decided it; a later one if it differs from the last.
   */
  roleChanged(change: RoleChange): void {
    const { elasticIp, role, reason } = change;
    const undecided = reason === "settling" || reason === "stalled";
    if (this.#noticed.get(elasticIp) === role || (undecided && role === "backup")) return;
    this.#noticed.set(elasticIp, role);
    this.#hold({ change, wallMs: this.#world.clock.wallMs() });
  }

  /**
   * Longest time that `close()` takes: the running command may finish, and after it one more, or several quicker ones.
   */
  get closeMaxMs(): number {
    return 2 * (this.#settings.timeoutMs + END_MS);
  }

  /**
   * The watchdog has ended: the command is also told that this node is no longer master. Of the waiting notices only
   * the newest of each address is reported. Resolves when that is done, or when the time is over and the running
   * command was terminated.
   */
  async close(last: readonly RoleChange[]): Promise<void> {
    for (const change of last) {
      const wasMaster = this.#noticed.get(change.elasticIp) === "master";
      if (wasMaster) {
        this.roleChanged({ ...change, role: "backup", reason: "leaving", reasonDetail: "" });
      }
    }
    for (const held of [...this.#held.values()]) this.#release(held);
    const newest = this.#queue.filter((notice, index) => this.#isNews(notice, index));
    this.#queue.splice(0, Infinity, ...newest);
    if (await this.#idle(this.closeMaxMs - END_MS, this.#impatience)) return;
    const left =
      this.#queue.splice(0).filter((notice, index) => this.#isNews(notice, index)).length;
    this.#say(`given up at the end${left > 0 ? `, ${left} more not told` : ""}`);
    this.#end.abort();
    await this.#idle(END_MS, new AbortController());
  }

  /** Ends the wait of any `close()`, now or later. */
  giveUp(): void {
    this.#impatience.abort();
  }

  /** Whether all notices were reported before the time was over or the wait was aborted. */
  async #idle(ms: number, over: AbortController): Promise<boolean> {
    const late = this.#world.clock.sleep(ms, over.signal).then(() => false);
    const idle = await Promise.race([(this.#working ?? Promise.resolve()).then(() => true), late]);
    over.abort();
    return idle;
  }

  /** Holds a notice until its role has lasted; it replaces a held one of the same address. */
  #hold(notice: Notice): void {
    const { holdMs } = this.#settings;
    const { clock } = this.#world;
    const { elasticIp } = notice.change;
    const before = this.#held.get(elasticIp);
    before?.over.abort();
    const nowMs = clock.nowMs();
    const held = { notice, sinceMs: before?.sinceMs ?? nowMs, over: new AbortController() };
    this.#held.set(elasticIp, held);
    const waitMs = Math.min(holdMs, held.sinceMs + HOLDS_MAX * holdMs - nowMs);
    if (waitMs <= 0) return this.#release(held);
    clock.sleep(waitMs, held.over.signal).then(() => this.#release(held));
  }

  /** Queues a held notice unless a newer one has replaced it. */
  #release(held: Held): void {
    const { elasticIp } = held.notice.change;
    if (this.#held.get(elasticIp) !== held) return;
    this.#held.delete(elasticIp);
    held.over.abort();
    this.#queue.push(held.notice);
    this.#shorten();
    this.#working ??= this.#work();
  }

  /** Drops the oldest notice that has a newer one of the same address. */
  #shorten(): void {
    if (this.#queue.length <= QUEUE_MAX) return;
    const overtaken = this.#queue.findIndex((notice, index) => this.#isOvertaken(notice, index));
    const [left] = overtaken < 0 ? [] : this.#queue.splice(overtaken, 1);
    if (left) {
      this.#say(`${titleOf(left.change)} is left out: too many wait`, left.change.elasticIp);
    }
  }

  /** Whether the notice must be reported: not if the command knows the role already, or a newer notice reports it. */
  #isNews(notice: Notice, index: number): boolean {
    const { elasticIp, role } = notice.change;
    return this.#told.get(elasticIp) !== role && !this.#isOvertaken(notice, index);
  }

  #isOvertaken({ change: { elasticIp } }: Notice, index: number): boolean {
    return this.#queue.slice(index + 1).some(({ change }) => change.elasticIp === elasticIp);
  }

  /** Call it with a notice in the queue; otherwise it would end before it has returned. */
  async #work(): Promise<void> {
    for (let notice = this.#queue.shift(); notice; notice = this.#queue.shift()) {
      await this.#tell(notice);
    }
    this.#working = null;
  }

  async #tell({ change, wallMs }: Notice): Promise<void> {
    const { words, timeoutMs, env } = this.#settings;
    const { elasticIp, role } = change;
    // The roles in between were dropped, so this is no change.
    if (this.#told.get(elasticIp) === role) return;
    const facts = this.#facts(change, wallMs);
    this.#told.set(elasticIp, role);
    const options = { timeoutMs, signal: this.#end.signal, keepsChildren: true };
    try {
      const outcome = await this.#world.run(words, { env: { ...env, ...facts }, ...options });
      const bad = outcome.code !== 0 || outcome.lateAfterMs !== null;
      if (bad) this.#say(`${titleOf(change)}: ${failureOf(outcome)}`, elasticIp);
    } catch (error) {
      const reason = messageOf(error);
      this.#say(`${titleOf(change)}: ${reason}`, elasticIp);
    }
  }

  #facts(change: RoleChange, wallMs: number): Record<string, string> {
    const { elasticIp, elasticIps, role, reason, reasonDetail, priority, holding } = change;
    return {
      EXOIP_ROLE: role,
      EXOIP_PREVIOUS_ROLE: this.#told.get(elasticIp) ?? "none",
      EXOIP_REASON: reason,
      EXOIP_REASON_DETAIL: reasonDetail,
      EXOIP_ADDRESS: elasticIp,
      ...(elasticIps && { EXOIP_ADDRESSES: elasticIps.join(" ") }),
      EXOIP_PRIORITY: `${priority}`,
      EXOIP_HOLDING: holding === null ? "unknown" : holding ? "yes" : "no",
      EXOIP_INSTANCE_ID: this.#settings.instanceId,
      EXOIP_TIME: new Date(wallMs).toISOString(),
    };
  }

  #say(text: string, elasticIp?: string): void {
    const { words: [program = ""], several } = this.#settings;
    const about = several && elasticIp !== undefined ? [elasticIp] : [];
    this.#world.log.write("warning", "notify", `${program}: ${text}`, ...about);
  }
}

function titleOf({ role, elasticIp, elasticIps = [elasticIp] }: RoleChange): string {
  return `${role} of ${elasticIps.join(", ")}`;
}
