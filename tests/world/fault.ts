// What a fault is.
import type { Laboratory, Setup } from "./laboratory.ts";

/** A fault between the nodes and the cloud, or among the nodes. */
export interface Fault {
  readonly title: string;
  readonly setup?: Setup;
  /** Starts the fault. Without an outage, some route to the cloud still works. */
  begin(lab: Laboratory): Promise<unknown> | void;
  /** No route works until this ends the outage. */
  readonly outage?: {
    readonly lastsMs: number;
    end(lab: Laboratory): Promise<unknown> | void;
  };
  /** What every surviving node must log meanwhile. */
  readonly says?: RegExp;
  /** Extra time to allow, for example where each answer takes long. */
  readonly graceMs?: number;
}

/** The state of a cell's cluster when its fault begins. */
export const MODES = ["at rest", "master killed"] as const;

/** One of them. */
export type Mode = typeof MODES[number];
