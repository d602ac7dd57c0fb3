// What a fault is.
import type { Laboratory, Setup } from "./laboratory.ts";

/** Something that breaks between the nodes and the cloud, or among the nodes. */
export interface Fault {
  readonly title: string;
  readonly setup?: Setup;
  /** Breaks it. Where no outage follows, some way is left from now on. */
  begin(lab: Laboratory): Promise<unknown> | void;
  /** No way is left until this ends it. */
  readonly outage?: {
    readonly lastsMs: number;
    end(lab: Laboratory): Promise<unknown> | void;
  };
  /** What every surviving node must have logged meanwhile. */
  readonly says?: RegExp;
  /** Further time that is to be allowed, as where each answer takes long. */
  readonly graceMs?: number;
}

/** How a cell of the matrix begins. */
export const MODES = ["at rest", "master killed"] as const;

/** One of them. */
export type Mode = typeof MODES[number];
