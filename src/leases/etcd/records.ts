// What stands in etcd for one Elastic IP: `PREFIX/ELASTIC-IP/holder` has the lease, `PREFIX/ELASTIC-IP/candidates/ID`
// one node each. All of these keys are bound to leases of etcd, so that they vanish with their owners.
import type { Advert } from "../../core/heartbeat.ts";
import type { Candidate, LeaseRecord, LeaseSight } from "../../core/lease/call.ts";
import { plain } from "../../core/plain.ts";
import { count, decoded, encoded, type Fields, fieldsOf, int64, odd } from "./fields.ts";

/** Longest name that is shown, and longest value that is read. */
const NAME_MAX_CHARS = 63, VALUE_MAX_CHARS = 4_096;

/** The keys of one Elastic IP. */
export interface Keys {
  /** Where all of them are, for people. */
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
    // The character 0 follows the slash.
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
  /** Store's revision at the last change of this key. */
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

/** What the pairs show. Throws `odd-answer` if the holder's value is not ours: then nobody knows who has the lease. */
export function sightOf(pairs: Iterable<Pair>, keys: Keys, version: number): LeaseSight {
  let record: LeaseRecord | null = null;
  const candidates: Candidate[] = [];
  for (const pair of pairs) {
    const instanceId = keys.instanceOf(pair.key);
    if (pair.key === keys.holder) record = recordOf(pair);
    else if (instanceId !== null) {
      const candidate = candidateOf(pair);
      // A candidate that cannot be read is none: others decide without it.
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
  // Without a lease it would stay for ever.
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
