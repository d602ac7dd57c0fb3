// Copies of the program, each with one rule broken. The checkers must catch every one of them, or they would not catch
// the same mistake in a later change.
import { writeLeaseStory } from "./lease_story.ts";
import { writeGroupStory } from "./group_story.ts";
import { writeStory } from "./story.ts";
import type { play } from "./scenario.ts";

/** One rule, and how to break it. */
export interface Mutant {
  readonly rule: string;
  readonly file: string;
  /** The text that implements the rule, and its replacement. */
  readonly swap: readonly [string, string];
  /** The same for a second line that implements it, in that file if it is another one. */
  readonly also?: readonly [string, string, string?];
  /** The stories in which the mutant can show; all when left out. */
  readonly only?: RegExp;
  /** A seed that showed it once, to be tried first. */
  readonly shownBy?: number;
  /** It can show only in stories with a lease. */
  readonly lease?: boolean;
  /** It can show only in stories of Elastic IPs that move together. */
  readonly group?: boolean;
}

/** Heartbeats are signed; an attacker replays recordings; an attacker forges heartbeats of a node that is cut off. */
const SIGNED = / signed/, REPLAYED = /^(replay|playback|withhold) /m, FORGED = /^forge /m;
/** An attacker delays the heartbeats of a peer that spoke while a node slept. */
const ASLEEP = /^suspend b at 60s [^]*^withhold /m;

