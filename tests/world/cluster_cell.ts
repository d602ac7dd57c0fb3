// One cell of the matrix: a cluster of two, one fault, and the result.
import type { ClusterNode } from "../support/cluster.ts";
import { pause, until } from "../support/until.ts";
import { curlMs } from "./control.ts";
import type { Fault, Mode } from "./fault.ts";
import type { Arrival } from "./front.ts";
import { Laboratory } from "./laboratory.ts";
import { firstGoodAtMs, hasKey, isGood, longestSilenceMs, mostWithin } from "./measure.ts";
import { storyOf } from "./story.ts";

/** Longest time from a working route to the first good request. */
export const FIRST_LIMIT_MS = 10_000;
/** Most requests of one node that may arrive within a second. */
export const PER_SECOND_LIMIT = 5;
/** A peer is dead after 0.5 s x 6 without a heartbeat. */
const ARGS = ["-r", "6"];
const DEAD_TIME_MS = 3_000;
/** Duration of a few calls on a busy machine. */
const CALLS_MS = 3_000;
/** An idle node has no reason to ask more often. */
const LOOK_MS = 6_000;
/** curl runs on a machine besides those of the nodes. */
const CONTROL_MACHINE = 3;
/** How long the effects of a fault are watched. */
const WATCHED_MS = 25_000;
/** How long to wait for the takeover, and for its aftermath. */
const TAKE_OVER_MS = 40_000, AFTERMATH_MS = 4_000;

/** The measured figures. Null: it did not happen while it was watched. */
export interface Figures {
  /** From the moment with a working route, and a reason to ask, to the first good request of the slowest node. */
  readonly firstMs: number | null;
  /** The longest time without a good request from a watching node; 0 with the master killed. */
  readonly silenceMs: number;
  /** Time without a live holder. */
  readonly withoutHolderMs: number | null;
  /** From the death until the cloud no longer shows the address on the dead node; 0 at rest. */
  readonly onDeadMs: number | null;
  /** The most requests of one node within a second. */
  readonly perSecond: number;
  /** The requests of one node within a second of the first one to arrive after an outage. */
  readonly burst: number;
  readonly protocols: readonly string[];
  /** From the moment with a working route to curl's first answer. */
  readonly curlMs: number | null;
}

/** The result of a cell: figures, and the limits that they break. */
export interface CellResult {
  readonly fault: string;
  readonly mode: Mode;
  readonly figures: Figures;
  readonly broken: readonly string[];
  /** All events, to explain a failure. */
  readonly story: string;
}

/** The times of a cell. */
interface Instants {
  readonly startedAtMs: number;
  readonly beganAtMs: number;
  /** When the end of the outage began; without an outage, when the fault began. */
  readonly endingAtMs: number;
  /** From then on some route certainly worked. */
  readonly connectedAtMs: number;
  readonly endedAtMs: number;
}

/** Runs the cell. */
export async function runClusterCell(fault: Fault, mode: Mode): Promise<CellResult> {
  await using lab = await Laboratory.create({ ...fault.setup, probes: 1 });
  const { cluster } = lab;
  const startedAtMs = performance.now();
  await cluster.settle({ args: ARGS });
  const [one] = cluster.nodes;
  const beganAtMs = performance.now();
  if (mode === "master killed" && one) cluster.crash(one);
  const endingAtMs = await breakAndMend(lab, fault);
  const connectedAtMs = performance.now();
  const control = curlMs(lab, CONTROL_MACHINE);
  await watch(lab, { fault, mode });
  const instants = {
    startedAtMs,
    beganAtMs,
    endingAtMs,
    connectedAtMs,
    endedAtMs: performance.now(),
  };
  const figures = { ...figuresOf(lab, { fault, mode, instants }), curlMs: await control };
  const broken = limitsBroken(figures, { fault, mode });
  for (const node of survivorsOf(lab, mode)) {
    const { says } = fault;
    const said = says === undefined || node.lines.some(({ text }) => says.test(text));
    if (!said) broken.push(`no line of ${node.name} says ${says}`);
    if (!node.alive) broken.push(`${node.name} has ended`);
  }
  return { fault: fault.title, mode, figures, broken, story: storyOf(lab, instants) };
}

/** Resolves once a route works, to the time since when it does. */
async function breakAndMend(lab: Laboratory, { begin, outage }: Fault): Promise<number> {
  let endingAtMs = performance.now();
  await begin(lab);
  if (outage === undefined) return endingAtMs;
  await pause(outage.lastsMs);
  endingAtMs = performance.now();
  await outage.end(lab);
  return endingAtMs;
}

async function watch(lab: Laboratory, { fault, mode }: { fault: Fault; mode: Mode }) {
  if (mode === "at rest") return await pause(WATCHED_MS);
  const taken = () => lab.cluster.heldBy(...survivorsOf(lab, mode));
  const withinMs = TAKE_OVER_MS + (fault.graceMs ?? 0);
  // A takeover that does not happen is a figure, too.
  await until(taken, { title: "the survivor alone holds", withinMs }).catch(() => {});
  await pause(AFTERMATH_MS);
}

