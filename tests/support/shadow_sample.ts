// A shadow's comparison with one difference, for tests that only show it.
import { decided, looked, nothingCompared } from "../../src/core/shadow/comparison.ts";
import { type ShadowReport, shadowReport } from "../../src/status/shadow_report.ts";

/** The shadow held 4 s and more before the cloud did, within 40 s. */
export function sampleReport(): ShadowReport {
  let state = decided(nothingCompared(20_000), { atMs: 0, holds: false, reason: "" });
  for (let askedMs = 0; askedMs <= 40_000; askedMs += 5_000) {
    const holds = askedMs >= 20_000;
    const others = holds ? [] : ["edge-1"];
    state = looked(state, { askedMs, answeredMs: askedMs, holds, others, reason: "" });
    if (askedMs !== 10_000) continue;
    state = decided(state, { atMs: 11_000, holds: true, reason: "peer 203.0.113.11 is dead" });
  }
  return shadowReport(state, {
    nowMs: 40_000,
    wallMs: Date.UTC(2026, 10, 28, 14, 2, 40),
    resolutionMs: 5_000,
    titleOf: (instanceId) => instanceId,
  });
}
