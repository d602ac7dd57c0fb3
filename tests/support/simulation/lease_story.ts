// A seeded story with a lease: the story of that seed, with faults of the store besides.
import { between, seededRandom } from "./prng.ts";
import { writeGroupStory } from "./group_story.ts";
import { writeStory } from "./story.ts";

/** Share of stories whose Elastic IPs move together. */
const GROUP_SHARE = 0.15;
/** Share of stories in which the changes of one node are held back on their way to the store. */
const HELD_SHARE = 0.3;
/** Faults end with the story's faults. */
const FAULTS_MS = 45_000;
const FAULTS = ["down", "down", "down", "fails", "lost", "late", "slow", "silent", "behind"];

const CUT_OFF = ["store down", "store down", "kill", "stop", "demote"];

/** Writes the lease's story of a seed. */
export function writeLeaseStory(seed: number): string {
  const roll = seededRandom(seed ^ 0x1ea5e);
  const text = roll() < GROUP_SHARE ? writeGroupStory(seed) : writeStory(seed);
  const [cluster = "", ...rest] = text.split("\n");
  const names = [...cluster.matchAll(/ ([a-i])=\d/g)].map(([, name = ""]) => name);
  const ttl = [3, 5, 10][between(roll, 0, 2)];
  // An original node knows no lease, and one that is not in the list holds by other rules.
  const withoutHeartbeats = !cluster.includes(" together=") && roll() < 0.25;
  const header = `${cluster.replaceAll("/plain", "").replace(" exclusive", "")} lease=${ttl}s` +
    (roll() < 0.3 ? " lease-failsafe=false" : "") + (withoutHeartbeats ? " heartbeats=none" : "");
  const pick = <T>(list: readonly T[]): T => list[between(roll, 0, list.length - 1)]!;
  const faults = Array.from({ length: between(roll, 1, 8) }, () => {
    const atMs = between(roll, 3_000, FAULTS_MS - 500), at = `at ${atMs}ms`;
    const name = pick(names),
      until = `at ${Math.min(atMs + between(roll, 200, 8_000), FAULTS_MS)}ms`;
    return pick([
      `store ${pick(FAULTS)} ${name} ${at}`,
      `store ${pick(FAULTS)} ${name} ${at}`,
      `store ${pick(FAULTS)} ${at}`,
      `store away ${at}`,
      `store ok ${at}`,
      `store ok ${name} ${at}`,
      `store away ${at}\nstore ${pick(["ok", "expired"])} ${until}`,
      // What was sent in time is carried out late, and perhaps the sender is cut off or dies.
      `cloud late ${name} ${at}\n${pick(CUT_OFF)} ${name} ${until}`,
      `cloud late ${name} ${at}\ndetach ${name} ${at}\n${pick(CUT_OFF)} ${name} ${until}`,
      `cloud late ${at}`,
      `suspend ${name} ${at} for ${between(roll, 500, 30_000)}ms`,
      `store down ${name} ${at}\ncloud hangs ${name} ${at}`,
      `pause ${name} ${at} for ${between(roll, 1_000, 25_000)}ms`,
      `kill ${name} ${at}`,
      `start ${name} ${at}`,
    ]);
  });
  // A separate generator, so that the rest of a seed's story does not change.
  const held = seededRandom(seed ^ 0x4e1d);
  if (held() < HELD_SHARE) {
    const name = names[between(held, 0, names.length - 1)];
    faults.push(`store held ${name} at ${between(held, 0, FAULTS_MS - 500)}ms`);
  }
  const usable = rest.filter((line) => !/^(leave|hide|forge) /.test(line));
  const mend = usable.findIndex((line) => line.startsWith("run "));
  return [header, ...usable.slice(0, mend), ...faults, ...usable.slice(mend)].join("\n");
}
