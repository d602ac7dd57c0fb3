// The calls to the cloud that are under way. The loop starts each without waiting for it; its result comes back as an
// event of the node.
import { durationText } from "../core/age.ts";
import {
  asCloudError,
  type CloudError,
  type CloudErrorKind,
  declined,
} from "../exoscale/cloud_error.ts";
import { UNUSABLE } from "../exoscale/cloud_v2.ts";
import { LinkedAbort } from "../transport/linked_abort.ts";
import { RunningCalls } from "./running_calls.ts";
import type { RateLimitedLog } from "../log/rate_limited_log.ts";
import { StartupPolicy } from "../exoscale/startup_policy.ts";
import type { CallCounters } from "../status/counters.ts";
import type { ChangeLimits, Clock, Cloud, Log, OwnPath, ReadPeers } from "../world.ts";
import type { NodeEvent } from "../core/node/state.ts";
import type { Answer, Call } from "../core/ownership/call.ts";

/**
 * Errors that a refused key causes. 403 is also the answer to a wrong signature and to a call that the role does not
 * allow.
 */
const KEY_REFUSED: ReadonlySet<CloudErrorKind> = new Set(["unauthorized", "forbidden"]);

/** What the calls need from the watchdog. */
export interface CallerOptions {
  readonly cloud: Cloud;
  readonly clock: Clock;
  /** Uniform in 0..1. */
  readonly random: () => number;
  readonly log: Log;
  readonly limitedLog: RateLimitedLog;
  readonly counters: CallCounters;
  /** Log successful calls, too. */
  readonly verbose: boolean;
  /** Ends every call. */
  readonly ending: AbortSignal;
  readonly deliver: (event: NodeEvent) => void;
  /** Called when the cloud has said by which addresses the peers know this instance. */
  readonly identified: (nativeAddresses: readonly string[]) => void;
  /** Called when the cloud has said which addresses this instance has in the private networks of its peers. */
  readonly placed: (own: readonly OwnPath[]) => void;
  /** Reads the peer list, for peers given by name by their current addresses. */
  readonly readPeers: ReadPeers;
  /** Called when the cloud refuses the key, which may have been replaced in its file. */
  readonly keyRefused: () => void;
  /** Whether nothing has been decided yet that depends on that call, so that a refusal may end the program. */
  readonly starting: (verb: Call["verb"] | "members") => boolean;
  /** Whether the node still wants the call. */
  readonly wanted: (call: Call) => boolean;
  /** The node's lease, null without one. */
  readonly lease: NonNullable<ChangeLimits["lease"]>;
  /** Ends the program; false while another address of the group can still be served. */
  readonly giveUp: () => boolean;
}

/** Makes calls. */
export class CloudCalls {
  readonly #options: CallerOptions;
  /** Counted separately: a key may be allowed to read an instance but not to list instances. */
  readonly #startupPolicies = { calls: new StartupPolicy(), members: new StartupPolicy() };
  readonly #running = new RunningCalls();
  /** Ends the attach under way, null without one or once the cloud has accepted it. */
  #attach: LinkedAbort | null = null;
  #lists = 0;

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** Begins a call of the core. */
  begin(id: number, call: Call): void {
    this.#running.add(this.#call(id, call));
  }

  /** Begins to read the peer list. */
  readMembers(): void {
    this.#running.add(this.#members());
  }

  /** The list has changed: a reading under way starts again. */
  replaceMembers(): void {
    this.#lists += 1;
  }

  /** Ends an attach that the cloud has not accepted, because the lease was lost: nothing may leave any more. */
  endAttach(): void {
    this.#attach?.abort();
  }

  /** Resolves when all calls have ended, which is soon after `ending`. */
  ended(): Promise<void> {
    return this.#running.ended();
  }

