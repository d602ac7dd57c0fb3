// One seeded story: a random cluster with random faults, written as a scenario. A seed always gives the same text, and
// the text the same course of events.
import { between, seededRandom } from "./prng.ts";

/** Time in which faults happen. */
const FAULTS_MS = 45_000;
/** Share of stories that run the whole loop. */
const LOOP_SHARE = 0.1;
/** Share of stories in which an attacker forges heartbeats of a node that another one cannot hear. */
const FORGED_SHARE = 0.05;
/** Share of stories in which, after a sleep of ours, a peer that does not hear us is replayed. */
const ASLEEP_SHARE = 0.02;
/** Duration of the forging: deaths are remembered for 64 dead times. */
const FORGED_MS = 400_000;
/** Share of stories in which an operator demotes, drains and promotes nodes. */
const OPERATED_SHARE = 0.4;
/** Share of stories with signed heartbeats and an attacker. */
const SIGNED_SHARE = 0.4;
/** Share of stories in which each machine is in two networks. */
const TWO_SHARE = 0.3;
/** The attacks continue after everything else is mended. */
const ATTACKS_MS = 400_000;

/** Makes random choices. */
class Dice {
  readonly roll: () => number;

  constructor(seed: number) {
    this.roll = seededRandom(seed);
  }

  /** True with that probability. */
  chance(share: number): boolean {
    return this.roll() < share;
  }

  /** A whole number from `low` to `high`, both included. */
  number(low: number, high: number): number {
    return between(this.roll, low, high);
  }

  /** One of the choices. */
  pick<T>(choices: readonly T[]): T {
    const chosen = choices[this.number(0, choices.length - 1)];
    if (chosen === undefined) throw new Error("nothing to choose from");
    return chosen;
  }
}

/** Writes the story of a seed. */
export function writeStory(seed: number): string {
  const dice = new Dice(seed);
  const kind = new Dice(seed ^ 0xf04d).roll();
  if (kind < FORGED_SHARE) return forgedStory(dice, seed);
  if (kind < FORGED_SHARE + ASLEEP_SHARE) return asleepStory(dice, seed);
  const names = "abcdefghi".slice(0, dice.pick([2, 2, 3, 3, 3, 4, 5, 6, 9])).split("");
  const faults = Array.from({ length: dice.number(3, 14) }, () => {
    const atMs = dice.number(5_000, FAULTS_MS - 500);
    return { atMs, text: faultOf(dice, { names, atMs }) };
  }).sort((one, other) => one.atMs - other.atMs);
  const cluster = clusterOf(dice, { names, seed });
  const starts = names.map((name) => `start ${name} at ${dice.number(0, 5_000)}ms`);
  // Separate generators, so that the rest of a seed's story does not change.
  const operator = new Dice(seed ^ 0xd4a1);
  const requests = operator.chance(OPERATED_SHARE) ? requestsOf(names, operator) : [];
  const network = `network ${conditions(dice)} at 0s`;
  const second = new Dice(seed ^ 0x5eed);
  const signs = second.chance(SIGNED_SHARE) && !cluster.includes("/plain");
  const third = new Dice(seed ^ 0x2ae7);
  const two = third.chance(TWO_SHARE);
  const words = [cluster, ...(signs ? ["signed"] : []), ...(two ? ["two"] : [])];
  const texts = faults.map(({ text }) => text);
  return [
    words.join(" "),
    ...starts,
    network,
    ...texts,
    ...requests,
    ...(signs ? attacksOn(names, second) : []),
    ...(two ? faultsOfPaths(third, { names, texts, signs }) : []),
    `run ${FAULTS_MS}ms`,
    "mend",
    "settle",
  ].join("\n");
}

/**
 * Unsigned heartbeats, a broken network between two living nodes, and an attacker who forges heartbeats of the first
 * one: single ones, and lives that are just long enough to end in a death, or just too short.
 */
function forgedStory(dice: Dice, seed: number): string {
  const intervalMs = dice.pick([500, 1_000]), ratio = dice.number(3, 4);
  const deadMs = intervalMs * ratio;
  const lines: string[] = [];
  for (let atMs = dice.number(30_000, 40_000); atMs < FORGED_MS;) {
    const deadTimes = dice.pick([0, 0, 0.5, 0.5, 0.6, 1, 2, 2, 2.1, 4, 4.1, 8]);
    const paces = Math.ceil(deadTimes * deadMs / dice.number(0.3 * deadMs, 0.99 * deadMs));
    const priority = dice.pick([1, 200]);
    for (let beat = 0; beat <= paces; beat++) {
      const inMs = paces === 0 ? 0 : Math.round(deadTimes * deadMs * beat / paces);
      lines.push(`forge a>b P=${priority}${dice.chance(0.8) ? " holds" : ""} at ${atMs + inMs}ms`);
    }
    atMs += Math.round(deadTimes * deadMs) + deadMs + dice.number(1, 40_000);
  }
  return [
    `cluster a=10 b=20 c=30 interval=${intervalMs}ms ratio=${ratio} api=5ms ` +
    `operation=${dice.pick([0, 500])}ms reconcile=${dice.pick([5, 30])}s chance=${seed}`,
    "cut a b at 20s",
    ...(dice.chance(0.5) ? ["cut a c at 20s"] : []),
    ...lines,
    `run ${FORGED_MS}ms`,
    "mend",
    "settle",
  ].join("\n");
}

