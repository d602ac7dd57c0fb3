// A node's state, its events and its effects.
import type { Accepted, Rejected } from "../election/accept.ts";
import type { AsideEvent, PromoteEvent } from "../election/aside.ts";
import type { DesiredState } from "../election/desired_state.ts";
import type { Election, ElectionSettings, MissingPeer, TwinHeard } from "../election/state.ts";
import type { ElectionEvent, HealthEvent } from "../election/step.ts";
import type { Advert, Mark } from "../heartbeat.ts";
import type { LeaseCall } from "../lease/call.ts";
import type { Lease, LeaseEvent, LeaseSettings } from "../lease/state.ts";
import type { Ownership, OwnershipEvent } from "../ownership/state.ts";
import type { RejectReason } from "../registry/reject_reasons.ts";
import type { Report } from "../registry/events.ts";
import type { Membership } from "./membership.ts";
import type { Call } from "../ownership/call.ts";

/** Settings of a node; only a reload changes them. */
export interface NodeSettings extends ElectionSettings {
  /** Longest time between two looks at the cloud, 5 s to 5 min. */
  readonly reconcileMs: number;
  /** Elastic IPs that move together with `elasticIp`, see group.ts; none when left out. A reload changes none. */
  readonly sisters?: readonly string[];
  /** Only the owner of a lease may hold; no lease when left out. A reload does not change it. */
  readonly lease?: LeaseSettings | null;
}

/** Whether some of these nodes send heartbeats and listen for them; else the store of the lease takes their place. */
export function someSpeak(nodes: readonly Pick<NodeSettings, "lease">[]): boolean {
  return nodes.some(({ lease }) => lease?.heartbeats !== false);
}

/** The address that a call or a report is about, when it is not the only one. */
interface About {
  /** Left out: the node's own one, `settings.elasticIp`. */
  readonly elasticIp?: string;
}

/** An event of the node. The time is passed separately; `roll` is a random number in 0..1. */
export type NodeEvent =
  | { readonly kind: "tick" }
  /** A received heartbeat, as `accept()` judged it. */
  | Accepted
  | Rejected
  | ({ readonly kind: "twin-heard" } & TwinHeard)
  | { readonly kind: "nudge"; readonly by: -1 | 1 }
  | HealthEvent
  | AsideEvent
  | PromoteEvent
  | { readonly kind: "settings"; readonly settings: NodeSettings }
  | { readonly kind: "stop" }
  | Extract<OwnershipEvent, { kind: "progress" }>
  | (Extract<OwnershipEvent, { kind: "accepted" | "answered" | "failed" }> & About)
  /** `found` says how discovery found these peers; it is not set if the configuration names them. */
  | (Extract<ElectionEvent, { kind: "members" }> & { readonly found?: string })
  /** New addresses of configured peers, or of their names; the cloud is then asked for their ids. */
  | {
    readonly kind: "peers";
    readonly addresses: readonly string[];
    readonly missing?: readonly MissingPeer[];
  }
  | Extract<ElectionEvent, { kind: "missing" }>
  | Exclude<LeaseEvent, { kind: "tick" | "wish" }>
  | { readonly kind: "members-failed"; readonly retryAfterMs: number | null };

/** An effect that the node asks for. */
export type NodeEffect =
  | {
    readonly kind: "send";
    readonly to: string;
    readonly advert: Advert;
    readonly hearsYou: boolean;
    /** The latest heartbeat of the receiver with a valid signature, null when there is none. */
    readonly echo: Mark | null;
    /**
     * Set if the receiver is not a peer. `twin`: another machine with our id. `self`: an address that the cloud lists
     * for us, where such a machine may be; sent only if this machine does not have that address.
     */
    readonly apart?: "twin" | "self";
  }
  | ({ readonly kind: "call"; readonly id: number; readonly call: Call } & About)
  | { readonly kind: "members" }
  /** A call to the store of the lease, which gets that long. */
  | {
    readonly kind: "store";
    readonly id: number;
    readonly call: LeaseCall;
    readonly limitMs: number;
  }
  | {
    readonly kind: "refused";
    readonly from: string;
    /** The sender's id in the heartbeat. */
    readonly id: string;
    readonly reason: RejectReason;
  }
  | ({ readonly kind: "report" } & Report & About)
  | { readonly kind: "exit"; readonly code: 0 | 1 };

/** One address of a node. */
export interface Member {
  readonly elasticIp: string;
  readonly ownership: Ownership;
}

/** The node's whole state. */
export interface Node {
  readonly election: Election;
  readonly ownership: Ownership;
  /** The addresses that move together with this one. */
  readonly sisters: readonly Member[];
  readonly membership: Membership;
  /** Null if holding takes none. */
  readonly lease: Lease | null;
  /** What the election wants, as far as the lease lets it. */
  readonly desired: DesiredState;
  readonly said: Advert;
  /** When the first stop came, null while running. */
  readonly stoppedAtMs: number | null;
}

/** One step: its time, and the list that collects its effects. */
export interface Turn {
  readonly atMs: number;
  readonly effects: NodeEffect[];
}
