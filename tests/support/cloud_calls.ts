// The loop's calls to a cloud, without a loop.
import { RateLimitedLog } from "../../src/log/rate_limited_log.ts";
import { CallCounters } from "../../src/status/counters.ts";
import { type CallerOptions, CloudCalls } from "../../src/watch/cloud_calls.ts";
import type { Cloud } from "../../src/world.ts";
import { VirtualClock } from "./clock.ts";

/** Calls that log nothing and whose results lead to nothing, unless the options say otherwise. */
export function callsTo(cloud: Cloud, options: Partial<CallerOptions>): CloudCalls {
  const clock = new VirtualClock(), log = { write() {} };
  return new CloudCalls({
    ...{ cloud, clock, log, counters: new CallCounters(), verbose: false },
    random: () => 0,
    limitedLog: new RateLimitedLog(log, clock),
    ending: new AbortController().signal,
    deliver() {},
    identified() {},
    placed() {},
    readPeers: (read) => read(),
    keyRefused() {},
    starting: () => false,
    wanted: () => true,
    lease: () => null,
    giveUp: () => false,
    ...options,
  });
}
