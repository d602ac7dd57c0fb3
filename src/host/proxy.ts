// Which requests may go through a proxy. The metadata service identifies this machine, a check tests a local service,
// and an `http://` endpoint is on loopback: a proxy on another machine cannot answer any of them. The store of the
// lease is near the nodes, and a proxy in between would be one more thing that can cost the lease.

/** The variables of this process. */
export type Variables = Pick<typeof Deno.env, "get" | "set" | "delete">;

const LOCAL = ["localhost", "127.0.0.1", "::1"];

/** Lets only `https://` requests to other machines go through a proxy. Call it before the first request. */
export function keepPlainRequestsDirect(env: Variables): void {
  const all = env.get("ALL_PROXY") || env.get("all_proxy");
  if (all && !env.get("HTTPS_PROXY") && !env.get("https_proxy")) env.set("HTTPS_PROXY", all);
  for (const name of ["ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"]) env.delete(name);
  keepDirect(LOCAL, env);
}

/** Lets requests to these hosts go direct as well. Call it before the first request to them. */
export function keepDirect(hostnames: readonly string[], env: Variables = Deno.env): void {
  if (!env.get("HTTPS_PROXY") && !env.get("https_proxy")) return;
  const excepted = env.get("NO_PROXY") || env.get("no_proxy");
  const all = [...(excepted ? [excepted] : []), ...hostnames].join(",");
  for (const name of ["NO_PROXY", "no_proxy"]) env.set(name, all);
}