/**
 * A machine and its clock are suspended while a peer speaks that no longer hears it. Then an attacker delays the peer's
 * heartbeats, by less than the suspension lasted, and the peer dies: it must not seem alive for long.
 */
function asleepStory(dice: Dice, seed: number): string {
  const sleptMs = dice.number(100_000, 400_000), wokeAtMs = 60_000 + sleptMs;
  const heldAtMs = wokeAtMs + dice.number(2_000, 20_000);
  const heldMs = dice.number(70_000, sleptMs), livesMs = dice.number(120_000, 200_000);
  return [
    `cluster a=10 b=20 interval=1s ratio=3 chance=${seed} signed`,
    `cut b>a at ${dice.number(20_000, 40_000)}ms`,
    `suspend b at 60s for ${sleptMs}ms`,
    `withhold a>b at ${heldAtMs}ms for ${heldMs}ms`,
    `kill a at ${heldAtMs + livesMs}ms`,
    `run ${heldAtMs + heldMs + livesMs}ms`,
    "mend",
    "settle",
  ].join("\n");
}

/** An operator makes nodes stand aside and takes part of that back, beside all the faults. */
function requestsOf(names: readonly string[], dice: Dice): string[] {
  return Array.from({ length: dice.number(1, 6) }, () => {
    const verb = dice.pick(["demote", "drain", "drain", "undrain", "promote"]);
    return `${verb} ${dice.pick(names)} at ${dice.number(3_000, FAULTS_MS - 500)}ms`;
  });
}

/** Attacks from the path, without the secret. */
function attacksOn(names: readonly string[], dice: Dice): string[] {
  return Array.from({ length: dice.number(0, 4) }, () => {
    const [one, other] = [dice.pick(names), dice.pick(names)];
    const atMs = dice.number(3_000, FAULTS_MS);
    const at = `at ${atMs}ms`;
    return dice.pick([
      `replay ${one}>${other} ${at} for ${dice.pick([5_000, 30_000, ATTACKS_MS])}ms`,
      `replay ${one}>${other} ${at} for ${ATTACKS_MS}ms`,
      `playback ${one}>${other} from ${dice.number(0, atMs)}ms ${at}`,
      `withhold ${one}>${other} ${at} for ${dice.number(500, 50_000)}ms`,
      `clock ${one}${dice.chance(0.5) ? " back" : ""} ${at} for ${dice.number(1, 3_600_000)}ms`,
      `suspend ${one} ${at} for ${dice.number(100, FAULTS_MS)}ms`,
    ]);
  });
}

/** Faults of the second network: some together with those of the first, some by themselves, some the other way. */
function faultsOfPaths(
  dice: Dice,
  { names, texts, signs }: {
    names: readonly string[];
    texts: readonly string[];
    signs: boolean;
  },
): string[] {
  const cuts = texts.flatMap((text) => text.split("\n")).filter((line) => line.startsWith("cut "));
  const alike = cuts.filter(() => dice.chance(0.5)).map((line) => line.replace("cut ", "cut2 "));
  const own = Array.from({ length: dice.number(0, 5) }, () => {
    const [one, other] = [dice.pick(names), dice.pick(names)];
    const at = `at ${dice.number(5_000, FAULTS_MS - 500)}ms`;
    return dice.pick([
      `cut2 ${one} ${other} ${at}`,
      `cut2 ${one}>${other} ${at}`,
      `cut ${one}>${other} ${at}\ncut2 ${other}>${one} ${at}`,
      names.filter((each) => each !== one).map((each) => `cut2 ${one} ${each} ${at}`).join("\n"),
      `heal ${at}`,
      signs ? `cross ${one}>${other} ${at} for ${dice.number(1_000, FAULTS_MS)}ms` : `heal ${at}`,
    ]);
  });
  return [...alike, ...own];
}

