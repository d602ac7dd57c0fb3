// Can this node take and renew the lease, and is another owner in its way? Asks all endpoints at the same time.
import { durationText } from "../../core/age.ts";
import { ownerOf } from "../../core/lease/state.ts";
import type { LeaseRecord, LeaseSight } from "../../core/lease/call.ts";
import { type Examined, examineEtcd } from "../../leases/etcd/examine.ts";
import { StoreError } from "../../leases/store_error.ts";
import { hostnamesOf } from "../../startup/store.ts";
import type { Context } from "../context.ts";
import { advised, told } from "./lease_advice.ts";
import { fail, ok, type Result, warn } from "../result.ts";

/** A difference that no two synchronised clocks have. */
const ODD_MS = 10_000;

/** What decides whether the answers are good. */
export interface LeaseContext {
  readonly ttlMs: number;
  /** First part of the keys. */
  readonly prefix: string;
  readonly elasticIps: readonly string[];
  /** Instances that may have the lease; null if they are not known. */
  readonly members: ReadonlySet<string> | null;
  /** Unix time in ms. */
  readonly wallMs: number;
}

/** The check. */
export async function checkLease(context: Context, signal: AbortSignal): Promise<Result[]> {
  const { config: { lease, caCerts }, host: { clock, keepDirect } } = context;
  if (lease === null) return [];
  keepDirect?.(hostnamesOf(lease));
  const elasticIps = await context.elasticIps(signal);
  const { prefix, endpoints, user, password, certificate, ttlMs } = lease;
  const options = { prefix, endpoints, user, password, caCerts, certificate };
  const nowMs = () => clock.nowMs();
  const [examined, members] = await Promise.all([
    examineEtcd({ ...options, elasticIps, nowMs }, signal),
    membersOf(context, { elasticIps, signal }),
  ]);
  return judgeLease(examined, { ttlMs, prefix, elasticIps, members, wallMs: clock.wallMs() });
}

/** This instance and its peers; null if they cannot be found, which another check reports. */
async function membersOf(
  context: Context,
  { elasticIps, signal }: { elasticIps: readonly string[]; signal: AbortSignal },
): Promise<ReadonlySet<string> | null> {
  try {
    const lists = await Promise.all(elasticIps.map((each) => context.membership(each, signal)));
    const peers = lists.flatMap((list) => list.peers.flatMap(({ instanceId }) => instanceId ?? []));
    return new Set([await context.instanceId(signal), ...peers]);
  } catch {
    return null;
  }
}

/** What the answers of all endpoints mean. */
export function judgeLease(examined: readonly Examined[], context: LeaseContext): Result[] {
  const silent = examined.filter(isUnusable);
  const [first] = silent;
  const problems = silent.map(({ sights: [error] }) => problemIn(error, context));
  if (first && silent.length === examined.length) {
    return [fail("no endpoint of the store can be used: nobody can have the lease", ...problems)];
  }
  const one = examined.find((each) => !isUnusable(each));
  return [
    ...clustersIn(examined),
    ...problems.map((problem) => warn(`${problem}; the others do its work`)),
    ...examined.filter((each) => !silent.includes(each)).map((each) => speedOf(each, context)),
    ...rightsIn(one, context),
    ...(one?.sights ?? []).flatMap((sight, index) =>
      recordIn(sight, context.elasticIps[index] ?? "", context)
    ),
  ];
}

/** A failure if the endpoints are of several clusters, each of which could have an owner of the lease. */
function clustersIn(examined: readonly Examined[]): Result[] {
  const known = examined.filter(({ cluster }) => cluster !== null);
  if (new Set(known.map(({ cluster }) => cluster)).size <= 1) return [];
  const each = known.map(({ endpoint, cluster }) => `${endpoint} is of cluster ${cluster}`);
  const text = "the endpoints are of different etcds, and each would give a lease of its own: " +
    "name members of one cluster in --lease";
  return [fail(text, ...each)];
}

/** Whether an endpoint is of no use: it does not answer, or not as an etcd does. */
function isUnusable({ tookMs, sights }: Examined): boolean {
  return tookMs === Infinity || sights.every(isSilence);
}

/** Whether the endpoint showed nothing. An unreadable key is not its fault: it is the same at every endpoint. */
function isSilence(sight: LeaseSight | StoreError): boolean {
  return sight instanceof StoreError && sight.kind !== "odd-answer";
}

function problemIn(
  sight: LeaseSight | StoreError | undefined,
  { prefix }: Pick<LeaseContext, "prefix">,
): string {
  return sight instanceof StoreError ? advised(sight, prefix) : "";
}

/** How fast the endpoint is, against the time that the first attempt of a renewal gets. */
function speedOf({ endpoint, tookMs }: Examined, { ttlMs }: LeaseContext): Result {
  const limitMs = ttlMs / 9, text = `${endpoint} answers in ${durationText(Math.ceil(tookMs))}`;
  if (tookMs <= limitMs) return ok(text);
  const wanted = `at most ${durationText(Math.floor(limitMs))} for a lease of ${
    durationText(ttlMs)
  }`;
  return warn(`${text}, wanted ${wanted}: give a longer --lease-ttl, or a nearer store`);
}

function rightsIn(
  examined: Examined | undefined,
  { prefix }: Pick<LeaseContext, "prefix">,
): Result[] {
  if (!examined) return [];
  const { writing } = examined;
  const keys = `the keys below ${prefix}/ (--lease-prefix)`;
  return writing === null
    ? [ok(`${keys} may be read and written`)]
    : [fail(`${keys} may not be written`, advised(writing, prefix))];
}

function recordIn(
  sight: LeaseSight | StoreError,
  elasticIp: string,
  { members, wallMs }: LeaseContext,
): Result[] {
  if (sight instanceof StoreError) return [fail(told(sight))];
  const { record } = sight;
  if (record === null) return [ok(`nobody has the lease of ${elasticIp}`)];
  const has = `${ownerOf(record)} has the lease of ${elasticIp}`;
  const known = members === null || members.has(record.instanceId);
  return [
    known
      ? ok(`${has}, for ${ageText(record, wallMs)}`)
      : warn(`${has}, but is no peer: while it renews it, nobody else can hold the address`),
    ...(record.sinceWallMs > wallMs + ODD_MS
      ? [warn(`its clock is ahead of ours by ${durationText(record.sinceWallMs - wallMs)}`)]
      : []),
  ];
}

function ageText({ sinceWallMs }: LeaseRecord, wallMs: number): string {
  return durationText(Math.max(0, wallMs - sinceWallMs));
}
