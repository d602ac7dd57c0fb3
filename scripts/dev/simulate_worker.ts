// Runs a share of the stories on one core.
import { play } from "../../tests/support/simulation/scenario.ts";
import { writeGroupStory } from "../../tests/support/simulation/group_story.ts";
import { writeStory } from "../../tests/support/simulation/story.ts";

/** Seeds from the first up to, but not including, the last. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** A seed whose story broke a rule. */
export interface Broken {
  readonly seed: number;
  /** In the story of a group. */
  readonly group: boolean;
  readonly violation: string;
}

declare const self: {
  onmessage: ((event: MessageEvent<Range>) => void) | null;
  postMessage(message: Broken[]): void;
};

if (typeof self !== "undefined") {
  self.onmessage = async ({ data: { from, to } }) => {
    const broken: Broken[] = [];
    for (let seed = from; seed < to; seed++) {
      for (const group of [false, true]) {
        const story = group ? writeGroupStory(seed) : writeStory(seed);
        const { violation } = await play(story);
        if (violation !== null) broken.push({ seed, group, violation });
      }
    }
    self.postMessage(broken);
  };
}
