// From the configuration to the store that has the lease.
import { type Config, nameOf } from "../config/config.ts";
import { messageOf } from "../core/message_of.ts";
import type { Host } from "../host/host.ts";
import { type Etcd, openEtcd } from "../leases/etcd/etcd.ts";
import type { LeaseConfig } from "../options/lease.ts";

/** A store for each Elastic IP, over the same connections. */
export type Stores = Etcd;

/**
 * Prepares the store of the lease without asking it, null without a lease. Throws an error that names the options when
 * the certificates, or the key, cannot be used.
 */
export function connectStore(
  { lease, caCerts }: Pick<Config, "lease" | "caCerts">,
  { clock, keepDirect }: Pick<Host, "clock" | "keepDirect">,
): Stores | null {
  if (lease === null) return null;
  keepDirect?.(hostnamesOf(lease));
  try {
    return openEtcd({ ...lease, caCerts, clock });
  } catch (error) {
    const files = ["ca-file", "lease-cert-file", "lease-key-file"].map(nameOf);
    const given = lease.certificate === null ? files.slice(0, 1) : files;
    throw new Error(
      `${given.join(", ")}: a certificate or key cannot be used: ${messageOf(error)}`,
    );
  }
}

/** The hosts of the store, as variables such as NO_PROXY name them: an IPv6 address without its brackets. */
export function hostnamesOf({ endpoints }: Pick<LeaseConfig, "endpoints">): readonly string[] {
  return endpoints.map((url) => new URL(url).hostname.replace(/^\[|\]$/g, ""));
}
