// Asks the Kubernetes API server whether a node is cordoned, with the pod's own service account. Token and certificate
// authority are read for each question, because the cluster replaces them.
import { hostText } from "../core/ip.ts";
import type { ReadTextFile } from "./text_file.ts";
import type { Environment } from "../world.ts";

/** Where a pod finds its service account. */
const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Longest question. */
const ASK_MS = 4_000;
/** Largest description of a node: it lists the images there. */
const NODE_MAX_BYTES = 4 * 1024 * 1024;

/** The API server as a pod sees it. */
export interface Cluster {
  readonly host: string;
  readonly port: string;
  /** The node to ask about. */
  readonly node: string;
  readonly read: ReadTextFile;
  /** Folder of the service account; another one in tests. */
  readonly account?: string;
}

/** The cluster around this process, or what is missing. */
export function clusterOf(
  env: Environment,
  { node, read }: { node: string | null; read: ReadTextFile },
): Cluster | { readonly problem: string } {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = env;
  if (!host) return { problem: "this is no pod of Kubernetes: KUBERNETES_SERVICE_HOST is not set" };
  if (node === null) {
    return { problem: "the name of the node is unknown: give --kubernetes-node, or NODE_NAME" };
  }
  return { host, port, node, read };
}

/** Whether the node is cordoned. Rejects with why that is unknown, within seconds. */
export async function isCordoned(
  { host, port, node, read, account = ACCOUNT }: Cluster,
  signal: AbortSignal,
): Promise<boolean> {
  const [token, authority] = await Promise.all([
    read(`${account}/token`),
    read(`${account}/ca.crt`),
  ]);
  using client = Deno.createHttpClient({ caCerts: [authority], poolMaxIdlePerHost: 0 });
  const url = `https://${hostText(host)}:${port}/api/v1/nodes/${encodeURIComponent(node)}`;
  const response = await fetch(url, {
    client,
    headers: { authorization: `Bearer ${token.trim()}`, accept: "application/json" },
    redirect: "error",
    signal: AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]),
  });
  const text = await textOf(response);
  if (response.status === 403) {
    throw new Error(`the service account may not get node ${node}: it needs the verb get on nodes`);
  }
  if (response.status === 404) throw new Error(`there is no node ${node}`);
  if (response.status !== 200) throw new Error(`it answered with status ${response.status}`);
  return cordonedIn(text);
}

/** The limit keeps a strange server from filling the memory. */
async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "", size = 0;
  for await (const bytes of response.body ?? []) {
    size += bytes.length;
    if (size > NODE_MAX_BYTES) {
      throw new Error(`it answered with more than ${NODE_MAX_BYTES} bytes`);
    }
    text += decoder.decode(bytes, { stream: true });
  }
  return text;
}

function cordonedIn(text: string): boolean {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("it answered with something else than JSON");
  }
  const { kind, spec } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (kind !== "Node" || typeof spec !== "object" || spec === null) {
    throw new Error("it answered with something else than a node");
  }
  return (spec as { unschedulable?: unknown }).unschedulable === true;
}
