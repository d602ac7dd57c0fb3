// The side of a command: sends requests to the watchdog of this machine and waits until the address has moved.
import type { ControlSockets } from "../host/control_socket.ts";
import {
  type AddressStand,
  answerIn,
  type ControlAnswer,
  type ControlRequest,
  type ControlVerb,
  requestLine,
} from "./control_protocol.ts";
import type { Clock } from "../world.ts";

/** How often to look whether it has moved. */
const LOOK_MS = 50;
/** Added to --handover-timeout: the hold-off of a node that has just started, and the cloud's answers. */
const MARGIN_MS = 5_000;

/** What the client needs. */
export interface ControlClientOptions {
  /** Path of the control socket. */
  readonly path: string;
  readonly sockets: Pick<ControlSockets, "ask">;
  readonly clock: Clock;
  /** Who asks, for the log. */
  readonly by: string;
}

/** Details of a request. */
export interface Asked {
  /** Only this Elastic IP; a drain is always for all. */
  readonly elasticIp?: string | null;
  /** Why, for the log and the status. */
  readonly why?: string;
  /** When it was asked, in Unix time; default now. */
  readonly wallMs?: number;
  /** Ends the wait early. */
  readonly signal?: AbortSignal;
}

/** What became of one Elastic IP. */
export interface Moved {
  readonly elasticIp: string;
  /**
   * `moved`: it has another holder now; `as-before`: it is where it should be, and was there; `kept`: no other node can
   * serve; `slow`: it has not moved yet, and will.
   */
  readonly outcome: "moved" | "as-before" | "kept" | "slow";
  readonly stand: AddressStand;
  /** Time from the request to that. */
  readonly tookMs: number;
}

/** The watchdog refused; the message says why. */
export class ControlRefused extends Error {
  override readonly name = "ControlRefused";
}

/**
 * Asks the watchdog behind one control socket. Every method rejects with `NobodyListens` if there is none, with
 * `ControlRefused` if it refuses, and with another error if it cannot be asked. `demote`, `promote` and `drain` wait
 * until the address has moved, for --handover-timeout and 5 s at most.
 */
export class ControlClient {
  readonly #options: ControlClientOptions;

  constructor(options: ControlClientOptions) {
    this.#options = options;
  }

  /** How each Elastic IP stands now. */
  async state(asked: Asked = {}): Promise<readonly AddressStand[]> {
    return (await this.#ask("state", asked)).addresses;
  }

  /** Path of the record that the watchdog reads at its start. */
  async drainFile(): Promise<string> {
    return (await this.#ask("state", {})).drainFile;
  }

  /** This node makes way until `promote`, `undrain` or the end of its process. */
  async demote(asked: Asked = {}): Promise<Moved[]> {
    return await this.#move("demote", asked, madeWay);
  }

  /** This node goes before all its peers; ends a demotion. */
  async promote(asked: Asked = {}): Promise<Moved[]> {
    return await this.#move("promote", asked, wentFirst);
  }

  /** This node makes way until `undrain`. It lasts over a restart only if it is recorded, see drain_file.ts. */
  async drain(asked: Omit<Asked, "elasticIp"> = {}): Promise<Moved[]> {
    return await this.#move("drain", asked, madeWay);
  }

  /** Ends a drain and a demotion; does not wait for the address to return. */
  async undrain(asked: Omit<Asked, "elasticIp"> = {}): Promise<readonly AddressStand[]> {
    return (await this.#ask("undrain", asked)).addresses;
  }

  async #ask(
    verb: ControlVerb,
    { elasticIp = null, why = "", wallMs }: Asked,
  ): Promise<Extract<ControlAnswer, { ok: true }>> {
    const { path, sockets, clock, by } = this.#options;
    const request: ControlRequest = {
      ...{ verb, by, why, elasticIp },
      wallMs: wallMs ?? Math.round(clock.wallMs()),
    };
    const answer = answerIn(await sockets.ask(path, requestLine(request)));
    if (!answer.ok) throw new ControlRefused(answer.problem);
    return answer;
  }

  async #move(
    verb: ControlVerb,
    asked: Asked,
    outcomeOf: (stand: AddressStand, held: boolean) => Moved["outcome"] | null,
  ): Promise<Moved[]> {
    const { clock } = this.#options;
    const { addresses: before } = await this.#ask("state", asked);
    // A new master may hold before the cloud has told it so.
    const held = new Map(
      before.map((
        { elasticIp, holding, role },
      ) => [elasticIp, holding === true || role === "master"]),
    );
    const beganAtMs = clock.nowMs();
    const moved = new Map<string, Moved>();
    for (let { addresses: stands } = await this.#ask(verb, asked);;) {
      const tookMs = clock.nowMs() - beganAtMs;
      for (const stand of stands) {
        const { elasticIp, handoverMs } = stand;
        const late = tookMs >= handoverMs + MARGIN_MS || asked.signal?.aborted === true;
        const done = outcomeOf(stand, held.get(elasticIp) === true) ?? (late ? "slow" : null);
        if (done === null || moved.has(elasticIp)) continue;
        moved.set(elasticIp, { elasticIp, outcome: done, stand, tookMs });
      }
      if (stands.every(({ elasticIp }) => moved.has(elasticIp))) return [...moved.values()];
      await clock.sleep(LOOK_MS, asked.signal);
      stands = await this.state(asked);
    }
  }
}

/** A node that stands aside: until another one holds and this one does not. */
function madeWay(
  { decided, holding, changing, holders, role, outranked }: AddressStand,
  held: boolean,
): Moved["outcome"] | null {
  if (!decided) return null;
  if (role === "master" && !outranked) return "kept";
  if (holding !== false || changing || holders.length === 0) return null;
  return held ? "moved" : "as-before";
}

/** A node that goes first: until it holds, alone or with its equals. */
function wentFirst(
  { holding, outranked, role }: AddressStand,
  held: boolean,
): Moved["outcome"] | null {
  if (holding !== true || outranked || role !== "master") return null;
  return held ? "as-before" : "moved";
}
