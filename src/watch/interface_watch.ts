// Checks every second whether this machine has the Elastic IPs, and puts them back on the interface of --address-on. It
// does not delay the loop: one look takes well under a millisecond, and nothing waits for `ip`.
import { messageOf } from "../core/message_of.ts";
import {
  type InterfaceAddress,
  isOnDevice,
  type MachineView,
  sightOf,
} from "../core/own_address.ts";
import { type Look, lossOf, NOT_LOOKED, notePresence, type Presence } from "../core/presence.ts";
import { addressed } from "../log/addressed_log.ts";
import { KINDS_MAX, RateLimitedLog } from "../log/rate_limited_log.ts";
import type { Clock, Log } from "../world.ts";

/** What to look for, and where. */
export interface InterfaceWatchSettings {
  readonly elasticIps: readonly string[];
  /** The interface on which the watchdog keeps them; null when it is not configured to. */
  readonly device: string | null;
  /** What an operator can do about a missing address. */
  readonly cureFor: (elasticIp: string) => string;
}

/** What it needs from the machine and the process. */
export interface InterfaceWatchWorld {
  readonly clock: Clock;
  readonly log: Log;
  /** Throws when they cannot be listed. */
  readonly interfaces: () => readonly InterfaceAddress[];
  readonly isLocal: MachineView["local"];
  /**
   * Puts the address on the interface unless it is there. Resolves to whether it was missing; rejects with why it
   * failed.
   */
  readonly restore: (elasticIp: string) => Promise<boolean>;
  readonly holding: (elasticIp: string) => boolean | null;
  /** Called when an address counts as lost, when the reason changes, and when the address is back. */
  readonly changed: () => void;
}

/** Time between looks: LOOK_MS; SOON_MS for WARY_MS after an address was removed, because that may continue. */
const LOOK_MS = 1_000, SOON_MS = 100, WARY_MS = 5_000;
/** Time between attempts to put an address back: RETRY_MS at first, PATIENT_MS after EAGER_ATTEMPTS failures. */
const RETRY_MS = 1_000, PATIENT_MS = 2_500, EAGER_ATTEMPTS = 10;
/**
 * Longest list of addresses that is read: each entry costs 5 µs, during which no heartbeat leaves. With more addresses
 * we ask the kernel about the Elastic IPs only.
 */
export const LISTED_MAX = 500;
/** Lines of a kind that are logged before further ones are only counted. */
const LINES_MAX = 4;

/** Why an address is missing although `ip` finds it: an IPv6 address that another machine has, too, for example. */
const SILENT = "the interface has it, but the kernel does not accept it";
/** Why it is missing although it was just put there. */
const TAKEN_OFF = "somebody takes it off again and again";

/** One Elastic IP. */
interface WatchedAddress {
  readonly elasticIp: string;
  readonly limitedLog: RateLimitedLog;
  presence: Presence;
  /** The attempt under way to put it back. */
  attempt: Promise<void> | null;
  attemptAtMs: number;
  failures: number;
  /** Why it is lost, null while it is present. */
  loss: string | null;
}

/** Looks from its construction until it is closed. */
export class InterfaceWatch {
  readonly #settings: InterfaceWatchSettings;
  readonly #world: InterfaceWatchWorld;
  readonly #watched: readonly WatchedAddress[];
  readonly #closing = new AbortController();
  readonly #looking: Promise<void>;
  #crowded = false;
  #blindness = "";
  #waryUntilMs = -Infinity;

