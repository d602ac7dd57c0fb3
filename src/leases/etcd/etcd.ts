// The lease in etcd v3. See records.ts for its keys.
//
// A keep-alive of etcd needs no majority. In etcd 3.4, for example, a leader that was cut off or paused, and does not
// know yet that another one was elected, extends the lease in its own memory alone. So each renewal ends with a read
// that the majority confirms, and that must show the same term. A header has the term of the last entry that its member
// has applied, and a read waits until that includes the first entry of the confirmed leader. So if the term is the same
// before and after, that leader led all the time. The read must also show that the key is still ours, because somebody
// may have deleted it while its lease lives on.
import type { Candidate, LeaseSight } from "../../core/lease/call.ts";
import type { Claim, Clock, LeaseStore } from "../../world.ts";
import { encoded, type Fields, fieldsOf, int64, listOf, odd } from "./fields.ts";
import { type Credentials, type Exchange, Gateway, type GatewayOptions } from "./gateway.ts";
import { candidateValue, holderValue, type Keys, keysOf, type Pair, pairOf } from "./records.ts";
import { revisionIn, sightOf } from "./records.ts";
import { Refusal } from "./refusal.ts";
import { StoreError } from "../store_error.ts";
import { watchKeys } from "./watch.ts";

/** How to use an etcd. */
export interface EtcdOptions extends Omit<GatewayOptions, "nowMs"> {
  /** First part of all keys: begins with a slash, and does not end with one. */
  readonly prefix: string;
  /** Time to live of the leases, a multiple of 1,000, because etcd counts in seconds. */
  readonly ttlMs: number;
  readonly clock: Clock;
}

/** One etcd, with a store for each Elastic IP. */
export interface Etcd {
  readonly storeOf: (elasticIp: string) => LeaseStore;
  /** Replaces the credentials, from the next connection and the next login on. */
  readonly use: (credentials: Credentials) => void;
  /** Ends all connections; to be called when no call is under way. */
  readonly close: () => void;
}

/** Prepares the use of an etcd, without a request. Throws when the runtime cannot use the certificates or their key. */
export function openEtcd(options: EtcdOptions): Etcd {
  const gateway = new Gateway({ ...options, nowMs: () => options.clock.nowMs() });
  return {
    storeOf: (elasticIp) => new EtcdStore(gateway, keysOf(options.prefix, elasticIp), options),
    use: (credentials) => gateway.use(credentials),
    close: () => gateway.close(),
  };
}

/** What a renewal or release needs to know; the caller keeps it as text. */
interface Token {
  readonly lease: string;
  readonly instanceId: string;
  readonly name?: string;
  readonly sinceWallMs: number;
}

class EtcdStore implements LeaseStore {
  readonly #gateway: Gateway;
  readonly #keys: Keys;
  readonly #clock: Clock;
  readonly #ttlS: number;

  constructor(gateway: Gateway, keys: Keys, { ttlMs, clock }: EtcdOptions) {
    this.#gateway = gateway;
    this.#keys = keys;
    this.#clock = clock;
    this.#ttlS = Math.ceil(ttlMs / 1_000);
  }

  /** The endpoints and the place of the keys, which must be the same on all nodes. */
  get name(): string {
    return `etcd at ${this.#gateway.endpoints.join(", ")}, keys below ${this.#keys.place}`;
  }

