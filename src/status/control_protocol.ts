// What a command and the watchdog of this machine say to each other on the control socket: one line of JSON each way. A
// command of another version may send a field that this one does not know, and may leave out a newer one.
import type { Aside } from "../core/election/aside.ts";
import type { Reason, Role } from "../core/election/state.ts";
import { plain } from "../core/plain.ts";

/** What can be asked. `state` changes nothing. */
export const CONTROL_VERBS = ["state", "demote", "promote", "drain", "undrain"] as const;
/** One of them. */
export type ControlVerb = typeof CONTROL_VERBS[number];

/** One request. */
export interface ControlRequest {
  readonly verb: ControlVerb;
  /** Who asks: a user of this machine. The socket's mode decides who can ask; this is for the record. */
  readonly by: string;
  /** Why, empty when no reason was given. */
  readonly why: string;
  /** When it was asked, in Unix time. */
  readonly wallMs: number;
  /** For one Elastic IP; null for all. A drain is always for all. */
  readonly elasticIp: string | null;
}

/** One Elastic IP after the request. */
export interface AddressStand {
  readonly elasticIp: string;
  readonly role: Role;
  readonly reason: Reason;
  readonly priority: number;
  /** Whether the cloud shows the address on this node, null while unknown. */
  readonly holding: boolean | null;
  /** Whether a change of that is under way. */
  readonly changing: boolean;
  /** Who holds, as far as this node knows: `this node`, and peers by name and address. */
  readonly holders: readonly string[];
  /** Whether this node has decided its role. */
  readonly decided: boolean;
  /** Whether a live peer ranks before this node. */
  readonly outranked: boolean;
  /** The request to stand aside that is in force, null without one. */
  readonly aside: Aside | null;
  /** Longest wait for a successor, --handover-timeout. */
  readonly handoverMs: number;
}

/** The answer; `problem` says why nothing was changed. */
export type ControlAnswer =
  | {
    readonly ok: true;
    readonly addresses: readonly AddressStand[];
    /** The record of a drain that this watchdog reads at its start. */
    readonly drainFile: string;
  }
  | { readonly ok: false; readonly problem: string };

/** Longest text of a request that is believed. */
const TEXT_MAX_CHARS = 300;

/** The line of a request. */
export function requestLine(request: ControlRequest): string {
  return JSON.stringify(request);
}

/** Reads a request, or says what is wrong with it. */
export function requestIn(line: string): ControlRequest | { readonly problem: string } {
  const fields = objectIn(line);
  if (fields === null) return { problem: "the request is no JSON object" };
  const verb = CONTROL_VERBS.find((each) => each === fields.verb);
  if (verb === undefined) {
    const found = plain(JSON.stringify(fields.verb) ?? "nothing", TEXT_MAX_CHARS);
    return { problem: `unknown request ${found}, wanted ${CONTROL_VERBS.join(", ")}` };
  }
  const text = (value: unknown) => typeof value === "string" ? plain(value, TEXT_MAX_CHARS) : "";
  const { by, why, wallMs, elasticIp } = fields;
  return {
    verb,
    by: text(by) || "unknown",
    why: text(why),
    wallMs: typeof wallMs === "number" && Number.isFinite(wallMs) ? wallMs : 0,
    elasticIp: text(elasticIp) || null,
  };
}

/** Reads an answer; throws when the text is not an answer. */
export function answerIn(line: string): ControlAnswer {
  const fields = objectIn(line);
  const { ok, problem, addresses, drainFile } = fields ?? {};
  if (ok === false && typeof problem === "string") return { ok, problem };
  if (ok === true && Array.isArray(addresses) && typeof drainFile === "string") {
    return { ok, addresses, drainFile };
  }
  throw new Error("it answered something else than a watchdog does");
}

function objectIn(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Record<string, unknown>
      : null;
  } catch {
    return null;
  }
}