  constructor(settings: InterfaceWatchSettings, world: InterfaceWatchWorld) {
    this.#settings = settings;
    this.#world = world;
    const { elasticIps } = settings;
    const logOf = (elasticIp: string) =>
      elasticIps.length > 1 ? addressed(world.log, elasticIp) : world.log;
    this.#watched = elasticIps.map((elasticIp) => ({
      elasticIp,
      limitedLog: new RateLimitedLog(logOf(elasticIp), world.clock, KINDS_MAX, LINES_MAX),
      presence: NOT_LOOKED,
      attempt: null,
      attemptAtMs: -Infinity,
      failures: 0,
      loss: null,
    }));
    this.#looking = this.#repeat();
  }

  /** What is known about that Elastic IP, null when it is not watched. */
  presence(elasticIp: string): Presence | null {
    return this.#watched.find((watched) => watched.elasticIp === elasticIp)?.presence ?? null;
  }

  /** Why the address is missing on its interface and cannot be put back, else null. */
  loss(elasticIp: string): string | null {
    return this.#watched.find((watched) => watched.elasticIp === elasticIp)?.loss ?? null;
  }

  /**
   * Stops looking. Resolves when the last attempt to put an address back has ended, at the latest when `ip` times out.
   */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#looking, ...this.#watched.map(({ attempt }) => attempt)]);
    for (const { limitedLog } of this.#watched) limitedLog.close();
  }

  async #repeat(): Promise<void> {
    const { clock } = this.#world;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      this.#look();
      await clock.sleep(clock.nowMs() < this.#waryUntilMs ? SOON_MS : LOOK_MS, signal);
    }
  }

  #look(): void {
    const { device } = this.#settings;
    const view = this.#view();
    for (const watched of this.#watched) {
      const sight = sightOf(watched.elasticIp, view);
      // If the addresses cannot be listed, ask `ip`.
      if (device === null || sight.present !== null) {
        this.#note(watched, { sight, restored: false, problem: null });
      }
      if (device !== null && !isOnDevice(watched.elasticIp, device, view)) this.#mend(watched);
      watched.limitedLog.settle(this.#world.clock.nowMs());
    }
  }

  #view(): MachineView {
    const { interfaces, isLocal } = this.#world;
    if (this.#crowded) return { listed: null, local: isLocal };
    try {
      const listed = interfaces();
      this.#crowded = listed.length > LISTED_MAX;
      if (this.#crowded) {
        this.#blindness =
          `it has ${listed.length} addresses, and listing them would delay heartbeats`;
      }
      return { listed, local: isLocal };
    } catch (error) {
      const reason = messageOf(error);
      this.#blindness = `the interfaces cannot be listed: ${reason}`;
      return { listed: null, local: isLocal };
    }
  }

  #note(
    watched: WatchedAddress,
    { sight, restored, problem }: Pick<Look, "sight" | "restored" | "problem">,
  ): void {
    const { clock, holding, changed } = this.#world;
    const { device, cureFor } = this.#settings;
    const { elasticIp, limitedLog } = watched;
    const [presence, reports] = notePresence(watched.presence, {
      sight,
      atMs: clock.nowMs(),
      device,
      restored,
      problem,
      holding: holding(elasticIp),
      cure: cureFor(elasticIp),
      blindness: this.#blindness,
    });
    watched.presence = presence;
    for (const { severity, event, text } of reports) {
      limitedLog.write(`${severity}${restored}`, [severity, event, text]);
    }
    const loss = lossOf(presence, device);
    // Until the address has stayed for a moment, the last reason still applies.
    const isBack = loss !== null && watched.loss !== null && sight.present === true;
    if (loss === watched.loss || isBack) return;
    watched.loss = loss;
    changed();
  }

  /** Puts it back in the background, unless that was tried just now. */
  #mend(watched: WatchedAddress): void {
    const { clock } = this.#world;
    if (watched.attempt || clock.nowMs() < watched.attemptAtMs) return;
    watched.attempt = this.#attempt(watched).finally(() => watched.attempt = null);
  }

  async #attempt(watched: WatchedAddress): Promise<void> {
    const { clock, restore } = this.#world;
    const { elasticIp } = watched;
    let restored = false, problem = "";
    try {
      restored = await restore(elasticIp);
    } catch (error) {
      problem = messageOf(error);
    }
    const nowMs = clock.nowMs();
    watched.failures = restored ? 0 : watched.failures + 1;
    if (restored) this.#waryUntilMs = nowMs + WARY_MS;
    // If the address does not stay, do not start `ip` ten times a second.
    if (!restored || watched.presence.alarmed) {
      watched.attemptAtMs = nowMs + (watched.failures < EAGER_ATTEMPTS ? RETRY_MS : PATIENT_MS);
    }
    const seen = sightOf(elasticIp, this.#view());
    const said = { present: problem === "", on: problem === "" ? this.#settings.device : null };
    const sight = seen.present === null ? said : seen;
    this.#note(watched, { sight, restored, problem: problem || (restored ? TAKEN_OFF : SILENT) });
  }
}
