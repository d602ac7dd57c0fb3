// All faulty behaviours of name servers.
import { answer, FORMERR, type Query } from "./dns_message.ts";
import { type Behaviour, truthful, type Zone } from "./name_server.ts";

/** Never answers. */
export function silent(): null {
  return null;
}

/** Answers only with a response code. */
export function failing(code: number): Behaviour {
  return (query) => answer(query, { code });
}

/** Knows every name, but has no records. */
export function empty(query: Query): Uint8Array {
  return answer(query);
}

/** Answers after that delay. */
export function slow(ms: number): Behaviour {
  return async (query, zone) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return truthful(query, zone);
  };
}

/** Fails in that way for matching queries, and works for others. */
export function where(applies: (query: Query) => boolean, how: Behaviour): Behaviour {
  return (query, zone) => applies(query) ? how(query, zone) : truthful(query, zone);
}

/** Fails only for IPv6 addresses. */
export function forIpv6(how: Behaviour): Behaviour {
  return where(({ type }) => type === "AAAA", how);
}

/** Truncates its answer over UDP, and gives all of it over TCP. */
export function truncating(query: Query, zone: Zone): Uint8Array {
  return query.transport === "udp" ? answer(query, { truncated: true }) : truthful(query, zone);
}

/** Truncates its answer over UDP, and is silent over TCP. */
export function truncatingInVain(query: Query): Uint8Array | null {
  return query.transport === "udp" ? answer(query, { truncated: true }) : null;
}

/** Rejects queries with EDNS, like an old server. */
export function beforeEdns(query: Query, zone: Zone): Uint8Array {
  return query.edns ? answer(query, { code: FORMERR }) : truthful(query, zone);
}

/** Sends bytes that are not an answer. */
export function garbage(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(60));
}

/** Sends the head of an answer, followed by garbage. */
export function broken(query: Query, zone: Zone): Uint8Array {
  const bytes = truthful(query, zone);
  crypto.getRandomValues(bytes.subarray(12));
  return bytes;
}

/** Answers a query that was not asked. */
export function misdirected(query: Query, zone: Zone): Uint8Array {
  return truthful({ ...query, id: query.id ^ 1 }, zone);
}

/** Alternates between the correct answer and another one. */
export function inTurns(other: Zone): Behaviour {
  let count = 0;
  return (query, zone) => truthful(query, count++ % 4 < 2 ? other : zone);
}

/**
 * Answers only the first of several queries from one port within a second, like firewalls that forget a flow after its
 * first answer.
 */
export function oneAnswerPerPort(): Behaviour {
  const lastAtMs = new Map<string, number>();
  return (query, zone) => {
    const sinceMs = query.atMs - (lastAtMs.get(query.from) ?? -Infinity);
    lastAtMs.set(query.from, query.atMs);
    return sinceMs < 1_000 ? null : truthful(query, zone);
  };
}
