// Log lines about the peers of -p: the addresses of their names, and which cannot be used. Text from a resolver passes
// through plain().
import { MESSAGE_MAX_CHARS, plain } from "../core/plain.ts";
import type { Severity } from "../core/registry/events.ts";
import type { Clock, Log } from "../world.ts";
import type { Place } from "./fate.ts";
import { ADDRESSES_MAX, type NamedPeer } from "./named_peer.ts";
import { Reminder } from "./reminder.ts";

const KEPT = "until then an instance that runs and is no known peer keeps the Elastic IP";

/** Writes the lines. */
export class PeerLines {
  readonly #log: Log;
  readonly #place: Place;
  readonly #reminder: Reminder;

  constructor(clock: Clock, { log, place }: { log: Log; place: Place }) {
    this.#log = log;
    this.#place = place;
    this.#reminder = new Reminder(clock, log);
  }

  /** Logs the addresses of the names. */
  sayFound(entries: readonly NamedPeer[]): void {
    const found = entries.filter(({ literal, failure }) => !literal && failure === null);
    if (found.length === 0) return;
    this.#log.write("info", "peer-name", line(found.map((each) => each.describe(this.#place))));
  }

  /** Logs which names have no address, or only earlier ones. */
  sayUnresolved(entries: readonly NamedPeer[]): void {
    const failing = entries.filter(({ failure }) => failure !== null);
    const useless = failing.filter(({ known, denied }) => !known && denied);
    const silent = failing.filter(({ known, denied }) => !known && !denied);
    const stale = failing.filter(({ known }) => known);
    const said = (severity: Severity, group: readonly NamedPeer[], parts: readonly string[]) => {
      const key = group.map(({ text }) => text).join();
      if (key === "") return;
      this.#reminder.say(severity, [severity, "peer-name", line(parts)], key);
    };
    const correct = "correct -p or the name servers";
    said("critical", useless, [`cannot resolve ${reasons(useless)}: ${correct}`, KEPT]);
    const wait = "waiting for the name servers";
    said("warning", silent, [`cannot resolve ${reasons(silent)}: ${wait}`, KEPT]);
    said("info", stale, stale.map((each) => each.describe(this.#place)));
  }

  /** Logs that a name has too many addresses, if it has. */
  sayCut({ text, cut }: NamedPeer): void {
    if (cut === 0) return;
    const what = `${text} has ${cut} addresses more than ${ADDRESSES_MAX}: they are left out`;
    this.#reminder.say(`cut ${text}`, ["warning", "peer-name", line([what])], text);
  }

  /**
   * Logs for which addresses the cloud has no machine, or several. If a name has other addresses that work, its machine
   * is gone.
   */
  sayUnplaced(
    { text, literal, addresses }: NamedPeer,
    { unplaced, lost }: { unplaced: ReadonlyMap<string, number>; lost: boolean },
  ): void {
    const strange = addresses.filter((each) =>
      unplaced.has(each) && !this.#place.own.includes(each)
    );
    if (strange.length === 0) return;
    const counts = strange.map((each) => `${each} (${unplaced.get(each)} found)`).join(", ");
    const what = `each peer must be the address of one instance of this zone: ${counts}`;
    const severity = lost ? "critical" : "info";
    const said = line([literal ? what : `${what}, of ${text}`, ...(lost ? [KEPT] : [])]);
    this.#reminder.say(`unplaced ${text}`, [severity, "peer-unknown", said], severity);
  }
}

/** The entries, each with its problem. */
export function reasons(entries: readonly NamedPeer[]): string {
  return entries.map(({ text, failure }) => `${text} (${failure})`).join(", ");
}

function line(parts: readonly string[]): string {
  return plain(`-p: ${parts.join("; ")}`, MESSAGE_MAX_CHARS);
}
