// Runs a share of the stories on one core.
import { play } from "../../tests/support/simulation/scenario.ts";
import { writeGroupStory } from "../../tests/support/simulation/group_story.ts";
import { writeLeaseStory } from "../../tests/support/simulation/lease_story.ts";
import { writeStory } from "../../tests/support/simulation/story.ts";

/** Seeds from the first up to, but not including, the last. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** A seed whose story broke a rule. */
export interface Broken {
  readonly seed: number;
  /** Which of its stories. */
  readonly kind: string;
  readonly violation: string;
}

/** The stories of each seed, by the flag that replays them. */
export const STORIES: Readonly<Record<string, (seed: number) => string>> = {
  alone: writeStory,
  group: writeGroupStory,
  lease: writeLeaseStory,
};

declare const self: {
  onmessage: ((event: MessageEvent<Range>) => void) | null;
  postMessage(message: Broken[]): void;
};

if (typeof self !== "undefined") {
  self.onmessage = async ({ data: { from, to } }) => {
    const broken: Broken[] = [];
    for (let seed = from; seed < to; seed++) {
      for (const [kind, write] of Object.entries(STORIES)) {
        const { violation } = await play(write(seed));
        if (violation !== null) broken.push({ seed, kind, violation });
      }
    }
    self.postMessage(broken);
  };
}
