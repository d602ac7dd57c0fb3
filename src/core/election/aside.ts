// Standing aside by request: the node ranks and advertises as an unhealthy one does, so it makes way for every node
// that can serve and keeps the address while no other node can. Only the words for the operator differ.
import { plain } from "../plain.ts";

/** The words for a request to stand aside. `demoted` ends with the process, `drained` lasts until it is taken back. */
export type AsideKind = "drained" | "demoted";

/** A request to stand aside. */
export interface Aside {
  readonly kind: AsideKind;
  /** Who asked: a user of this machine, or `cordon`. At most 64 characters on one line. */
  readonly by: string;
  /** Why, in the operator's words; empty when no reason was given. At most 200 characters on one line. */
  readonly why: string;
  /** When, in Unix time; the core only passes it on. */
  readonly wallMs: number;
}

/** The operator's request: stand aside, or take part again (null). */
export interface AsideEvent {
  readonly kind: "aside";
  readonly aside: Aside | null;
}

/**
 * Put this node first: before every live peer. A holder that --no-preempt or --preempt-delay would protect is preempted
 * at once, because an operator asks for it.
 */
export interface PromoteEvent {
  readonly kind: "promote";
}

/** What decides whether the node stands aside; part of the election's state. */
export interface Fitness {
  readonly healthy: boolean;
  readonly unhealthyReason: string;
  readonly aside: Aside | null;
}

/** Longest name of the one who asked, and longest reason: both must fit into a log line and the answer to `info`. */
const BY_MAX_CHARS = 64, WHY_MAX_CHARS = 200;

/** The request with texts that fit into one line. */
export function plainAside({ kind, by, why, wallMs }: Aside): Aside {
  return { kind, by: plain(by, BY_MAX_CHARS), why: plain(why, WHY_MAX_CHARS), wallMs };
}

/** Whether this node ranks with the healthy ones: its checks pass, and nobody asked it to stand aside. */
export function fit({ healthy, aside }: Pick<Fitness, "healthy" | "aside">): boolean {
  return healthy && aside === null;
}

/** Why a node that is not fit makes way: what an operator asked for goes before what a check finds. */
export function unfitReason({ aside }: Pick<Fitness, "aside">): AsideKind | "unhealthy" {
  return aside?.kind ?? "unhealthy";
}

/** `by root: kernel update`, with the failing check of a node that is also unhealthy. */
export function asideText({ aside, healthy, unhealthyReason }: Fitness): string {
  if (aside === null) return "";
  const ill = healthy ? "" : `; unhealthy, too${unhealthyReason && `: ${unhealthyReason}`}`;
  return `by ${aside.by}${aside.why && `: ${aside.why}`}${ill}`;
}
