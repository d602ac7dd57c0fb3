// The turns of two halves of a broken network that both hold: whatever each has told the other shortly before, and
// whichever of that has arrived, no two take the address from each other in the same moment.
import { assertEquals } from "@std/assert";
import { desiredStateOf } from "../../../src/core/election/desired_state.ts";
import { claimOf, LAST_PRIORITY } from "../../../src/core/election/peer.ts";
import { PASSED } from "../../../src/core/election/state.ts";
import { startElection } from "../../../src/core/election/step.ts";
import { idOf, livePeer } from "../../support/election_fixtures.ts";
import { NODE_SETTINGS } from "../../support/node_settings.ts";

/** Shortest time between two turns: the two did not fall silent for each other at the same instant. */
const APART_MS = 4_000;

/** What a node may tell of itself. */
interface Words {
  readonly own: number;
  readonly unhealthy: boolean;
  readonly holds: boolean;
}

const SAYINGS: readonly Words[] = [10, 20].flatMap((own) =>
  [false, true].flatMap((unhealthy) => [false, true].map((holds) => ({ own, unhealthy, holds })))
);

/** What a node told last, after something else or not. */
const PASTS = SAYINGS.flatMap((
  now,
) => [[now], ...SAYINGS.filter((each) => each !== now).map((before) => [before, now])]);

function advertOf({ own, unhealthy }: Words) {
  return { priority: unhealthy ? LAST_PRIORITY : own, ownPriority: own, unhealthy };
}

/** How long the node waits for its turn. */
function waitMs(
  self: { number: number; told: readonly Words[] },
  dead: { number: number; heard: Words },
  exclusive: boolean,
): number {
  const { priority, ownPriority, unhealthy } = advertOf(dead.heard);
  const knowsUs = self.told.map((words, index) => ({
    ...claimOf(advertOf(words), idOf(self.number)),
    holds: words.holds,
    untilMs: index === self.told.length - 1 ? Infinity : 4_000,
  }));
  const peer = livePeer(dead.number, {
    alive: false,
    priority,
    knowsUs,
    trailer: { holds: dead.heard.holds, ownPriority, unhealthy },
  });
  const settings = { ...NODE_SETTINGS, exclusive };
  const now = self.told.at(-1);
  const state = {
    ...startElection(settings, { atMs: 0, selfId: idOf(self.number), peers: [] }),
    priority: now?.own ?? 0,
    healthy: !now?.unhealthy,
    holding: true,
    settledAtMs: PASSED,
    elected: "master" as const,
    peers: new Map([[peer.address, peer]]),
  };
  return desiredStateOf(state).dead[0]?.waitMs ?? NaN;
}

/** What each of two nodes has told, and what of that the other has heard last. */
function* views() {
  for (const [told, heard] of PASTS.flatMap((all) => all.map((last) => [all, last] as const))) {
    for (const other of PASTS) {
      for (const back of other) yield { told, heard, other, back };
    }
  }
}

for (const exclusive of [false, true]) {
  Deno.test(`one of two halves goes first${exclusive ? ", of exclusive equals, too" : ""}`, () => {
    const together = [...views()].map(({ told, heard, other, back }) => {
      const one = waitMs({ number: 3, told }, { number: 7, heard: back }, exclusive);
      const two = waitMs({ number: 7, told: other }, { number: 3, heard }, exclusive);
      return { told, heard, other, back, one, two };
    }).filter(({ one, two }) => !(Math.abs(one - two) >= APART_MS));
    assertEquals(together.slice(0, 3), []);
  });
}
