// Every kind of error of a store that has leases, by name: the word by which it is counted.

/** What an operator reads about a kind. */
export interface StoreErrorKindRow {
  readonly meaning: string;
  readonly cure: string;
}

/** By word, from the connection to the answer. */
export const STORE_ERROR_KINDS = {
  "unreachable": {
    meaning: "No member of the store answered in time, or none could be reached by its name.",
    cure: "Look at the store's members, and at names, routes and firewalls on the way to them.",
  },
  "tls": {
    meaning: "This node rejects the store's certificate, or the store rejects this node's.",
    cure: "Check --ca-file, --lease-cert-file and --lease-key-file, the names, and the clocks.",
  },
  "denied": {
    meaning: "User or password is wrong, or the user's role may not use the keys.",
    cure: "Check --lease-user and --lease-password-file, and grant the role the whole prefix.",
  },
  "unavailable": {
    meaning: "The store answers but cannot serve: no leader, no quorum, or no space.",
    cure: "Repair the store: most of its members must run, reach each other and have space.",
  },
  "odd-answer": {
    meaning: "The answer makes no sense for a store of this kind.",
    cure: "Check the addresses in --lease, and any proxy on the way.",
  },
  "aborted": {
    meaning: "This node gave the call up, because it took too long or the program ends.",
    cure: "Nothing, if it passes; otherwise the store is too slow for this --lease-ttl.",
  },
} as const;
STORE_ERROR_KINDS satisfies Readonly<Record<string, StoreErrorKindRow>>;

/** The kind of an error of the store. */
export type StoreErrorKind = keyof typeof STORE_ERROR_KINDS;
