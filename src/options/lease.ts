// The lease: at most one node may hold the Elastic IP, because a consensus store says which.
import { type Option, shared } from "./option.ts";

/** The store that has the lease, and how to use it. */
export interface LeaseConfig {
  readonly store: "etcd";
  /** URLs without a path, at least one. */
  readonly endpoints: readonly string[];
  /** First part of all keys: begins with a slash, and does not end with one. */
  readonly prefix: string;
  /** Time to live of the lease: whole seconds. */
  readonly ttlMs: number;
  /** Whether a holder that hears all others may keep the Elastic IP without the store. */
  readonly failsafe: boolean;
  /** Whether the nodes send heartbeats; if not, the store says which nodes live. */
  readonly heartbeats: boolean;
  /** User of the store, null without one. */
  readonly user: string | null;
  /** The user's password, null without a user. */
  readonly password: string | null;
  /** This node's certificate for the store and its key, PEM; null without one. */
  readonly certificate: { readonly cert: string; readonly key: string } | null;
}

/** The lease as configured. */
export interface LeaseSettings {
  /** Null without a lease. */
  readonly lease: LeaseConfig | null;
}

/** The defaults of all options of the lease, which stand for a lease that is not there. */
const NONE: Omit<LeaseConfig, "store"> & { readonly store: null } = {
  store: null,
  endpoints: [],
  prefix: "/exoip",
  ttlMs: 10_000,
  failsafe: true,
  heartbeats: true,
  user: null,
  password: null,
  certificate: null,
};

/** An option of the lease; a reload compares what `of` gives, so one that was given nowhere has not changed. */
function ofLease(
  words: Omit<Parameters<typeof shared<LeaseSettings>>[0], "keys" | "of">,
  of: (lease: LeaseConfig | typeof NONE) => unknown,
): Option {
  return shared<LeaseSettings>({
    ...words,
    keys: ["lease"],
    of: ({ lease }) => of(lease ?? NONE),
  });
}

/** A credential for the store. A reload applies it, unless the store changes, too. */
function ofCredentials(
  words: Omit<Parameters<typeof ofLease>[0], "reload" | "take" | "restartIf">,
  of: (lease: LeaseConfig | typeof NONE) => unknown,
): Option {
  return ofLease({
    ...words,
    reload: "leaseCredentials",
    // A password for another store must not go to this one.
    restartIf: ({ lease: old }, { lease: next }) =>
      old === null || next === null || `${old.endpoints}` !== `${next.endpoints}`,
    take: (config, { lease: next }) => {
      const { lease } = config;
      if (lease === null || next === null) return config;
      const { user, password, certificate } = next;
      return { ...config, lease: { ...lease, user, password, certificate } };
    },
  }, of);
}

/** The lease. */
export const LEASE = [
  ofLease({
    name: "lease",
    group: "lease",
    kind: "list",
    variables: ["IF_LEASE"],
    value: "etcd:URL[,URL...]",
    help:
      "hold the Elastic IP only with a lease in this etcd (v3), so that at most one node does; " +
      "the same on all nodes",
  }, ({ store, endpoints }) => [store, endpoints]),
  ofLease({
    name: "lease-prefix",
    group: "lease",
    variables: ["IF_LEASE_PREFIX"],
    value: "PREFIX",
    fallback: NONE.prefix,
    help: "first part of the keys in the store; the same on all nodes",
  }, ({ prefix }) => prefix),
  ofCredentials({
    name: "lease-user",
    group: "lease",
    variables: ["IF_LEASE_USER"],
    value: "NAME",
    help: "user of the store",
  }, ({ user }) => user),
  ofCredentials({
    name: "lease-password-file",
    group: "lease",
    variables: ["IF_LEASE_PASSWORD_FILE"],
    value: "FILE",
    help: "file with the password of that user",
  }, ({ password }) => password),
  ofCredentials({
    name: "lease-cert-file",
    group: "lease",
    variables: ["IF_LEASE_CERT_FILE"],
    value: "FILE",
    help: "PEM file with the certificate that this node shows to the store",
  }, ({ certificate }) => certificate?.cert),
  ofCredentials({
    name: "lease-key-file",
    group: "lease",
    variables: ["IF_LEASE_KEY_FILE"],
    value: "FILE",
    help: "PEM file with the key of that certificate",
  }, ({ certificate }) => certificate?.key),
  ofLease({
    name: "lease-ttl",
    group: "lease",
    kind: "duration",
    variables: ["IF_LEASE_TTL"],
    value: "TIME",
    fallback: `${NONE.ttlMs / 1_000}`,
    help:
      "how long a lease lives without a renewal, 3s to 5min, in whole seconds; a crash costs this time",
  }, ({ ttlMs }) => ttlMs),
  ofLease({
    name: "lease-failsafe",
    group: "lease",
    kind: "switch",
    variables: ["IF_LEASE_FAILSAFE"],
    fallback: `${NONE.failsafe}`,
    help: "while the store is lost, a holder that hears every other node keeps the Elastic IP; " +
      "with =false it lets go",
  }, ({ failsafe }) => failsafe),
  ofLease({
    name: "heartbeats",
    group: "peers",
    variables: ["IF_HEARTBEATS"],
    value: "udp|none",
    fallback: "udp",
    help: "none sends no heartbeats: each node announces itself in the store of the lease",
  }, ({ heartbeats }) => heartbeats),
] as const satisfies readonly Option[];
