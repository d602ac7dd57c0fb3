// The minute that the pictures and samples of the docs show: a better node dies, and the link to another node works one
// way only. The node that tells of it is the core, in time that is made up.
import { NOT_LOOKED } from "../../src/core/presence.ts";
import { NodeFixture } from "../../tests/support/node_fixture.ts";

/** The node at the end of that minute. */
export function playedMinute(): NodeFixture {
  const played = new NodeFixture();
  played.checks = [{
    name: "tcp://127.0.0.1:443",
    state: "passing",
    ageMs: 700,
    reason: "",
  }];
  for (let atMs = 1_000; atMs <= 58_000; atMs += 1_000) {
    played.until(atMs);
    if (atMs <= 38_000) played.hear(0, { priority: 5, holds: true });
    played.hear(1, { priority: 20, hearsYou: atMs < 50_000 });
  }
  played.until(58_400);
  played.presence = { ...NOT_LOOKED, sight: { present: true, on: "lo" }, lookedAtMs: 58_000 };
  return played;
}
