// A seeded story of Elastic IPs that move together: the story of that seed, with two or three addresses and with faults
// that concern one of them.
import { between, seededRandom } from "./prng.ts";
import { writeStory } from "./story.ts";

/** Share of the cloud's faults, and of an operator's changes, that concern one address. */
const ONE_SHARE = 0.7;

/** Writes the group's story of a seed. */
export function writeGroupStory(seed: number): string {
  const roll = seededRandom(seed ^ 0x6709);
  const count = between(roll, 2, 3);
  const [cluster = "", ...rest] = writeStory(seed).split("\n");
  // An original node serves one address, and only the pure core can be given several clouds here.
  const header = `${cluster.replaceAll("/plain", "").replace(" loop", "")} together=${count}`;
  const lines = rest.flatMap((line) => {
    if (!/^(cloud|attach|detach) /.test(line) || roll() >= ONE_SHARE) return [line];
    const on = `on ${between(roll, 1, count)}`;
    const one = line.replace(/ at (\d+)ms$/, ` ${on} at $1ms`);
    return roll() < 0.1 ? [one, one.replace(/^.* on (\d+)/, "release on $1")] : [one];
  });
  return [header, ...lines].join("\n");
}
