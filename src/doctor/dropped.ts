// Counts IPv4 datagrams that the kernel silently drops because of their source, before any program sees them. Source:
// Documentation/networking/ip-sysctl.rst (rp_filter), net/ipv4/route.c (fib_validate_source, rt_cache).
import type { Machine } from "../host/metadata.ts";

/** The counts since the machine has started. */
export interface Dropped {
  /** Their source is an address of this machine, or not a valid one. This counts for the whole machine. */
  readonly martian: number;
  /** The route back to their source is not the one on which they came (rp_filter). */
  readonly filtered: number;
}

const ROUTES = "/proc/net/stat/rt_cache", COUNTERS = "/proc/net/netstat";
const READ_MS = 2_000;

/** The current counts; null where the kernel does not tell. */
export async function countDropped({ root, readTextFile }: Machine): Promise<Dropped | null> {
  const read = (path: string) =>
    readTextFile(root + path, { signal: AbortSignal.timeout(READ_MS) }).catch(() => "");
  const [routes, counters] = await Promise.all([read(ROUTES), read(COUNTERS)]);
  return droppedIn(routes, counters);
}

/** The counts from the text of both files. */
export function droppedIn(routes: string, counters: string): Dropped | null {
  // One line per processor, in hexadecimal; datagrams dropped by the filter count here, too.
  const [head = "", ...lines] = routes.trim().split("\n");
  const column = wordsOf(head).indexOf("in_martian_src");
  const each = lines.map((line) => parseInt(wordsOf(line)[column] ?? "", 16));
  const all = each.reduce((sum, count) => sum + count, 0);
  const [names = [], values = []] = counters.split("\n").map(wordsOf)
    .filter(([kind]) => kind === "TcpExt:");
  const filtered = Number(values[names.indexOf("IPReversePathFilter")]);
  if (column < 0 || Number.isNaN(all) || Number.isNaN(filtered)) return null;
  return { martian: all, filtered };
}

/** The datagrams dropped between the two counts. */
export function droppedSince(before: Dropped | null, after: Dropped | null): Dropped {
  if (before === null || after === null) return { martian: 0, filtered: 0 };
  const filtered = Math.max(0, after.filtered - before.filtered);
  return { martian: Math.max(0, after.martian - before.martian - filtered), filtered };
}

function wordsOf(line: string): string[] {
  return line.trim().split(/\s+/);
}