  async read(signal: AbortSignal): Promise<LeaseSight> {
    return await this.#gateway.attempt(signal, async (exchange) => {
      const { pairs, version } = await this.#read(exchange);
      return sightOf(pairs, this.#keys, version);
    });
  }

  async acquire(
    { instanceId, name, wallMs }: Claim,
    revision: string | null,
    signal: AbortSignal,
  ): Promise<{ token: string | null; sight: LeaseSight }> {
    return await this.#gateway.attempt(signal, async (exchange) => {
      const lease = await this.#grant(exchange);
      const holder = { instanceId, ...(name !== undefined && { name }), sinceWallMs: wallMs };
      const key = encoded(this.#keys.holder), value = encoded(holderValue(holder));
      const all = { request_range: this.#keys.range };
      const answer = await exchange.ask("/v3/kv/txn", {
        compare: [{
          ...{ key, result: "EQUAL" },
          ...(revision === null
            ? { target: "CREATE", create_revision: "0" }
            : { target: "MOD", mod_revision: revision }),
        }],
        success: [{ request_put: { key, value, lease } }, all],
        failure: [all],
      });
      const pairs = listOf(answer.responses, "the responses").flatMap((each) => {
        const range = fieldsOf(each.response_range);
        return range ? pairsOf(range) : [];
      });
      // If the connection has repeated the request, the repetition failed, but the key is ours from the first one.
      const ours = pairs.some((pair) => pair.key === this.#keys.holder && pair.lease === lease);
      if (answer.succeeded === true && !ours) throw odd("what was put is not there");
      if (!ours) await this.#revoke(exchange, lease).catch(ignore);
      const token: Token = { lease, ...holder };
      const sight = sightOf(pairs, this.#keys, revisionIn(answer));
      return { token: ours ? JSON.stringify(token) : null, sight };
    });
  }

  async renew(token: string, signal: AbortSignal): Promise<boolean> {
    const { lease } = tokenOf(token);
    return await this.#gateway.attempt(signal, async (exchange) => {
      const kept = await this.#keepAlive(exchange, lease);
      if (kept === null) return false;
      const { pairs: [holder], term } = await this.#readKey(exchange, this.#keys.holder);
      if (holder?.lease !== lease) return false;
      if (kept === term) return true;
      throw new StoreError("unavailable", "another member leads since this renewal began");
    });
  }

  async release(text: string, to: string | null, signal: AbortSignal): Promise<void> {
    const { lease, ...holder } = tokenOf(text);
    await this.#gateway.attempt(signal, async (exchange) => {
      if (to === null) return await this.#revoke(exchange, lease);
      const key = encoded(this.#keys.holder);
      const value = encoded(holderValue({ ...holder, releasedTo: to }));
      const answer = await exchange.ask("/v3/kv/txn", {
        compare: [{ key, target: "LEASE", result: "EQUAL", lease }],
        success: [{ request_put: { key, value, lease } }],
      });
      // When our lease expires, any node may take it. So extend it once more, to give the successor time.
      if (answer.succeeded === true) await this.#keepAlive(exchange, lease).catch(ignore);
    });
  }

  async announce(
    candidate: Candidate,
    session: string | null,
    signal: AbortSignal,
  ): Promise<string> {
    const key = this.#keys.candidate(candidate.instanceId), value = candidateValue(candidate);
    return await this.#gateway.attempt(signal, async (exchange) => {
      const put = async (lease: string) => {
        await exchange.ask("/v3/kv/put", { key: encoded(key), value: encoded(value), lease });
        return lease;
      };
      const kept = session !== null && await this.#keepAlive(exchange, session) !== null;
      if (kept) {
        // Put it again if what we say has changed, or if somebody has deleted it.
        const { pairs: [there] } = await this.#readKey(exchange, key);
        if (there?.lease === session && there.value === value) return session;
        try {
          return await put(session);
        } catch (error) {
          if (!(error instanceof Refusal) || !error.leaseGone) throw error;
        }
      }
      return await put(await this.#grant(exchange));
    });
  }

  async watch(show: (sight: LeaseSight) => void, signal: AbortSignal): Promise<void> {
    const read = (exchange: Exchange) => this.#read(exchange);
    const options = { gateway: this.#gateway, keys: this.#keys, clock: this.#clock, show, read };
    await watchKeys(options, signal);
  }

  /** All keys, as the majority confirms them. */
  async #read(exchange: Exchange): Promise<{ pairs: Pair[]; version: number }> {
    const answer = await exchange.ask("/v3/kv/range", this.#keys.range);
    return { pairs: pairsOf(answer), version: revisionIn(answer) };
  }

  /** One key, as the majority confirms it, and the term in the answer. */
  async #readKey(exchange: Exchange, key: string): Promise<{ pairs: Pair[]; term: string }> {
    const answer = await exchange.ask("/v3/kv/range", { key: encoded(key) });
    return { pairs: pairsOf(answer), term: termIn(answer) };
  }

  /** The id of a new lease of etcd. */
  async #grant(exchange: Exchange): Promise<string> {
    const answer = await exchange.ask("/v3/lease/grant", { TTL: `${this.#ttlS}` });
    const lease = int64(answer.ID, "the id of a lease");
    const granted = Number(int64(answer.TTL, "the time of a lease"));
    // etcd grants at least its own minimum, which is longer if its elections take long.
    if (lease === "0" || granted < this.#ttlS) {
      throw odd(`it grants a lease of ${granted} s, wanted ${this.#ttlS} s`);
    }
    return lease;
  }

  /** Extends a lease. Resolves to the term in the answer, null if the lease is gone. */
  async #keepAlive(exchange: Exchange, lease: string): Promise<string | null> {
    const answer = await exchange.ask("/v3/lease/keepalive", { ID: lease });
    if (int64(answer.ID, "the id of a lease") !== lease) throw odd("it is about another lease");
    return Number(int64(answer.TTL, "the time of a lease")) > 0 ? termIn(answer) : null;
  }

  /** Ends a lease, and removes its keys. */
  async #revoke(exchange: Exchange, lease: string): Promise<void> {
    try {
      await exchange.ask("/v3/lease/revoke", { ID: lease });
    } catch (error) {
      if (!(error instanceof Refusal) || !error.leaseGone) throw error;
    }
  }
}

/** For requests that are only a courtesy: if one fails, the lease expires by itself. */
const ignore = () => {};

function tokenOf(text: string): Token {
  return JSON.parse(text);
}

function pairsOf(range: Fields): Pair[] {
  return listOf(range.kvs, "the keys").map(pairOf);
}

/** Term of the last entry that the answering member has applied. */
function termIn(answer: Fields): string {
  const term = int64(fieldsOf(answer.header)?.raft_term, "the term");
  if (term === "0") throw odd("it has no term");
  return term;
}
