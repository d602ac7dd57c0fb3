// --drill: moves the Elastic IP of a healthy cluster to the next best node and back, and shows what a user would have
// noticed. It gives up, and takes its request back, at the first sign of harm.
import { messageOf } from "../core/message_of.ts";
import type { Clock, Cloud } from "../world.ts";
import type { Snapshot } from "../status/snapshot.ts";
import { LinkedAbort } from "../transport/linked_abort.ts";
import type { Hands } from "./hands.ts";
import { harmOf, isOver, type Leg, sawHolders, sawService, startLeg } from "./leg.ts";
import { type DrillPlan, planDrill } from "./plan.ts";
import type { Drilled, Ran } from "./report.ts";
import { watchDrill } from "./watcher.ts";

/** How often to look whether the leg is over or does harm. */
const TICK_MS = 50;
/** How long to wait for the address to come back after the drill was given up. */
const RESTORE_MS = 30_000;
/** Longest time for the probe before the drill. */
const FIRST_PROBE_MS = 5_000;

/** What a drill needs. */
export interface DrillOptions {
  readonly clock: Clock;
  readonly hands: Hands;
  /** Makes the clients that look at the cloud: one for each address, as seen from the holder's instance. */
  readonly cloudsOf: (
    snapshot: Snapshot,
    elasticIps: readonly string[],
  ) => Promise<readonly Pick<Cloud, "inspect">[]>;
  readonly probe: ((signal: AbortSignal) => Promise<void>) | null;
  /** The probe as written, for the report. */
  readonly probeTitle: string | null;
  /** Only this Elastic IP; null if the watchdog has only one. */
  readonly elasticIp: string | null;
  /** Says what happens, for a person. */
  readonly say: (text: string) => void;
  /** Ends the drill; the address is brought back first. */
  readonly signal: AbortSignal;
}

/** A drill that may not begin. */
export class DrillRefused extends Error {
  override readonly name = "DrillRefused";
}

/** Drills. Throws `DrillRefused` before anything has moved. */
export async function drill(options: DrillOptions): Promise<Drilled> {
  const { clock, hands, signal, elasticIp } = options;
  const snapshot = await hands.status(signal).catch((error) => {
    throw new DrillRefused(`${hands.title}: ${messageOf(error)}`);
  });
  const plan = planDrill(snapshot, elasticIp);
  if ("refused" in plan) throw new DrillRefused(plan.refused);
  const clouds = await options.cloudsOf(snapshot, plan.elasticIps);
  await refuseIfUnserved(options);
  return await new Drill(plan, { ...options, clouds }, clock.wallMs()).run();
}

/** A service that does not answer before the drill could not show what the drill does to it. */
async function refuseIfUnserved({ clock, probe, signal }: DrillOptions): Promise<void> {
  if (probe === null) return;
  try {
    await within(FIRST_PROBE_MS, { clock, signal }, probe);
  } catch (error) {
    throw new DrillRefused(`the service does not answer before the drill: ${messageOf(error)}`);
  }
}

/** Does the work with a signal that aborts after that time. */
async function within<T>(
  ms: number,
  { clock, signal }: { clock: Clock; signal?: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using ending = new LinkedAbort(signal);
  const over = new AbortController();
  void clock.sleep(ms, over.signal).then(() => ending.abort());
  try {
    return await work(ending.signal);
  } finally {
    over.abort();
  }
}

class Drill {
  readonly #plan: DrillPlan;
  readonly #options: DrillOptions & { readonly clouds: readonly Pick<Cloud, "inspect">[] };
  readonly #startedAtMs: number;
  readonly #legs: Ran[] = [];
  #leg: Leg;
  #back = false;

  constructor(
    plan: DrillPlan,
    options: DrillOptions & { readonly clouds: readonly Pick<Cloud, "inspect">[] },
    startedAtMs: number,
  ) {
    this.#plan = plan;
    this.#options = options;
    this.#startedAtMs = startedAtMs;
    this.#leg = startLeg(options.clock.nowMs());
  }

  async run(): Promise<Drilled> {
    const { clock, clouds, probe, hands, say } = this.#options;
    const { elasticIp, holder, next } = this.#plan;
    const ending = new AbortController();
    const watching = watchDrill({
      ...{ clock, clouds, probe },
      looked: (look) => this.#leg = sawHolders(this.#leg, look),
      probed: (result) => this.#leg = sawService(this.#leg, result),
      instances: () => this.#instances(),
    }, ending.signal);
    try {
      say(`${elasticIp} moves from ${holder} to ${next}`);
      const there = await this.#run(() => hands.giveWay(elasticIp, ending.signal));
      if (there !== null) return await this.#giveUp(there);
      say(`${elasticIp} comes back to ${holder}`);
      this.#back = true;
      const back = await this.#run(() => hands.comeBack(elasticIp, ending.signal));
      return back === null ? this.#ended(null, true) : await this.#giveUp(back);
    } finally {
      ending.abort();
      await watching;
    }
  }

  #instances(): { from: string; to: string } {
    const { holderId, nextId } = this.#plan;
    return this.#back ? { from: nextId, to: holderId } : { from: holderId, to: nextId };
  }

  /** Runs one leg to its end. Resolves to the harm that ends the drill, null without any. */
  async #run(ask: () => Promise<void>): Promise<string | null> {
    const { clock, signal } = this.#options;
    const { holder, next } = this.#plan;
    this.#leg = startLeg(clock.nowMs());
    let refused: string | null = null;
    ask().catch((error) => refused = `it was refused: ${messageOf(error)}`);
    let harm: string | null = null;
    while (harm === null && !isOver(this.#leg, clock.nowMs())) {
      await clock.sleep(TICK_MS);
      harm = signal.aborted
        ? "it was stopped"
        : refused ?? harmOf(this.#leg, clock.nowMs(), this.#plan);
    }
    const [from, to] = this.#back ? [next, holder] : [holder, next];
    this.#legs.push({ leg: this.#back ? "back" : "there", from, to, seen: this.#leg });
    return harm;
  }

  /** Takes the request back, and waits until the address is where it was. */
  async #giveUp(harm: string): Promise<Drilled> {
    const { clock, hands, say } = this.#options;
    const { elasticIp, holder } = this.#plan;
    say(`the drill is given up, because ${harm}: ${elasticIp} comes back to ${holder}`);
    this.#back = true;
    this.#leg = startLeg(clock.nowMs());
    const ask = (signal: AbortSignal) => hands.comeBack(elasticIp, signal);
    await within(RESTORE_MS, { clock }, ask).catch((error) => say(messageOf(error)));
    const endMs = clock.nowMs() + RESTORE_MS;
    const isBack = () => this.#leg.last?.to === true && !this.#leg.last.from;
    while (!isBack() && clock.nowMs() < endMs) await clock.sleep(TICK_MS);
    return this.#ended(harm, isBack());
  }

  #ended(harm: string | null, restored: boolean): Drilled {
    const { elasticIp, leased } = this.#plan;
    const { probeTitle: probe } = this.#options;
    return {
      ...{ elasticIp, leased, harm, restored, probe },
      startedAtMs: Math.round(this.#startedAtMs),
      legs: this.#legs,
    };
  }
}
