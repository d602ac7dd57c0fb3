// A node that a test steps by hand, with the record of who held.
import { EPOCH_MS, NodeFixture } from "./node_fixture.ts";
import type { NodeEvent, NodeSettings } from "../../src/core/node/state.ts";
import { HistoryRecorder } from "../../src/status/history/recorder.ts";
import { type AddressHistory, type History, historyOf } from "../../src/status/history/view.ts";
import type { Incoming } from "./incoming.ts";

/** The node and its record. */
export class HistoryFixture extends NodeFixture {
  readonly recorder: HistoryRecorder;
  /** What the wall clock is ahead of the node's. */
  wallAheadMs = EPOCH_MS;
  #stepping = false;

  constructor(
    settings: Partial<NodeSettings> = {},
    options: Partial<ConstructorParameters<typeof HistoryRecorder>[1]> = {},
  ) {
    super(settings);
    const { elasticIp } = this.node.election.settings;
    this.recorder = new HistoryRecorder(elasticIp, { atMs: 0, ...options });
    this.recorder.observe(null, this.node, 0);
  }

  override step(event: NodeEvent | Incoming): void {
    const before = this.node, outermost = !this.#stepping;
    this.#stepping = true;
    super.step(event);
    // Answers at once are steps within the step; a real watchdog gets them later, and sees its own step first.
    if (!outermost) return;
    this.#stepping = false;
    this.recorder.observe(before, this.node, this.nowMs);
  }

  override totals(): { unheldMs: number; twoHoldersMs: number } {
    return this.recorder.totals(this.nowMs);
  }

  /** The whole history now. */
  history(): History {
    const { nowMs, names, recorder } = this;
    return historyOf([recorder], {
      nowMs,
      wallMs: this.wallAheadMs + nowMs,
      nameOf: (address) => names.get(address) ?? null,
    });
  }

  /** Its only address. */
  get view(): AddressHistory {
    return this.history().addresses[0]!;
  }
}
