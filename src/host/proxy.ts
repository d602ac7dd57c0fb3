// Which requests may go through a proxy. The metadata service tells a machine who it is, a check asks what runs on it,
// and a plain endpoint is on loopback: another machine cannot answer for any of them.

/** The variables of this process. */
export type Variables = Pick<typeof Deno.env, "get" | "set" | "delete">;

const LOCAL = "localhost,127.0.0.1,::1";

/** Lets nothing but `https://` to other machines go through a proxy. To be called before the first request. */
export function keepPlainRequestsDirect(env: Variables): void {
  const all = env.get("ALL_PROXY") || env.get("all_proxy");
  if (all && !env.get("HTTPS_PROXY") && !env.get("https_proxy")) env.set("HTTPS_PROXY", all);
  for (const name of ["ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"]) env.delete(name);
  if (!env.get("HTTPS_PROXY") && !env.get("https_proxy")) return;
  const excepted = env.get("NO_PROXY") || env.get("no_proxy");
  for (const name of ["NO_PROXY", "no_proxy"]) {
    env.set(name, excepted ? `${excepted},${LOCAL}` : LOCAL);
  }
}
