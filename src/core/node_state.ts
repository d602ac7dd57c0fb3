// What a node is, what can happen to it, and what it wants done.
import type { Accepted, Rejected } from "./election/accept.ts";
import type { DesiredState } from "./election/desired_state.ts";
import type { Election, ElectionSettings, MissingPeer, TwinHeard } from "./election/state.ts";
import type { ElectionEvent, HealthEvent } from "./election/step.ts";
import type { Advert, Mark } from "./heartbeat.ts";
import type { Ownership, OwnershipEvent } from "./ownership/state.ts";
import type { RejectReason } from "./registry/reject_reasons.ts";
import type { Report } from "./registry/report.ts";
import type { Membership } from "./membership.ts";
import type { Call } from "./ownership/call.ts";

/** What the node is told once. */
export interface NodeSettings extends ElectionSettings {
  /** Longest time between two looks at the cloud, 5 s to 5 min. */
  readonly reconcileMs: number;
}

/** What can happen. The instant comes beside the event; `roll` is a random number in 0..1. */
export type NodeEvent =
  | { readonly kind: "tick" }
  /** A heartbeat came in: what `accept()` made of it. */
  | Accepted
  | Rejected
  | ({ readonly kind: "twin-heard" } & TwinHeard)
  | { readonly kind: "nudge"; readonly by: -1 | 1 }
  | HealthEvent
  | { readonly kind: "settings"; readonly settings: NodeSettings }
  | { readonly kind: "stop" }
  | Extract<OwnershipEvent, { kind: "progress" | "answered" | "failed" }>
  /** `found` says why these are the peers, where nobody named them. */
  | (Extract<ElectionEvent, { kind: "members" }> & { readonly found?: string })
  /** Other addresses of peers by hand, or by their names; the cloud is then asked for their ids. */
  | {
    readonly kind: "peers";
    readonly addresses: readonly string[];
    readonly missing?: readonly MissingPeer[];
  }
  | Extract<ElectionEvent, { kind: "missing" }>
  | { readonly kind: "members-failed"; readonly retryAfterMs: number | null };

/** What the node wants done. */
export type NodeEffect =
  | {
    readonly kind: "send";
    readonly to: string;
    readonly advert: Advert;
    readonly hearsYou: boolean;
    /** The latest heartbeat of the receiver that we know, null when none with a right tag came. */
    readonly echo: Mark | null;
    /**
     * Not to a peer: to another machine that speaks with our id, or to an address that the cloud lists for ourselves,
     * where such a machine may be; the latter only if it is none of this machine.
     */
    readonly apart?: "twin" | "self";
  }
  | { readonly kind: "call"; readonly id: number; readonly call: Call }
  | { readonly kind: "members" }
  | {
    readonly kind: "refused";
    readonly from: string;
    /** Who it says that it is from. */
    readonly id: string;
    readonly reason: RejectReason;
  }
  | ({ readonly kind: "report" } & Report)
  | { readonly kind: "exit"; readonly code: 0 | 1 };

/** The node's whole state. */
export interface Node {
  readonly election: Election;
  readonly ownership: Ownership;
  readonly membership: Membership;
  readonly desired: DesiredState;
  readonly said: Advert;
  /** When the first stop came, null while running. */
  readonly stoppedAtMs: number | null;
}

/** One step: its instant, and where its effects are collected. */
export interface Turn {
  readonly atMs: number;
  readonly effects: NodeEffect[];
}