  async #call(id: number, call: Call): Promise<void> {
    const { cloud, clock, random, log, counters, verbose, ending, deliver, identified } =
      this.#options;
    const startedAtMs = clock.nowMs();
    using over = new LinkedAbort(ending);
    if (call.verb === "attach") this.#attach = over;
    /** Requests of a change that have left. Each but the last got no answer, or none would have followed it. */
    let sent = 0, pending = false;
    const wanted = () => {
      const leaves = this.#options.wanted(call);
      if (leaves) sent += 1;
      return leaves;
    };
    try {
      const accepted = () => {
        // It will be carried out, so the call goes on: only its end tells when, and what to do then.
        if (this.#attach === over) this.#attach = null;
        pending = true;
        deliver({ kind: "accepted", id });
      };
      const limits = { wanted, lease: this.#options.lease, accepted };
      const answer = await askCloud(cloud, call, { limits, signal: over.signal, identified });
      const tookMs = Math.round(clock.nowMs() - startedAtMs);
      counters.done(call.verb, { tookMs, atMs: clock.nowMs() });
      if (answer.verb === "evict" && answer.outcome === "taken") {
        counters.evictions.add(clock.nowMs());
      }
      if (verbose) log.write("info", "call", `${call.verb} done in ${durationText(tookMs)}`);
      this.#startupPolicies.calls.answered();
      deliver({ kind: "answered", id, answer, roll: random(), open: sent > 1 });
    } catch (cause) {
      const error = this.#errorOf(cause);
      const { kind, retryable, retryAfterMs, message: released } = error;
      const open = sent > 1 || (sent === 1 && !declined(error, { accepted: pending }));
      const failed = { kind: "failed", id, retryable, retryAfterMs, roll: random(), open } as const;
      const unusable = call.verb === "attach" && UNUSABLE.includes(kind);
      if (unusable && !ending.aborted) {
        // The core reports this error, so it is not logged here again.
        counters.failed(call.verb, kind, clock.nowMs());
        return deliver({ ...failed, released, exists: kind !== "address-released" });
      }
      if (this.#ends(call.verb, error)) return;
      deliver(failed);
    } finally {
      if (this.#attach === over) this.#attach = null;
    }
  }

  async #members(): Promise<void> {
    const { cloud, clock, counters, ending, deliver, readPeers } = this.#options;
    const list = this.#lists;
    const startedAtMs = clock.nowMs();
    try {
      const membership = await readPeers((addresses) => cloud.members(ending, addresses));
      if (list !== this.#lists) return await this.#members();
      counters.done("members", {
        tookMs: Math.round(clock.nowMs() - startedAtMs),
        atMs: clock.nowMs(),
      });
      counters.lists.add(clock.nowMs());
      this.#startupPolicies.members.answered();
      const { own } = membership;
      if (own) this.#options.placed(own);
      const inside = own && { privateAddresses: own.map(({ address }) => address) };
      deliver({ kind: "members", ...membership, ...inside });
    } catch (cause) {
      const error = this.#errorOf(cause);
      if (list !== this.#lists && !ending.aborted) return await this.#members();
      if (this.#ends("members", error)) return;
      deliver({ kind: "members-failed", retryAfterMs: error.retryAfterMs });
    }
  }

  #errorOf(cause: unknown): CloudError {
    const error = asCloudError(cause);
    if (KEY_REFUSED.has(error.kind)) this.#options.keyRefused();
    return error;
  }

  /** Logs the failure. Ends the program if waiting cannot cure it and nothing has been decided yet. */
  #ends(verb: Call["verb"] | "members", error: CloudError): boolean {
    const { clock, log, limitedLog, counters, ending, starting, giveUp } = this.#options;
    if (ending.aborted) return true;
    counters.failed(verb, error.kind, clock.nowMs());
    const policy = verb === "members" ? this.#startupPolicies.members : this.#startupPolicies.calls;
    const hopeless = policy.endsWith(error, clock.nowMs());
    if (starting(verb) && hopeless) {
      log.write("critical", "cloud-refused", error.message);
      if (giveUp()) return true;
    }
    const text = `${verb}: ${error.message}${starting(verb) ? "; waiting for the cloud" : ""}`;
    limitedLog.write(`${verb} ${error.kind}`, ["warning", "cloud-error", text]);
    return false;
  }
}

/**
 * Makes the call. `limits` are those of a change; `identified` gets the addresses by which the peers know us. Throws
 * `CloudError`.
 */
async function askCloud(
  cloud: Cloud,
  call: Call,
  { limits, signal, identified }: {
    limits: ChangeLimits;
    signal: AbortSignal;
    identified: (nativeAddresses: readonly string[]) => void;
  },
): Promise<Answer> {
  const { verb } = call;
  switch (verb) {
    case "prepare": {
      const { wireId: selfId, nativeAddresses, ...rest } = await cloud.prepare(signal);
      identified(nativeAddresses);
      return { verb, selfId, ...rest, addresses: nativeAddresses };
    }
    case "look":
      return { verb, ...await cloud.look(call, signal) };
    case "inspect":
      return { verb, holds: await cloud.inspect(call.instanceId, signal) };
    case "attach":
      await cloud.attach(signal, limits);
      return { verb };
    case "detach-self":
      await cloud.detachSelf(signal);
      return { verb };
    case "evict":
      return { verb, outcome: await cloud.evict(call.instanceId, { ...call, ...limits }, signal) };
    default:
      return call satisfies never;
  }
}
