// The keys in etcd for one Elastic IP: `PREFIX/ELASTIC-IP/holder` names the owner of the lease, and
// `PREFIX/ELASTIC-IP/candidates/ID` describes one node each. etcd binds each key to a lease of its own kind, so that
// the key vanishes when its node stops renewing that lease.
import type { Advert } from "../../core/heartbeat.ts";
import type { Candidate, LeaseRecord, LeaseSight } from "../../core/lease/call.ts";
import { plain } from "../../core/plain.ts";
import { count, decoded, encoded, type Fields, fieldsOf, int64, odd } from "./fields.ts";

/** Longest name that is shown, and longest value that is read. */
const NAME_MAX_CHARS = 63, VALUE_MAX_CHARS = 4_096;

/** The keys of one Elastic IP. */
export interface Keys {
  /** The common beginning of all keys, for people. */
  readonly place: string;
  readonly holder: string;
  readonly candidate: (instanceId: string) => string;
  /** Begin and end (not included) of all keys, in etcd's form. */
  readonly range: { readonly key: string; readonly range_end: string };
  /** The instance whose candidate's key this is; null for any other key. */
  readonly instanceOf: (key: string) => string | null;
}

/** The keys of an Elastic IP below a prefix. */
export function keysOf(prefix: string, elasticIp: string): Keys {
  const base = `${prefix}/${elasticIp}`, candidates = `${base}/candidates/`;
  return {
    place: `${base}/`,
    holder: `${base}/holder`,
    candidate: (instanceId) => candidates + instanceId,
    // In ASCII, 0 is the character after the slash, so this is the end of all keys that begin with `base/`.
    range: { key: encoded(`${base}/`), range_end: encoded(`${base}0`) },
    instanceOf: (key) => key.startsWith(candidates) ? key.slice(candidates.length) : null,
  };
}

/** A key with its value. */
export interface Pair {
  readonly key: string;
  /** Null if it is not text. */
  readonly value: string | null;
  /** Id of its lease, `0` without one. */
  readonly lease: string;
  /** The revision of the store at the last change of this key. */
  readonly modRevision: string;
}

/** The pair in an answer. Throws `odd-answer`. */
export function pairOf(kv: Fields): Pair {
  const key = decoded(kv.key);
  if (key === null || key === "") throw odd("a key is not text");
  const { value = "" } = kv;
  return {
    key,
    value: decoded(value),
    lease: int64(kv.lease, "the lease of a key"),
    modRevision: int64(kv.mod_revision, "the revision of a key"),
  };
}

/** The revision of the store in the header of an answer. Throws `odd-answer`. */
export function revisionIn(answer: Fields): number {
  const revision = count(fieldsOf(answer.header)?.revision, "the revision");
  if (revision < 1) throw odd("it has no revision");
  return revision;
}

/** What the pairs show. Throws `odd-answer` if no exoip wrote the value of the holder: then the owner is unknown. */
export function sightOf(pairs: Iterable<Pair>, keys: Keys, version: number): LeaseSight {
  let record: LeaseRecord | null = null;
  const candidates: Candidate[] = [];
  for (const pair of pairs) {
    const instanceId = keys.instanceOf(pair.key);
    if (pair.key === keys.holder) record = recordOf(pair);
    else if (instanceId !== null) {
      const candidate = candidateOf(pair);
      // Ignore a candidate that cannot be read: the others decide without it.
      if (candidate?.instanceId === instanceId) candidates.push(candidate);
    }
  }
  return { record, candidates, version };
}

/** The value of the holder's key. */
export function holderValue(
  { instanceId, name, sinceWallMs, releasedTo }: Omit<LeaseRecord, "revision">,
): string {
  return JSON.stringify({ instanceId, name, sinceWallMs, releasedTo });
}

/** The value of a candidate's key. */
export function candidateValue({ instanceId, name, says }: Candidate): string {
  return JSON.stringify({ instanceId, name, says });
}

function recordOf({ key, value, lease, modRevision }: Pair): LeaseRecord {
  const foreign = (why: string) =>
    odd(`the key ${plain(key, 200)} ${why}; if it is not needed, delete it with etcdctl del`);
  const fields = parsed(value);
  const { instanceId, name, sinceWallMs, releasedTo } = fields ?? {};
  if (
    !isId(instanceId) || !isOptional(name) || !(releasedTo === undefined || isId(releasedTo)) ||
    !Number.isSafeInteger(sinceWallMs)
  ) {
    throw foreign("has a value that no exoip wrote");
  }
  if (lease === "0") throw foreign("has no lease of etcd, so it would never expire");
  return {
    instanceId,
    ...named(name),
    ...(releasedTo !== undefined && { releasedTo }),
    sinceWallMs: sinceWallMs as number,
    revision: modRevision,
  };
}

function candidateOf({ value, lease }: Pair): Candidate | null {
  const { instanceId, name, says } = parsed(value) ?? {};
  const advert = advertOf(fieldsOf(says));
  // A key without a lease would never expire, so it proves no life.
  if (!isId(instanceId) || !isOptional(name) || advert === null || lease === "0") return null;
  return { instanceId, ...named(name), says: advert };
}

function advertOf(says: Fields | null): Advert | null {
  const { priority, holds, leaving, unable, unhealthy, ownPriority, intervalMs } = says ?? {};
  const flags = [holds, leaving, unable, unhealthy];
  const ranks = [priority, ownPriority];
  const usable = flags.every((each) => typeof each === "boolean") &&
    ranks.every((each) => Number.isInteger(each) && each as number >= 0 && each as number <= 255) &&
    typeof intervalMs === "number" && intervalMs > 0 && intervalMs <= 3_600_000;
  return usable
    ? { priority, holds, leaving, unable, unhealthy, ownPriority, intervalMs } as Advert
    : null;
}

function parsed(value: string | null): Fields | null {
  if (value === null || value.length > VALUE_MAX_CHARS) return null;
  try {
    return fieldsOf(JSON.parse(value));
  } catch {
    return null;
  }
}

function isId(value: unknown): value is string {
  return typeof value === "string" && /^[\w-]{1,64}$/.test(value);
}

function isOptional(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}

function named(name: string | undefined): { readonly name?: string } {
  const shown = plain(name ?? "", NAME_MAX_CHARS).trim();
  return shown === "" ? {} : { name: shown };
}