function survivorsOf({ cluster }: Laboratory, mode: Mode): ClusterNode[] {
  return mode === "at rest" ? cluster.nodes : cluster.nodes.slice(1);
}

function figuresOf(
  lab: Laboratory,
  { fault, mode, instants }: { fault: Fault; mode: Mode; instants: Instants },
): Omit<Figures, "curlMs"> {
  const { cluster } = lab;
  const { beganAtMs, connectedAtMs, endedAtMs } = instants;
  const of = (node: ClusterNode): Arrival[] => {
    const machine = cluster.number(node);
    return lab.front.arrivals.filter(({ from }) => lab.machineOf(from) === machine);
  };
  const arrivals = survivorsOf(lab, mode).map(of);
  const firsts = arrivals.map((each) => firstMs(each, { fault, mode, instants }));
  const silences = arrivals.map((each) =>
    longestSilenceMs(each, { fromMs: connectedAtMs, toMs: endedAtMs })
  );
  const gaps = cluster.gaps.filter(({ toMs }) => toMs === null || toMs > beganAtMs);
  const lengthsMs = gaps.map(({ fromMs, toMs }) => toMs === null ? null : toMs - fromMs);
  return {
    firstMs: firsts.includes(null) ? null : Math.max(...firsts.map((each) => each ?? 0)),
    silenceMs: mode === "at rest" ? Math.max(...silences) : 0,
    withoutHolderMs: lengthsMs.includes(null)
      ? null
      : lengthsMs.reduce<number>((sum, each) => sum + (each ?? 0), 0),
    onDeadMs: mode === "at rest" ? 0 : onDeadMs(lab, beganAtMs),
    perSecond: Math.max(...cluster.nodes.map((node) => mostWithin(of(node).filter(hasKey), 1000))),
    burst: fault.outage ? Math.max(...arrivals.map((each) => burst(each, connectedAtMs))) : 0,
    protocols: [...new Set(arrivals.flat().map(({ protocol }) => protocol))],
  };
}

/** From the moment with a working route, and a reason to ask, to the first good request of a node. */
function firstMs(
  arrivals: readonly Arrival[],
  { fault, mode, instants: { beganAtMs, endingAtMs, connectedAtMs } }: {
    fault: Fault;
    mode: Mode;
    instants: Instants;
  },
): number | null {
  const looks = arrivals.filter((each) => isGood(each) && each.atMs < beganAtMs);
  const lookAtMs = Math.max(...looks.map(({ atMs }) => atMs));
  const hasReason = mode === "master killed" || fault.outage !== undefined;
  const dueAtMs = hasReason ? connectedAtMs : Math.max(connectedAtMs, lookAtMs + LOOK_MS);
  const atMs = firstGoodAtMs(arrivals, endingAtMs);
  return atMs === null ? null : Math.max(0, atMs - dueAtMs);
}

/** How many arrive within a second of the first one after that time. */
function burst(arrivals: readonly Arrival[], fromMs: number): number {
  const late = arrivals.map(({ atMs }) => atMs).filter((atMs) => atMs >= fromMs);
  const firstAtMs = Math.min(...late);
  return late.filter((atMs) => atMs < firstAtMs + 1000).length;
}

/** Until when the cloud showed the address on the dead master. */
function onDeadMs({ cluster }: Laboratory, diedAtMs: number): number | null {
  const dead = cluster.node(1).instance.id;
  const off = cluster.server.model.history.find(({ atMs, holders }) =>
    atMs >= diedAtMs && !holders.includes(dead)
  );
  return off === undefined ? null : off.atMs - diedAtMs;
}

function limitsBroken(
  figures: Figures,
  { fault, mode }: { fault: Fault; mode: Mode },
): string[] {
  const { outage, graceMs = 0 } = fault;
  const broken: string[] = [];
  const check = (title: string, value: number | null, limitMs: number) => {
    if (value !== null && value <= limitMs) return;
    const shown = value === null ? "never" : `${(value / 1000).toFixed(1)} s`;
    broken.push(`${title}: ${shown}, wanted at most ${(limitMs / 1000).toFixed(1)} s`);
  };
  // Until it knows of the death, the survivor has no more reason to ask than at rest.
  const reasonMs = mode === "at rest" || outage ? 0 : DEAD_TIME_MS;
  check("first good request", figures.firstMs, reasonMs + FIRST_LIMIT_MS + graceMs);
  if (mode === "at rest") {
    check("silence", figures.silenceMs, FIRST_LIMIT_MS + LOOK_MS + graceMs);
    check("time without a holder", figures.withoutHolderMs, 0);
  } else {
    const limitMs = (outage?.lastsMs ?? 0) + DEAD_TIME_MS + FIRST_LIMIT_MS + CALLS_MS + graceMs;
    check("time without a holder", figures.withoutHolderMs, limitMs);
    check("address on the dead node", figures.onDeadMs, limitMs + CALLS_MS);
  }
  for (
    const [title, count] of [
      ["requests of a node within a second", figures.perSecond],
      ["requests of a node in the first second after the outage", figures.burst],
    ] as const
  ) {
    if (count > PER_SECOND_LIMIT) {
      broken.push(`${title}: ${count}, wanted at most ${PER_SECOND_LIMIT}`);
    }
  }
  return broken;
}
