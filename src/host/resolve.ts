// All addresses of a host name, by the machine's own resolver: /etc/hosts, name servers, and what else it asks.
import { lookup } from "node:dns/promises";
import { canonicalIp } from "../core/ip.ts";

/** Longest time for both families together. */
const LOOKUP_MS = 5_000;
/** Once one family has addresses, the other is given this long: an AAAA without an answer must not cost more. */
const OTHER_FAMILY_MS = 300;
/** libuv's code for a name that does not exist; whatever else went wrong, it may be there all the same. */
const NO_SUCH_NAME = -3008;

type Family = 4 | 6;

/** The addresses of one family, as text in any form; empty: there are none. Rejects when that is not known. */
export type AskFamily = (name: string, family: Family) => Promise<readonly string[]>;

/** What `Host.lookup` promises, from questions about one family each. */
export function lookupBy(
  ask: AskFamily,
  sleep: (ms: number, signal: AbortSignal) => Promise<void>,
): (name: string) => Promise<readonly string[]> {
  // The system's resolver cannot be told to stop, and each question holds a thread: the same is not asked again
  // before it has ended.
  const asking = new Map<string, Promise<readonly string[]>>();
  const once = (name: string, family: Family) => {
    const key = `${family} ${name}`;
    const asked = asking.get(key) ?? ask(name, family).finally(() => asking.delete(key));
    asking.set(key, asked);
    return asked;
  };
  return async (name) => {
    const settled = new Map<Family, PromiseSettledResult<readonly string[]>>();
    const over = new AbortController();
    const found = Promise.withResolvers<void>();
    const asked = ([4, 6] as const).map((family) =>
      once(name, family).then(
        (value) => {
          settled.set(family, { status: "fulfilled", value });
          if (value.length > 0) found.resolve();
        },
        (reason) => void settled.set(family, { status: "rejected", reason }),
      )
    );
    const both = Promise.all(asked);
    const patience = found.promise.then(() => sleep(OTHER_FAMILY_MS, over.signal));
    await Promise.race([both, patience, sleep(LOOKUP_MS, over.signal)]);
    over.abort();
    return outcome(name, settled);
  };
}

function outcome(
  name: string,
  settled: ReadonlyMap<Family, PromiseSettledResult<readonly string[]>>,
): readonly string[] {
  const results = [...settled.values()];
  const found = results.flatMap((each) => each.status === "fulfilled" ? each.value : []);
  if (found.length > 0) return [...new Set(found.map((text) => canonicalIp(text) ?? text))];
  const failure = results.find((each) => each.status === "rejected");
  if (failure) throw failure.reason;
  if (settled.size === 2) return [];
  throw new Error(`${name}: no answer within ${LOOKUP_MS / 1_000} s`);
}

/** Asks the system; and Deno's own resolver beside it, since some versions of Deno let an AAAA hold up the A. */
export function askSystem(name: string, family: 4 | 6): Promise<readonly string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
  lookup(name, { family, all: true }).then(
    (found) => resolve(found.map(({ address }) => address)),
    (error) => error.errno === NO_SUCH_NAME ? resolve([]) : reject(error),
  );
  // It does not know all that the system knows: only what it finds counts.
  Deno.resolveDns(name, family === 4 ? "A" : "AAAA").then(
    (found) => found.length > 0 && resolve(found),
    () => {},
  );
  return promise;
}
