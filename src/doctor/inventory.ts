// The zone as the checks look at it, in the same words for both APIs. Nothing here changes anything.
import type { Group } from "./rules.ts";

/** A machine. */
export interface InventoryItem {
  readonly id: string;
  readonly name: string;
  /** Native addresses in canonical form. */
  readonly addresses: readonly string[];
  /** Security groups: ids on API v2, names on CloudStack. */
  readonly groups: readonly string[];
  /** Keys of the Elastic IPs that it holds; null when it was taken from a list that does not show them. */
  readonly held: readonly string[] | null;
  readonly poolId: string | null;
  /** Which public addresses it has (`inet4`, `dual`, `none`), empty where the API does not tell. */
  readonly assignment: string;
}

/** An Elastic IP. */
export interface InventoryAddress {
  /** What `held` has for it. */
  readonly key: string;
  /** Whether the cloud itself moves its traffic, null when the API does not tell. */
  readonly managed: boolean | null;
  /** As the cloud writes it. */
  readonly text: string;
}

/** A request that the configuration needs to be allowed. */
export interface Right {
  readonly operation: string;
  /** What is lost without it; null when nothing works. */
  readonly loss: string | null;
  /** Whether asking for it would change something, so that it is tried on what does not exist. */
  readonly changes: boolean;
  /** Resolves when it was let through. Throws `CloudError`. */
  readonly ask: (signal: AbortSignal) => Promise<unknown>;
}

/** The zone of this machine. All methods throw `CloudError`; each listing is asked for once. */
export interface Inventory {
  /** For messages. */
  readonly name: string;
  readonly machine: (id: string, signal: AbortSignal) => Promise<InventoryItem>;
  readonly machines: (signal: AbortSignal) => Promise<readonly InventoryItem[]>;
  /** Null when there is none; `known` then tells which there are. */
  readonly address: (ip: string, signal: AbortSignal) => Promise<InventoryAddress | null>;
  readonly known: (signal: AbortSignal) => Promise<readonly string[]>;
  /** Confirmed holders. */
  readonly holders: (ip: string, signal: AbortSignal) => Promise<readonly InventoryItem[]>;
  /** The pool of this machine if it hands that Elastic IP to all members. */
  readonly handedOutBy: (
    machine: InventoryItem,
    address: InventoryAddress,
    signal: AbortSignal,
  ) => Promise<{ readonly id: string; readonly name: string } | null>;
  /** The groups with their rules, by what `Surveyed.groups` has. */
  readonly groups: (
    wanted: readonly string[],
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, Group>>;
  /** What the key must be allowed to do. */
  readonly rights: (purpose: Purpose) => readonly Right[];
}

/** What the rights are for. */
export interface Purpose {
  readonly watches: boolean;
  readonly attaches: boolean;
  readonly detaches: boolean;
  /** Whether a security group must be found by its name. */
  readonly byGroup: boolean;
  readonly selfId: string;
  readonly elasticIps: readonly string[];
}

/** An instance, operation and NIC that do not exist. */
export const NOBODY = "00000000-0000-4000-8000-000000000000";

/** The same promise for every caller: what several checks want to know is asked once. */
export function once<T>(
  ask: (signal: AbortSignal) => Promise<T>,
): (signal: AbortSignal) => Promise<T> {
  let asked: Promise<T> | null = null;
  return (signal) => asked ??= ask(signal);
}
