// The zone as the checks see it, in the same terms for both APIs. It changes nothing.
import type { Group } from "./rules.ts";

/** A machine. */
export interface InventoryItem {
  readonly id: string;
  readonly name: string;
  /** Native addresses in canonical form. */
  readonly addresses: readonly string[];
  /** Security groups: ids on API v2, names on CloudStack. */
  readonly groups: readonly string[];
  /** Keys of the Elastic IPs that it holds; null if the list that it comes from does not show them. */
  readonly held: readonly string[] | null;
  readonly poolId: string | null;
  /** Its public addresses (`inet4`, `dual`, `none`), empty where the API does not tell. */
  readonly assignment: string;
}

/** An Elastic IP. */
export interface InventoryAddress {
  /** Its key in `held`. */
  readonly key: string;
  /** Whether the cloud itself moves its traffic, null when the API does not tell. */
  readonly managed: boolean | null;
  /** As the cloud writes it. */
  readonly text: string;
}

/** A request that the configuration needs. */
export interface Right {
  readonly operation: string;
  /** What is lost without it; null when nothing works. */
  readonly loss: string | null;
  /** Whether the request would change something; it is then tried on a resource that does not exist. */
  readonly changes: boolean;
  /** Resolves when it was allowed. Throws `CloudError`. */
  readonly ask: (signal: AbortSignal) => Promise<unknown>;
}

/** The zone of this machine. All methods throw `CloudError`; each listing is requested once. */
export interface Inventory {
  /** For messages. */
  readonly name: string;
  readonly machine: (id: string, signal: AbortSignal) => Promise<InventoryItem>;
  readonly machines: (signal: AbortSignal) => Promise<readonly InventoryItem[]>;
  /** Null when it does not exist; `known` then lists those that do. */
  readonly address: (ip: string, signal: AbortSignal) => Promise<InventoryAddress | null>;
  readonly known: (signal: AbortSignal) => Promise<readonly string[]>;
  /** Confirmed holders. */
  readonly holders: (ip: string, signal: AbortSignal) => Promise<readonly InventoryItem[]>;
  /** The pool of this machine, if it gives that Elastic IP to all its members. */
  readonly handedOutBy: (
    machine: InventoryItem,
    address: InventoryAddress,
    signal: AbortSignal,
  ) => Promise<{ readonly id: string; readonly name: string } | null>;
  /** The groups with their rules, by the ids or names in `InventoryItem.groups`. */
  readonly groups: (
    wanted: readonly string[],
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, Group>>;
  /** The rights that the key needs. */
  readonly rights: (purpose: Purpose) => readonly Right[];
}

/** What the rights must cover. */
export interface Purpose {
  readonly watches: boolean;
  readonly attaches: boolean;
  readonly detaches: boolean;
  /** Whether a security group has to be found by its name. */
  readonly byGroup: boolean;
  /** Operations that private networks need. */
  readonly networkReadings: readonly string[];
  readonly selfId: string;
  readonly elasticIps: readonly string[];
}

/** The id of an instance, operation or NIC that does not exist. */
export const NOBODY = "00000000-0000-4000-8000-000000000000";

/** The same promise for every caller, so that several checks share one request. */
export function once<T>(
  ask: (signal: AbortSignal) => Promise<T>,
): (signal: AbortSignal) => Promise<T> {
  let asked: Promise<T> | null = null;
  return (signal) => asked ??= ask(signal);
}
