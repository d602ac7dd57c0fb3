// All cells of the matrix.
import { CONNECTION_FAULTS } from "./connection_faults.ts";
import { type Fault, type Mode, MODES } from "./fault.ts";
import { MACHINE_FAULTS } from "./machine_faults.ts";
import { PEER_FAULTS } from "./peer_faults.ts";
import { inRunningCluster, NAME_FAULTS, type NameFault } from "./name_faults.ts";

/** How many cells run in parallel: they wait most of the time. */
export const AT_ONCE = 28;

/** A fault in a running cluster. */
export interface ClusterCell {
  readonly title: string;
  readonly fault: Fault;
  readonly mode: Mode;
}

/** A fault from the beginning. */
export interface StartCell {
  readonly title: string;
  readonly fault: NameFault;
}

/** The cells whose title matches the pattern, the longest first. */
export function cellsFor(only: RegExp): { cluster: ClusterCell[]; start: StartCell[] } {
  const names = NAME_FAULTS.filter(({ fromBeginning }) => !fromBeginning).map(inRunningCluster);
  const cluster = [...CONNECTION_FAULTS, ...MACHINE_FAULTS, ...names, ...PEER_FAULTS].flatMap((
    fault,
  ) => MODES.map((mode) => ({ title: `${fault.title} / ${mode}`, fault, mode }))).filter((
    { title },
  ) => only.test(title));
  const lengthMs = ({ fault: { outage, graceMs = 0 } }: ClusterCell) =>
    (outage?.lastsMs ?? 0) + graceMs;
  const start = NAME_FAULTS.map((fault) => ({ title: `${fault.title} / at the start`, fault }))
    .filter(({ title }) => only.test(title));
  return { cluster: cluster.sort((a, b) => lengthMs(b) - lengthMs(a)), start };
}
