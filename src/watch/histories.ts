// The records of who held each Elastic IP, and what they write to the file of --history-file.
import type { Clock } from "../world.ts";
import { HistoryRecorder } from "../status/history/recorder.ts";
import { type History, historyOf } from "../status/history/view.ts";
import type { HistoryFile } from "./history_file.ts";

/** How long a view is reused: making one takes some milliseconds. */
const FRESH_MS = 500;

/** All records of a watchdog. */
export class Histories {
  readonly #clock: Clock;
  readonly #file: HistoryFile | null;
  readonly #nameOf: (address: string) => string | null;
  readonly #records: HistoryRecorder[] = [];
  #view: History | null = null;
  #viewedAtMs = -Infinity;

  constructor({ clock, file, nameOf }: {
    clock: Clock;
    file: HistoryFile | null;
    nameOf: (address: string) => string | null;
  }) {
    this.#clock = clock;
    this.#file = file;
    this.#nameOf = nameOf;
    file?.begin(this.#records);
  }

  /** Begins a record, after what the file has. */
  open(elasticIp: string): HistoryRecorder {
    const file = this.#file;
    const record = new HistoryRecorder(elasticIp, {
      atMs: file?.startedAtMs ?? this.#clock.nowMs(),
      earlier: file?.earlier(elasticIp) ?? [],
      written: (entry) => file?.write(elasticIp, entry),
    });
    this.#records.push(record);
    return record;
  }

  /** A step is over. */
  stepped(atMs: number): void {
    this.#file?.stepped(atMs);
  }

  /** The watchdog ends. */
  stop(): void {
    const atMs = this.#clock.nowMs();
    for (const record of this.#records) record.stop(atMs);
    this.#file?.stop();
  }

  /** All of it, as an operator gets it. */
  view(): History {
    const nowMs = this.#clock.nowMs();
    if (this.#view === null || nowMs >= this.#viewedAtMs + FRESH_MS) {
      const wallMs = this.#clock.wallMs();
      this.#view = historyOf(this.#records, { nowMs, wallMs, nameOf: this.#nameOf });
      this.#viewedAtMs = nowMs;
    }
    return this.#view;
  }
}
