// --notify: a command is told of every change of role, in order, one at a time. Nobody waits for it: what comes while
// it runs is queued, and of a queue that grows too long what has been overtaken is left out.
import { failureOf, type RunCommand } from "../host/command.ts";
import type { Clock, Log, Observer, RoleChange } from "../world.ts";

/** How the command is run. */
export interface NoticeSettings {
  /** Program and arguments. */
  readonly words: readonly string[];
  /** Longest run. */
  readonly timeoutMs: number;
  /** Of this node, for the command. */
  readonly instanceId: string;
  /** The environment to which the facts are added. */
  readonly env: Readonly<Record<string, string>>;
}

/** What notices need of the process. */
export interface NoticeWorld {
  readonly clock: Clock;
  readonly log: Log;
  readonly run: RunCommand;
}

/** Notices that may wait; the newest of each address always may. */
export const QUEUE_MAX = 16;
/** At the end: longest wait for the command to be told all. */
export const CLOSE_MS = 2_000;
/** And then for one that was ended to be gone. */
const END_MS = 1_000;

interface Notice {
  readonly change: RoleChange;
  readonly wallMs: number;
}

/** Tells the command. */
export class RoleNotices implements Observer {
  readonly #settings: NoticeSettings;
  readonly #world: NoticeWorld;
  readonly #queue: Notice[] = [];
  /** The role that was noticed last, by address. */
  readonly #noticed = new Map<string, RoleChange["role"]>();
  /** The role that the command was told last, by address. */
  readonly #told = new Map<string, RoleChange["role"]>();
  readonly #end = new AbortController();
  #working: Promise<void> | null = null;

  constructor(settings: NoticeSettings, world: NoticeWorld) {
    this.#settings = settings;
    this.#world = world;
  }

  /** A role is news when it differs from the last one; the first is, once the node has decided it. */
  roleChanged(change: RoleChange): void {
    const { elasticIp, role, reason } = change;
    const undecided = reason === "settling" || reason === "stalled";
    if (this.#noticed.get(elasticIp) === role || (undecided && role === "backup")) return;
    this.#noticed.set(elasticIp, role);
    this.#queue.push({ change, wallMs: this.#world.clock.wallMs() });
    this.#shorten();
    this.#working ??= this.#work().finally(() => this.#working = null);
  }

  /**
   * The watchdog has ended: who was master last is none any more, and the command learns that, too. Resolves when all
   * is told, or when the wait for it is over and what still ran is ended.
   */
  async close(last: readonly RoleChange[]): Promise<void> {
    for (const change of last) {
      const wasMaster = this.#noticed.get(change.elasticIp) === "master";
      if (wasMaster) this.roleChanged({ ...change, role: "backup", reason: "leaving" });
    }
    if (await this.#idleWithin(CLOSE_MS)) return;
    const left = this.#queue.splice(0).length;
    this.#say(`given up at the end${left > 0 ? `, ${left} more not told` : ""}`);
    this.#end.abort();
    await this.#idleWithin(END_MS);
  }

  async #idleWithin(ms: number): Promise<boolean> {
    const over = new AbortController();
    const late = this.#world.clock.sleep(ms, over.signal).then(() => false);
    const idle = await Promise.race([(this.#working ?? Promise.resolve()).then(() => true), late]);
    over.abort();
    return idle;
  }

  /** Leaves out the oldest that a newer one of the same address overtakes. */
  #shorten(): void {
    if (this.#queue.length <= QUEUE_MAX) return;
    const overtaken = this.#queue.findIndex(({ change: { elasticIp } }, index) =>
      this.#queue.slice(index + 1).some(({ change }) => change.elasticIp === elasticIp)
    );
    const [left] = overtaken < 0 ? [] : this.#queue.splice(overtaken, 1);
    if (left) this.#say(`${titleOf(left.change)} is left out: too many wait`);
  }

  async #work(): Promise<void> {
    for (let notice = this.#queue.shift(); notice; notice = this.#queue.shift()) {
      await this.#tell(notice);
    }
  }

  async #tell({ change, wallMs }: Notice): Promise<void> {
    const { words, timeoutMs, env } = this.#settings;
    const facts = this.#facts(change, wallMs);
    this.#told.set(change.elasticIp, change.role);
    const options = { timeoutMs, signal: this.#end.signal, keepsChildren: true };
    try {
      const outcome = await this.#world.run(words, { env: { ...env, ...facts }, ...options });
      const bad = outcome.code !== 0 || outcome.lateAfterMs !== null;
      if (bad) this.#say(`${titleOf(change)}: ${failureOf(outcome)}`);
    } catch (error) {
      this.#say(`${titleOf(change)}: ${error instanceof Error ? error.message : error}`);
    }
  }

  #facts(change: RoleChange, wallMs: number): Record<string, string> {
    const { elasticIp, role, reason, priority, holding } = change;
    return {
      EXOIP_ROLE: role,
      EXOIP_PREVIOUS_ROLE: this.#told.get(elasticIp) ?? "none",
      EXOIP_REASON: reason,
      EXOIP_ADDRESS: elasticIp,
      EXOIP_PRIORITY: `${priority}`,
      EXOIP_HOLDING: holding === null ? "unknown" : holding ? "yes" : "no",
      EXOIP_INSTANCE_ID: this.#settings.instanceId,
      EXOIP_TIME: new Date(wallMs).toISOString(),
    };
  }

  #say(text: string): void {
    const [program = ""] = this.#settings.words;
    this.#world.log.write("warning", "notify", `${program}: ${text}`);
  }
}

function titleOf({ role, elasticIp }: RoleChange): string {
  return `${role} of ${elasticIp}`;
}
