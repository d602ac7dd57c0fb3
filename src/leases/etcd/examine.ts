// Examines each endpoint of an etcd for the doctor: whether it answers, how fast, what it shows, and whether the user
// may write. Changes nothing: to learn whether the user may write, it asks for a change under a condition that never
// holds.
import type { LeaseSight } from "../../core/lease/call.ts";
import { StoreError } from "../store_error.ts";
import { encoded, type Fields, listOf } from "./fields.ts";
import { Gateway, type GatewayOptions } from "./gateway.ts";
import { clusterIn } from "./one_cluster.ts";
import { keysOf, pairOf, revisionIn, sightOf } from "./records.ts";

/** What one endpoint showed. */
export interface Examined {
  readonly endpoint: string;
  /** How long a read of the majority took, in ms; Infinity if none succeeded. */
  readonly tookMs: number;
  /** Its cluster, as etcdctl writes it; null if it did not say. */
  readonly cluster: string | null;
  /** What the store shows for each Elastic IP, in their order, or the error instead. */
  readonly sights: readonly (LeaseSight | StoreError)[];
  /** Why the user may not write; null if it may. */
  readonly writing: StoreError | null;
}

/** What to look at. */
export interface Examination extends GatewayOptions {
  readonly prefix: string;
  readonly elasticIps: readonly string[];
}

/** Examines every endpoint, all at once. Throws when the runtime cannot use the certificates or their key. */
export async function examineEtcd(options: Examination, signal: AbortSignal): Promise<Examined[]> {
  return await Promise.all(
    options.endpoints.map((endpoint) => examineEndpoint(endpoint, options, signal)),
  );
}

async function examineEndpoint(
  endpoint: string,
  { prefix, elasticIps, nowMs, ...options }: Examination,
  signal: AbortSignal,
): Promise<Examined> {
  const gateway = new Gateway({ ...options, nowMs, endpoints: [endpoint] });
  try {
    const sights: (LeaseSight | StoreError)[] = [];
    let tookMs = Infinity, cluster: string | null = null;
    for (const elasticIp of elasticIps) {
      const keys = keysOf(prefix, elasticIp);
      const answer = gateway.attempt(signal, async ({ ask }) => {
        const startMs = nowMs(), found = await ask("/v3/kv/range", keys.range);
        tookMs = Math.min(tookMs, nowMs() - startMs);
        cluster = clusterIn(found);
        return sightOf(listOf(found.kvs, "the keys").map(pairOf), keys, revisionIn(found));
      });
      sights.push(await answer.catch(asStoreError));
    }
    const [elasticIp = ""] = elasticIps;
    const writing = await gateway.attempt(signal, async ({ ask }) => {
      await ask("/v3/kv/txn", neverDone(keysOf(prefix, elasticIp).holder));
      return null;
    }).catch(asStoreError);
    return { endpoint, tookMs, cluster, sights, writing };
  } finally {
    gateway.close();
  }
}

/** A change that etcd checks the rights for but never makes: no key was created before the first revision. */
function neverDone(key: string): Fields {
  const place = encoded(key);
  return {
    compare: [{ key: place, target: "CREATE", result: "LESS", create_revision: "0" }],
    success: [{ request_put: { key: place, value: "" } }],
  };
}

function asStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  throw error;
}