/** The rules that failover depends on. */
export const MUTANTS: readonly Mutant[] = [
  {
    rule: "listen for the hold-off before anything is decided",
    file: "election/step.ts",
    swap: [
      "settledAtMs: peers && heartbeats ? atMs + holdOffMs(settings) :",
      "settledAtMs: peers && heartbeats ? atMs :",
    ],
  },
  {
    rule: "after a sleep judge nobody",
    file: "election/step.ts",
    swap: ["const slept = ", "const slept = false && "],
    shownBy: 28,
  },
  {
    rule: "a peer is dead only after the dead time",
    file: "election/peer.ts",
    swap: ["return intervalMs * deadRatio;", "return intervalMs * 1.5;"],
  },
  {
    rule: "only a better node goes before us",
    file: "election/peer.ts",
    swap: ["return one.priority < other.priority;", "return one.priority > other.priority;"],
  },
  {
    rule: "the unhealthy make way for the healthy",
    file: "election/peer.ts",
    swap: ["if (one.unhealthy !== other.unhealthy) return other.unhealthy;", ""],
  },
  {
    rule: "a drained node makes way",
    file: "election/aside.ts",
    swap: ["return healthy && aside === null;", "return healthy;"],
    only: /^(drain|demote) /m,
    shownBy: 27,
  },
  {
    rule: "attach before anything is taken from the dead",
    file: "ownership/step.ts",
    swap: ["|| holding !== true || detaching", "|| detaching"],
    shownBy: 43,
  },
  {
    rule: "give up only what a successor has",
    file: "ownership/step.ts",
    swap: ["return holding === true && confirmed !== null", "return holding === true"],
  },
  {
    rule: "one call at a time",
    file: "ownership/step.ts",
    swap: ["if (state[slot].inFlight) return null;", ""],
  },
  {
    rule: "one eviction per death",
    file: "ownership/observe.ts",
    swap: ["demandProof(settle(state.evictions, instanceId, atMs), atMs)", "state.evictions"],
    shownBy: 7,
  },
  {
    rule: "leave the address with a holder that may be a peer whose name cannot be resolved",
    file: "election/desired_state.ts",
    swap: ["const doubt = inDoubt(state.missing);", "const doubt = false;"],
    shownBy: 18,
  },
  {
    rule: "no recording pushes out the process that is believed",
    file: "election/accept.ts",
    swap: [
      'return echoedAtMs !== null && echoedAtMs > (proof?.sinceMs ?? -Infinity) ? null : "unproven";',
      "return null;",
    ],
    only: REPLAYED,
    shownBy: 112,
  },
  {
    rule: "another process of a peer takes the place of the one that is believed",
    file: "election/accept.ts",
    swap: ["echoedAtMs > (proof?.sinceMs ?? -Infinity) ? null", "proof === null ? null"],
    only: SIGNED,
    shownBy: 33,
  },
  {
    rule: "within a run only what rises is believed",
    file: "election/accept.ts",
    swap: ['if (trailer.sequence <= proof.sequence) return "replayed";', ""],
    only: REPLAYED,
    shownBy: 53,
  },
  {
    rule: "a signed peer that does not hear us any more lives on",
    file: "election/accept.ts",
    swap: [
      'return echoedAtMs !== null || lateMs <= mostMs ? null : "unproven";',
      'return echoedAtMs !== null ? null : "unproven";',
    ],
    only: SIGNED,
  },
  {
    rule: "a peer must be heard for a while before its silence is a death",
    file: "election/peer.ts",
    swap: ["return beats >= BEATS && heardAtMs - aliveSinceMs >= trialMs;", "return true;"],
    only: FORGED,
  },
  {
    rule: "after each death that takes twice as long",
    file: "election/peer.ts",
    swap: [
      "const doublings = Math.min(deathsAtMs.length - DEATHS_FREE, DOUBLINGS_MAX);",
      "const doublings = 0;",
    ],
    only: FORGED,
  },
  {
    rule: "nothing is taken from a peer that is heard",
    file: "ownership/evictions.ts",
    swap: ["if (alive.includes(instanceId)) continue;", ""],
    also: [
      "const ended = alive.filter((id) => evictions.has(id) && again(id));",
      "const ended = [];",
    ],
    only: SIGNED,
  },
  {
    rule: "a process that has proved nothing is told what to prove itself with",
    file: "election/accept.ts",
    swap: [
      "const met = meet(known.met, heartbeat.trailer, { intervalMs, atMs });",
      "const { met } = known;",
    ],
    only: SIGNED,
  },
  {
    rule: "a clock that stood still leaves no time in which what is held back counts",
    file: "election/accept.ts",
    swap: ["return fresh || ahead ?", "return fresh ?"],
    only: ASLEEP,
  },
  {
    rule: "only who hears us now can be a machine with our own id",
    file: "election/twin.ts",
    swap: [
      "if (mark !== null && !proves(heard, state, atMs)) return suspecting(state, { from, mark }, atMs);",
      "",
    ],
    only: REPLAYED,
    shownBy: 92,
  },
  {
    rule: "look again now and then",
    file: "ownership/observe.ts",
    swap: ["{ ...landed, looksAtMs: [nextLook] }", "landed"],
    only: /^(attach|detach) /m,
    shownBy: 382,
  },
  {
    rule: "a failed call is repeated",
    file: "ownership/state.ts",
    swap: [
      "notBeforeMs: retryAtMs(slot, { ...setback, startedAtMs }, atMs)",
      "notBeforeMs: Infinity",
    ],
    shownBy: 7,
  },
  {
    rule: "of a group nothing is given up before all is confirmed",
    file: "node/group.ts",
    swap: ["agreed.every(({ holding, confirmed })", "agreed.some(({ holding, confirmed })"],
    group: true,
    shownBy: 210,
  },
  {
    rule: "a group is held when all of it is held",
    file: "node/group.ts",
    swap: [
      "holding: rest.every((holding) => holding === first) ? first : null,",
      "holding: there.some(({ holding }) => holding === true),",
    ],
    group: true,
    shownBy: 8,
  },
  {
    rule: "the owner of a lease takes the address from all others before it attaches",
    file: "ownership/breaking.ts",
    swap: [
      "const nobody = isClean(terms, state) || state.others.length === 0;",
      "const nobody = true;",
    ],
    lease: true,
  },
  {
    rule: "a lease that was not released to us is no reason to trust",
    file: "lease/step.ts",
    swap: ["const clean = releasedTo === wish.self;", "const clean = true;"],
    lease: true,
  },
  {
    rule: "a renewal counts from when it was sent",
    file: "lease/step.ts",
    swap: ["renewedAtMs: startedAtMs }", "renewedAtMs: now.atMs }"],
    // The last third of the lease's time would hide it.
    also: ["return ttlMs * 2 / 3;", "return ttlMs;", "lease/state.ts"],
    shownBy: 149,
    lease: true,
  },
  {
    rule: "a lease is timed by the monotonic clock",
    file: "../../tests/support/simulation/cluster.ts",
    swap: [
      "nowMs: () => timeline.nowMs + machine.aheadMs,",
      "nowMs: () => timeline.nowMs + machine.aheadMs + machine.wallOffsetMs,",
    ],
    also: [
      "const planned = atMs - aheadMs;",
      "const planned = atMs - aheadMs - machine.wallOffsetMs;",
    ],
    only: /^clock .* back (?!.*signed)/m,
    lease: true,
  },
  {
    rule: "a lease that is not renewed is lost",
    file: "lease/state.ts",
    swap: ["lease.tenure.renewedAtMs + lossMs(lease);", "Infinity;"],
    lease: true,
  },
  {
    rule: "what the owner of a lease sends expires with it",
    file: "lease/state.ts",
    swap: [
      "endsAtMs: Math.min(leaseEndsAtMs, atMs + CHANGE_LIFETIME_MS) };",
      "endsAtMs: Infinity };",
    ],
    shownBy: 108,
    lease: true,
  },
  {
    rule: "the lease is given up only once the address is detached",
    file: "node/under_lease.ts",
    swap: ['desired.intent === "release" && detached', 'desired.intent === "release"'],
    lease: true,
    shownBy: 6,
  },
  {
    rule: "the lease is kept while a change that was sent may yet arrive",
    file: "node/under_lease.ts",
    swap: ["const giveUp = tied ? null : givingUp(", "const giveUp = givingUp("],
    shownBy: 61,
    lease: true,
  },
  {
    rule: "a successor is told that nobody holds only if nobody does",
    file: "node/under_lease.ts",
    swap: ["return { to: alone ? heir : null };", "return { to: heir };"],
    shownBy: 384,
    lease: true,
  },
  {
    rule: "without the store only those who hear every peer go on",
    file: "node/under_lease.ts",
    swap: ["if (!peer.alive) return `peer ${titleOf(peer)} is not heard`;", ""],
    shownBy: 245,
    lease: true,
  },
];

