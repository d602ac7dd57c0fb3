// Where this machine looks names up: the C library (hosts file, search domains) and the name servers themselves.
import { lookup } from "node:dns/promises";
import type { Family, NameSources } from "../transport/names.ts";

const RESOLV_CONF = "/etc/resolv.conf";
/** libuv's code (EAI_NONAME) for a name that does not exist. */
const NO_SUCH_NAME = -3008;

/** The C library then asks the next name server after one second, not five. To be called before the first look-up. */
export function hurryResolver(env: Pick<typeof Deno.env, "get" | "set">): void {
  if (!env.get("RES_OPTIONS")) env.set("RES_OPTIONS", "timeout:1 attempts:3");
}

/** Those of this machine. */
export function systemNameSources(): NameSources {
  let known = readNameServers();
  return {
    async system(name: string, family: Family) {
      try {
        // The runtime asks for both families in either case. What it knows beside IPv6 counts, too: where each answer
        // has another address, the two look-ups together know more than one.
        const wanted = family === 4 ? { family, all: true as const } : { all: true as const };
        return (await lookup(name, wanted)).map(({ address }) => address);
      } catch (error) {
        if ((error as { errno?: unknown }).errno === NO_SUCH_NAME) return [];
        throw error;
      }
    },
    async servers(name: string, family: Family) {
      // The runtime reads that file on its own thread, whatever it is.
      if (!isReadable(RESOLV_CONF)) throw new Error(`${RESOLV_CONF} is no file of usual size`);
      // With a dot at its end the name is complete, so that no search domain is tried first.
      try {
        return await Deno.resolveDns(`${name.replace(/\.$/, "")}.`, family === 4 ? "A" : "AAAA");
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return [];
        throw error;
      }
    },
    described() {
      // The right to read may be given up by now: what was read last is still the best there is.
      known = readNameServers() ?? known;
      return known && "servers" in known ? known.servers : "";
    },
    missing() {
      known = readNameServers() ?? known;
      return known && "missing" in known ? known.missing : null;
    },
  };
}

/** Largest resolv.conf; a pipe or a device has no end. */
const CONF_MAX_BYTES = 65_536;

/** Whether reading it ends soon; also where nothing of it may be known, as the runtime may know more. */
function isReadable(path: string): boolean {
  try {
    const { isFile, size } = Deno.statSync(path);
    return isFile && size <= CONF_MAX_BYTES;
  } catch (error) {
    return error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.NotFound;
  }
}

/** The name servers, or why there are none; null when that cannot be known. */
function readNameServers(): { servers: string } | { missing: string } | null {
  if (Deno.permissions.querySync({ name: "read", path: RESOLV_CONF }).state !== "granted") {
    return null;
  }
  if (!isReadable(RESOLV_CONF)) return null;
  try {
    const text = Deno.readTextFileSync(RESOLV_CONF);
    const servers = [...text.matchAll(/^\s*nameserver\s+(\S{1,64})/gm)].map(([, server]) => server);
    return servers.length > 0
      ? { servers: `${servers.slice(0, 3).join(", ")} (${RESOLV_CONF})` }
      : { missing: `${RESOLV_CONF} names no name server` };
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    return missing ? { missing: `${RESOLV_CONF} is not there` } : null;
  }
}
