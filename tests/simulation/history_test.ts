// The record of a node that lives through everything, against the truth of the cloud: within what a node can know.
import { assert } from "@std/assert";
import type { Node } from "../../src/core/node/state.ts";
import { HistoryRecorder } from "../../src/status/history/recorder.ts";
import { addressHistory, type Mark } from "../../src/status/history/view.ts";
import { type Gap, HolderTimeline } from "../support/holder_timeline.ts";
import { NODE_SETTINGS } from "../support/node_settings.ts";
import { SimCluster } from "../support/simulation/cluster.ts";
import { seededRandom } from "../support/simulation/prng.ts";

const SEEDS = 12;
/** Length of one story. */
const STORY_MS = 600_000;
/** How often the truth is read. */
const STEP_MS = 50;
/** The last heartbeat of a holder is at most an interval older than its death; its next words come as late. */
const SLACK_MS = NODE_SETTINGS.intervalMs * 1.5 + STEP_MS;

/** What the cloud knew, and what the witness wrote down. */
interface Story {
  readonly gaps: readonly Gap[];
  readonly outages: readonly Mark[];
  readonly totals: { unheldMs: number; twoHoldersMs: number };
  readonly unheldMs: number;
}

/** Three nodes; the two better ones crash and come back, the third one lives and writes. */
async function story(seed: number): Promise<Story> {
  const random = seededRandom(seed);
  const cluster = new SimCluster({ random });
  const [a, b, witness] = [10, 20, 30].map((priority, index) =>
    cluster.add("abw"[index]!, { ...NODE_SETTINGS, priority })
  ) as [
    ReturnType<SimCluster["add"]>,
    ReturnType<SimCluster["add"]>,
    ReturnType<SimCluster["add"]>,
  ];
  const history: { atMs: number; holders: string[] }[] = [];
  const timeline = new HolderTimeline(history as never);
  const recorder = new HistoryRecorder(NODE_SETTINGS.elasticIp, { atMs: 0 });
  let before: Node | null = null;
  cluster.observers.push({
    stepped(machine, core) {
      if (machine !== witness) return;
      recorder.observe(before, core, cluster.timeline.nowMs);
      before = core;
    },
  });
  for (const machine of [a, b, witness]) cluster.start(machine);
  let nextMs = 20_000;
  while (cluster.timeline.nowMs < STORY_MS) {
    await cluster.run(STEP_MS);
    const nowMs = cluster.timeline.nowMs, holders = [...cluster.cloud.holders];
    if (holders.join() !== history.at(-1)?.holders.join()) history.push({ atMs: nowMs, holders });
    // The last crash is noticed before the end.
    if (nowMs < nextMs || nowMs > STORY_MS - 30_000) continue;
    const victim = random() < 0.5 ? a : b;
    if (victim.agent === null) {
      cluster.start(victim);
      timeline.mark(victim.instanceId, "alive", nowMs);
    } else {
      cluster.kill(victim);
      timeline.mark(victim.instanceId, "dead", nowMs);
    }
    nextMs = nowMs + 15_000 + random() * 20_000;
  }
  const nowMs = cluster.timeline.nowMs;
  const { marks } = addressHistory(NODE_SETTINGS.elasticIp, recorder, {
    nowMs,
    wallMs: nowMs,
    nameOf: () => null,
  });
  const of = (kind: Mark["kind"]) => marks.filter((mark) => mark.kind === kind);
  const gaps = timeline.gaps().filter(({ fromMs }) => fromMs > 10_000);
  const totals = recorder.totals(nowMs);
  const outages = of("outage").filter(({ fromMs }) => fromMs > 10_000);
  const unheldMs = of("outage").reduce((sum, { lastedMs }) => sum + lastedMs, 0);
  return { gaps, outages, totals, unheldMs };
}

const overlaps = (one: Gap, other: Gap, slackMs: number) =>
  one.fromMs - slackMs <= (other.toMs ?? Infinity) &&
  other.fromMs - slackMs <= (one.toMs ?? Infinity);

Deno.test(`in ${SEEDS} stories of crashes, a witness writes down every outage, no other, and how long it took`, async () => {
  let count = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { gaps, outages, totals, unheldMs } = await story(seed);
    for (const gap of gaps) {
      const found = outages.find((mark) => overlaps(gap, mark, 0));
      assert(found, `seed ${seed}: nobody held from ${gap.fromMs} to ${gap.toMs}, unwritten`);
      assert(
        Math.abs(found.fromMs - gap.fromMs) <= SLACK_MS,
        `seed ${seed}: begins at ${found.fromMs}, in truth ${gap.fromMs}`,
      );
      const late = Math.abs((found.toMs ?? Infinity) - (gap.toMs ?? Infinity));
      assert(
        late <= SLACK_MS || found.toMs === gap.toMs,
        `seed ${seed}: ends at ${found.toMs}, in truth ${gap.toMs}`,
      );
      assert(found.causes.length > 0, `seed ${seed}: it has a cause`);
      count += 1;
    }
    for (const mark of outages) {
      const true_ = gaps.some((gap) => overlaps(gap, mark, SLACK_MS));
      assert(true_, `seed ${seed}: an outage at ${mark.fromMs} that was none`);
    }
    assert(Math.abs(totals.unheldMs - unheldMs) < 1, `seed ${seed}: the metric agrees`);
  }
  assert(count >= SEEDS * 3, `${count} outages`);
});
