// What a process costs, as the kernel counts it (Linux: proc(5)).

/** Ticks per second in /proc; the kernel's interface fixes them at 100. */
const TICK_MS = 10;

/** CPU time since its start, all threads, in user and kernel mode. */
export function cpuMs(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The name in parentheses may contain blanks; user and system time are fields 14 and 15.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident memory: the total, and with shared pages divided among the processes that share them. */
export function memoryMiB(pid: number): { rss: number; pss: number } {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  const of = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) / 1024;
  return { rss: of("Rss"), pss: of("Pss") };
}

/** CPU use in percent of one core while `during` runs. */
export async function cpuPercent(pid: number, during: () => Promise<unknown>): Promise<number> {
  const [beganMs, spentMs] = [performance.now(), cpuMs(pid)];
  await during();
  return (cpuMs(pid) - spentMs) / (performance.now() - beganMs) * 100;
}
