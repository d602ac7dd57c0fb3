// Where this machine looks names up: the C library (hosts file, search domains) and the name servers themselves.
import { lookup } from "node:dns/promises";
import type { Family, NameSources } from "../transport/names.ts";

const RESOLV_CONF = "/etc/resolv.conf";
/** libuv's code (EAI_NONAME) for a name that does not exist. */
const NO_SUCH_NAME = -3008;

/** Makes the C library try the next name server after one second, not five. Call it before the first look-up. */
export function hurryResolver(env: Pick<typeof Deno.env, "get" | "set">): void {
  if (!env.get("RES_OPTIONS")) env.set("RES_OPTIONS", "timeout:1 attempts:3");
}

/** The name sources of this machine. */
export function systemNameSources(): NameSources {
  let known = readNameServers();
  return {
    async system(name: string, family: Family) {
      try {
        // The runtime asks for both families in either case. Keep its IPv4 addresses, too: if each answer has another
        // address, the two look-ups together find more than one.
        const wanted = family === 4 ? { family, all: true as const } : { all: true as const };
        return (await lookup(name, wanted)).map(({ address }) => address);
      } catch (error) {
        if ((error as { errno?: unknown }).errno === NO_SUCH_NAME) return [];
        throw error;
      }
    },
    async servers(name: string, family: Family) {
      // The runtime reads that file on the loop's thread, whatever it is.
      if (!isReadable(RESOLV_CONF)) throw new Error(`${RESOLV_CONF} is no file of usual size`);
      // A final dot makes the name complete, so that no search domain is tried first.
      try {
        return await Deno.resolveDns(`${name.replace(/\.$/, "")}.`, family === 4 ? "A" : "AAAA");
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return [];
        throw error;
      }
    },
    described() {
      // The right to read may be given up by now; then use what was read last.
      known = readNameServers() ?? known;
      return known && "servers" in known ? known.servers : "";
    },
    missing() {
      known = readNameServers() ?? known;
      return known && "missing" in known ? known.missing : null;
    },
  };
}

/** Largest resolv.conf, because a pipe or a device has no end. */
const CONF_MAX_BYTES = 65_536;

/** Whether reading it ends soon. True if it cannot be examined, because the runtime may be able to read it. */
function isReadable(path: string): boolean {
  try {
    const { isFile, size } = Deno.statSync(path);
    return isFile && size <= CONF_MAX_BYTES;
  } catch (error) {
    return error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.NotFound;
  }
}

/** The name servers, or why there are none; null when that is unknown. */
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
