// Looks at the cloud, and asks the service through the Elastic IP, every 100 ms. It changes nothing.
import { asCloudError } from "../exoscale/cloud_error.ts";
import type { Clock, Cloud } from "../world.ts";
import { joined, type Look, type ProbeResult } from "./leg.ts";

/** Time between two looks, and between two probes. */
export const LOOK_MS = 100;
/** Longest time for one probe. */
const PROBE_MS = 1_000;
/** How long to wait when the cloud asks for fewer requests without saying how long. */
const SLOWER_MS = 1_000;

/** What to watch, and whom to tell. */
export interface WatcherOptions {
  readonly clock: Clock;
  /** One for each address. */
  readonly clouds: readonly Pick<Cloud, "inspect">[];
  /** Asks the service; rejects when it does not answer as it should. Null without --probe. */
  readonly probe: ((signal: AbortSignal) => Promise<void>) | null;
  readonly looked: (look: Look) => void;
  readonly probed: (result: ProbeResult) => void;
  /** The two instances of the leg under way. */
  readonly instances: () => { readonly from: string; readonly to: string };
}

/** Watches until the signal aborts. Never rejects: a failed look does not count. */
export async function watchDrill(options: WatcherOptions, signal: AbortSignal): Promise<void> {
  await Promise.all([lookAgain(options, signal), probeAgain(options, signal)]);
}

async function lookAgain(
  { clock, clouds, looked, instances }: WatcherOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const begunAtMs = clock.nowMs();
    const ids = instances();
    let waitMs = LOOK_MS;
    try {
      const [first, ...more] = await Promise.all(clouds.map(async (cloud) => {
        const [from, to] = await Promise.all([
          cloud.inspect(ids.from, signal),
          cloud.inspect(ids.to, signal),
        ]);
        return { atMs: clock.nowMs(), from, to };
      }));
      // The next leg may have begun meanwhile.
      if (first && ids.from === instances().from) looked(joined([first, ...more]));
    } catch (cause) {
      const { kind, retryAfterMs } = asCloudError(cause);
      if (kind === "rate-limited") waitMs = Math.max(SLOWER_MS, retryAfterMs ?? 0);
    }
    const restMs = begunAtMs + waitMs - clock.nowMs();
    if (restMs > 0) await clock.sleep(restMs, signal);
  }
}

/** Starts each probe on time, even if earlier ones have no answer yet. */
async function probeAgain(
  { clock, probe, probed }: WatcherOptions,
  signal: AbortSignal,
): Promise<void> {
  if (probe === null) return;
  const open = new Set<Promise<void>>();
  while (!signal.aborted) {
    const atMs = clock.nowMs();
    const late = new AbortController(), end = () => late.abort();
    signal.addEventListener("abort", end);
    const over = new AbortController();
    void clock.sleep(PROBE_MS, over.signal).then(end);
    const asked = probe(late.signal).then(() => true, () => false).then((answered) => {
      over.abort();
      signal.removeEventListener("abort", end);
      open.delete(asked);
      if (!signal.aborted) probed({ atMs, answered });
    });
    open.add(asked);
    await clock.sleep(LOOK_MS, signal);
  }
  await Promise.all(open);
}