function clusterOf(
  dice: Dice,
  { names, seed }: { names: readonly string[]; seed: number },
): string {
  // The number of heartbeats grows with the square of the cluster: large clusters use long intervals, so that no story
  // takes much longer.
  const intervals = names.length <= 2
    ? [100, 200, 1_000]
    : names.length <= 4
    ? [500, 1_000]
    : [1_000];
  const interval = dice.pick(intervals) * (names.length > 6 ? 2 : 1);
  const nodes = names.map((name, index) => {
    const priority = dice.chance(0.3) ? 10 : 10 * (index + 1);
    return `${name}=${priority}${dice.chance(0.1) ? "/plain" : ""}/off`;
  });
  const preempt = dice.roll();
  return [
    "cluster",
    ...nodes,
    `interval=${interval}ms ratio=${dice.number(3, 5)}`,
    `api=${dice.number(1, 50)}ms operation=${dice.chance(0.5) ? 0 : dice.number(0, 2_000)}ms`,
    ...(dice.chance(0.3) ? [`stale=${dice.number(1, 1_000)}ms`] : []),
    ...(dice.chance(0.2) ? ["exclusive"] : []),
    ...(preempt < 0.8 ? [] : preempt < 0.9 ? ["preempt-delay=5s"] : ["no-preempt"]),
    ...(dice.chance(0.3) ? [`dynamic lag=${dice.chance(0.5) ? 0 : dice.number(0, 20_000)}ms`] : []),
    ...(dice.chance(LOOP_SHARE) ? ["loop"] : []),
    ...(dice.chance(0.15) ? [`move-limit=${dice.number(1, 4)}/1h`] : []),
    `chance=${seed}`,
  ].join(" ");
}

/** Loss that a dead ratio of three usually survives, and delays that reorder datagrams. */
function conditions(dice: Dice): string {
  const loss = dice.chance(0.5) ? 0 : dice.roll() * 0.2;
  const delayMs = dice.chance(0.5) ? 1 : dice.number(1, 200);
  return `loss=${loss.toFixed(3)} duplicates=${(dice.roll() * 0.1).toFixed(3)} delay=${delayMs}ms`;
}

const FAULTS = ["fails", "refuses", "hangs", "lost", "keeps", "denies", "pends", "limits"];

/** The fault at that instant; each entry of the list is equally likely. */
function faultOf(dice: Dice, { names, atMs }: { names: readonly string[]; atMs: number }): string {
  const name = dice.pick(names);
  const leftMs = FAULTS_MS - atMs;
  const at = `at ${atMs}ms`;
  const kinds: Array<() => string> = [
    () => `kill ${name} ${at}`,
    () => `poweroff ${name} ${at}`,
    () => `start ${name} ${at}`,
    () => `start ${name} ${at}`,
    () => `stop ${name} ${at}`,
    () =>
      `kill ${name} ${at}\nstart ${name} at ${atMs + dice.number(1, Math.min(4_000, leftMs))}ms`,
    () => `pause ${name} ${at} for ${dice.number(100, Math.min(15_000, leftMs))}ms`,
    () => `cut ${name} ${dice.pick(names)} ${at}`,
    () => `cut ${name}>${dice.pick(names)} ${at}`,
    () =>
      names.filter((other) => other !== name).map((other) => `cut ${name} ${other} ${at}`).join(
        "\n",
      ),
    () => `heal ${at}`,
    () => `network ${conditions(dice)} ${at}`,
    () => `cloud ${dice.pick(FAULTS)}${dice.chance(0.5) ? ` ${name}` : ""} ${at}`,
    () => `cloud ${dice.pick(FAULTS)}${dice.chance(0.5) ? ` ${name}` : ""} ${at}`,
    () => `cloud ok ${at}`,
    () => `${dice.pick(["better", "worse"])} ${name} ${at}`,
    () => {
      const forMs = dice.chance(0.5) ? dice.number(1, 10_000) : dice.number(0, 3_600_000);
      return `clock ${name}${dice.chance(0.5) ? " back" : ""} ${at} for ${forMs}ms`;
    },
    () => `${dice.pick(["attach", "detach"])} ${name} ${at}`,
    () => `${dice.pick(["leave", "join"])} ${name} ${at}`,
    () => `unhealthy ${name} ${at}`,
    () => `${dice.pick(["unhealthy", "healthy"])} ${name} ${at}`,
    () => `configure ${name} P=${10 * dice.number(1, 5)} ${at}`,
    () => `hide ${name}${dice.chance(0.3) ? " denied" : ""} ${at}`,
    () => `hide ${name}${dice.chance(0.3) ? " denied" : ""} at 0s`,
    () => `show ${name} ${at}`,
  ];
  return dice.pick(kinds)();
}