/** The first seed whose story catches the broken rule, null if none does. */
export async function caughtBy(
  { file, swap, also, only, group, lease, shownBy }: Mutant,
  seeds: Iterable<number>,
): Promise<{ seed: number; violation: string } | null> {
  const folder = await Deno.makeTempDir({ prefix: "exoip-mutant-" });
  try {
    for (const part of ["src", "tests/support"]) {
      await copyTree(new URL(`../../../${part}/`, import.meta.url), `${folder}/${part}`);
    }
    for (const [upheld, broken, where = file] of also ? [swap, also] : [swap]) {
      const path = `${folder}/src/core/${where}`;
      const text = await Deno.readTextFile(path);
      if (text.split(upheld).length !== 2) throw new Error(`${where} has not once: ${upheld}`);
      await Deno.writeTextFile(path, text.replace(upheld, broken));
    }
    const copy = await import(`file://${folder}/tests/support/simulation/scenario.ts`);
    const playCopy: typeof play = copy.play;
    for (const seed of shownBy === undefined ? seeds : [shownBy, ...seeds]) {
      const story = lease
        ? writeLeaseStory(seed)
        : group
        ? writeGroupStory(seed)
        : writeStory(seed);
      if (only && !only.test(story)) continue;
      const { violation } = await playCopy(story);
      // A copy that crashes proves nothing about the checkers.
      if (violation?.includes(" ms core: ")) throw new Error(`the copy broke down: ${violation}`);
      if (violation !== null) return { seed, violation };
    }
    return null;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function copyTree(from: URL, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyTree(new URL(`${name}/`, from), `${to}/${name}`);
    else await Deno.copyFile(new URL(name, from), `${to}/${name}`);
  }
}
