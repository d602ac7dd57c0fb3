// All that name servers do wrong.
import { answer, FORMERR, type Query } from "./dns_message.ts";
import { type Behaviour, truthful, type Zone } from "./name_server.ts";

/** Never answers. */
export function silent(): null {
  return null;
}

/** Answers with a response code alone. */
export function failing(code: number): Behaviour {
  return (query) => answer(query, { code });
}

/** Knows every name, and has no record of any. */
export function empty(query: Query): Uint8Array {
  return answer(query);
}

/** Answers as late as that. */
export function slow(ms: number): Behaviour {
  return async (query, zone) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return truthful(query, zone);
  };
}

/** Fails in its way where the query is so, and is good else. */
export function where(applies: (query: Query) => boolean, how: Behaviour): Behaviour {
  return (query, zone) => applies(query) ? how(query, zone) : truthful(query, zone);
}

/** Fails for IPv6 addresses alone. */
export function forIpv6(how: Behaviour): Behaviour {
  return where(({ type }) => type === "AAAA", how);
}

/** Says over UDP that the answer does not fit, and gives it over TCP. */
export function truncating(query: Query, zone: Zone): Uint8Array {
  return query.transport === "udp" ? answer(query, { truncated: true }) : truthful(query, zone);
}

/** Says over UDP that the answer does not fit, and is silent over TCP. */
export function truncatingInVain(query: Query): Uint8Array | null {
  return query.transport === "udp" ? answer(query, { truncated: true }) : null;
}

/** Refuses what has a record that is younger than itself. */
export function beforeEdns(query: Query, zone: Zone): Uint8Array {
  return query.edns ? answer(query, { code: FORMERR }) : truthful(query, zone);
}

/** Sends bytes that are no answer. */
export function garbage(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(60));
}

/** Sends the head of an answer and nonsense behind it. */
export function broken(query: Query, zone: Zone): Uint8Array {
  const bytes = truthful(query, zone);
  crypto.getRandomValues(bytes.subarray(12));
  return bytes;
}

/** Answers another query than the one that was asked. */
export function misdirected(query: Query, zone: Zone): Uint8Array {
  return truthful({ ...query, id: query.id ^ 1 }, zone);
}

/** Tells the truth and something else in turns. */
export function inTurns(other: Zone): Behaviour {
  let count = 0;
  return (query, zone) => truthful(query, count++ % 4 < 2 ? other : zone);
}

/**
 * Answers only the first of several queries that come from one port within a second, as firewalls that forget a
 * datagram's way back after the first answer do.
 */
export function oneAnswerPerPort(): Behaviour {
  const lastAtMs = new Map<string, number>();
  return (query, zone) => {
    const sinceMs = query.atMs - (lastAtMs.get(query.from) ?? -Infinity);
    lastAtMs.set(query.from, query.atMs);
    return sinceMs < 1_000 ? null : truthful(query, zone);
  };
}
