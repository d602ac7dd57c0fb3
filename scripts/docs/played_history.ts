// The hour that the picture and the sample of the history show: a better node dies and comes back, and hands over.
import { HistoryFixture } from "../../tests/support/history_fixture.ts";
import { PEERS } from "../../tests/support/node_fixture.ts";

const MINUTE_MS = 60_000;
/** When the better node dies, is heard again, takes the address back, and dies once more with the cloud unreachable. */
const DIES = 14 * MINUTE_MS, BACK = 22 * MINUTE_MS, HOLDS = BACK + 5_000;
const DIES_AGAIN = 41 * MINUTE_MS, CLOUD_BACK = DIES_AGAIN + 2 * MINUTE_MS, END = 58 * MINUTE_MS;

/** The node at the end of that hour. */
export function playedHistory(): HistoryFixture {
  const played = new HistoryFixture({ priority: 20 });
  const [one, two] = PEERS;
  played.names.set(one!.address, "edge-1");
  played.names.set(two!.address, "edge-3");
  for (let atMs = 1_000; atMs <= END; atMs += 1_000) {
    played.until(atMs);
    const first = atMs <= DIES || (atMs >= BACK && atMs <= DIES_AGAIN);
    if (first) played.hear(0, { priority: 10, holds: atMs <= DIES || atMs >= HOLDS });
    played.hear(1, { priority: 30 });
    played.peerHolds = atMs >= HOLDS + 1_000;
    played.fails = () => played.nowMs >= DIES_AGAIN && played.nowMs < CLOUD_BACK;
  }
  return played;
}
