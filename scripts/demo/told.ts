// The watchdogs' lines as the audience reads them: names of nodes instead of addresses and ids, no clock but the
// demo's, and no line wider than a terminal.
import type { ClusterNode } from "../../tests/support/cluster.ts";

/** What every terminal has. */
export const COLUMNS = 80;

/** A time of its own in front of a line: the demo has one for all. */
const CLOCK = /^\[?(\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?\]? +/;

/** A line of a watchdog; `cloud` is where the simulated Exoscale answers. */
export function toldLine(
  text: string,
  { nodes, cloud }: { nodes: readonly Pick<ClusterNode, "name" | "instance">[]; cloud: string },
): string {
  let line = text.replace(CLOCK, "").replace(/^exoip /, "").replace(CLOCK, "")
    .replace(/^\[INFO *\] /, "").replace(/^\[(WARNING|CRITICAL)\] /, "$1 ")
    .replaceAll(cloud, "the simulated cloud");
  for (const { name, instance } of nodes) {
    const address = instance.address.replaceAll(".", "\\.");
    line = line.replace(new RegExp(`(?<![\\d.])${address}(?![\\d]|\\.\\d)`, "g"), name);
    line = line.replaceAll(`instance ${instance.id}`, name).replaceAll(instance.id, name);
    line = line.replaceAll(`${name} (${name})`, name);
  }
  return line;
}
