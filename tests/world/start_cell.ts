// One row of the second table: names are faulty from the beginning, and all modes are started.
import { ExoipProcess } from "../support/process.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { FIRST_LIMIT_MS, PER_SECOND_LIMIT } from "./cluster_cell.ts";
import { curlMs } from "./control.ts";
import type { Arrival } from "./front.ts";
import { Laboratory } from "./laboratory.ts";
import { firstGoodAtMs, hasKey, mostWithin } from "./measure.ts";
import { mendNames, type NameFault } from "./name_faults.ts";
import { storyOf } from "./story.ts";
import { pause } from "../support/until.ts";

/** The modes, each on a machine of its own. */
export const STARTED = ["-W", "-A", "-D", "--doctor"] as const;
type Started = typeof STARTED[number];

/** If no route works at first, one works from then on. */
const MENDED_AFTER_MS = 15_000;
/** How long the effects are watched. */
const WATCHED_MS = 30_000;
/** Time until a process runs, on a busy machine, and duration of -A's calls. */
const STARTING_MS = 2_000, CALLS_MS = 8_000;

/** The measured figures of one process. */
export interface StartFigures {
  /** From the moment with a working route to the first good request. */
  readonly firstMs: number | null;
  /** From the moment with a working route to its end, null while it runs. */
  readonly endedMs: number | null;
  readonly code: number | null;
  readonly perSecond: number;
}

/** A row. */
export interface StartResult {
  readonly fault: string;
  readonly figures: Readonly<Record<Started, StartFigures>>;
  readonly curlMs: number | null;
  readonly broken: readonly string[];
  readonly story: string;
}

/** Runs the row. */
export async function runStartCell(fault: NameFault): Promise<StartResult> {
  await using lab = await Laboratory.create({ ...fault.setup, nodes: STARTED.length, probes: 1 });
  await fault.begin(lab);
  const startedAtMs = performance.now();
  const processes = STARTED.map((what, index) => start(lab, { what, machine: index + 1 }));
  const ends = processes.map((process) => process.ended().then(() => performance.now()));
  const endedAtMs: (number | null)[] = processes.map(() => null);
  ends.forEach((end, index) => void end.then((atMs) => endedAtMs[index] = atMs));
  try {
    if (!fault.hasConnectivity) {
      await pause(MENDED_AFTER_MS);
      await mendNames(lab, fault);
    }
    const connectedAtMs = performance.now();
    const control = curlMs(lab, STARTED.length + 1);
    await pause(WATCHED_MS);
    const curl = await control;
    const of = (machine: number): Arrival[] =>
      lab.front.arrivals.filter(({ from }) => lab.machineOf(from) === machine);
    const rows = STARTED.map((what, index): [Started, StartFigures] => {
      const arrivals = of(index + 1), ended = endedAtMs[index] ?? null;
      const first = firstGoodAtMs(arrivals, startedAtMs);
      return [what, {
        firstMs: first === null ? null : Math.max(0, first - connectedAtMs),
        endedMs: ended === null ? null : ended - connectedAtMs,
        code: processes[index]?.code ?? null,
        perSecond: mostWithin(arrivals.filter(hasKey), 1000),
      }];
    });
    const figures = Object.fromEntries(rows) as Record<Started, StartFigures>;
    const outputs = Object.fromEntries(
      STARTED.map((what, index) => [what, processes[index]?.output ?? ""]),
    ) as Record<Started, string>;
    const broken = STARTED.flatMap((what) =>
      limitsBroken(what, { fault, figures: figures[what], output: outputs[what] })
        .map((each) => `${what}: ${each}`)
    );
    const lines = processes.flatMap((process, index) =>
      process.lines.map(({ atMs, text }) => ({ atMs, text: `${STARTED[index]}: ${text}` }))
    );
    const story = storyOf(lab, { startedAtMs, beganAtMs: startedAtMs, connectedAtMs, lines });
    return { fault: fault.title, figures, curlMs: curl, broken, story };
  } finally {
    for (const process of processes) process.signal("SIGKILL");
    await Promise.all(ends);
  }
}

/** Starts one of them for an Elastic IP of its own. */
function start(
  lab: Laboratory,
  { what, machine }: { what: Started; machine: number },
): ExoipProcess {
  const { model } = lab.cluster.server;
  const { id } = lab.cluster.node(machine).instance;
  const address = model.addAddress(`198.51.100.${100 + machine}`);
  if (what === "-D") address.holders.add(id);
  const watching = ["-W", "--doctor"].includes(what);
  return new ExoipProcess([
    ...[what, "-O", "-xi", address.ip, "-i", id, ...lab.args],
    ...watching
      ? ["-p", lab.network.address(machine % 2 + 1), "-P", "10", "--reconcile-interval", "5"]
      : [],
    ...what === "--doctor" ? ["--json"] : [],
  ], {
    env: {
      IF_EXOSCALE_API_KEY: SIM_KEY,
      IF_EXOSCALE_API_SECRET: SIM_SECRET,
      ...lab.envOf(machine),
    },
    wrap: lab.network.wrap(machine),
  });
}

function limitsBroken(
  what: Started,
  { fault, figures, output }: { fault: NameFault; figures: StartFigures; output: string },
): string[] {
  const { firstMs, endedMs, code, perSecond } = figures;
  const shown = (ms: number | null) => ms === null ? "never" : `${(ms / 1000).toFixed(1)} s`;
  const broken: string[] = [];
  if (perSecond > PER_SECOND_LIMIT) broken.push(`${perSecond} requests within a second`);
  const gaveUp = code !== null && firstMs === null;
  // An answer that the name does not exist, or that leads to another server, need not be waited out.
  const mayGiveUp = !fault.hasConnectivity && (what === "--doctor" || fault.isPlain === true);
  if (gaveUp && mayGiveUp && what !== "-W") {
    if (code === 0) broken.push("exit code 0");
    if (!/name|resolv|certificate/i.test(output)) broken.push("does not say what was wrong");
    return broken;
  }
  const limitMs = FIRST_LIMIT_MS + STARTING_MS;
  if (firstMs === null || firstMs > limitMs) broken.push(`first good request: ${shown(firstMs)}`);
  if (what === "-W" && code !== null) broken.push(`ended with ${code}`);
  if (what === "-A" || what === "-D") {
    if (code !== 0) broken.push(`exit code ${code}`);
    else if (endedMs === null || endedMs > limitMs + CALLS_MS) {
      broken.push(`ended: ${shown(endedMs)}`);
    }
  }
  // Without a route at first, the doctor may have checked too early.
  if (what === "--doctor" && fault.hasConnectivity) broken.push(...doctorsMistakes(output));
  return broken;
}

/** The doctor must report no problem of the connection to the cloud, if curl can use it. */
function doctorsMistakes(output: string): string[] {
  try {
    const { findings } = JSON.parse(output) as { findings: Record<string, string>[] };
    const cloud = findings.filter(({ check }) => check === "cloud");
    if (cloud.length === 0) return ["has no word on the cloud"];
    const said = cloud.map(({ text }) => text).join("\n");
    if (!/: HTTP\/(1\.1|2) (at|through) /.test(said)) return [`names no protocol: ${said}`];
    return cloud.filter(({ mark }) => mark === "fail")
      .map((finding) => `says ${JSON.stringify(finding)}`);
  } catch {
    return [`printed no JSON: ${output.slice(0, 200)}`];
  }
}
