// Can this node take and renew the lease, and does somebody stand in its way? One endpoint after the other is asked.
import { durationText } from "../../core/age.ts";
import { ownerOf } from "../../core/lease/state.ts";
import type { LeaseRecord, LeaseSight } from "../../core/lease/call.ts";
import { type Examined, examineEtcd } from "../../leases/etcd/examine.ts";
import { StoreError } from "../../leases/store_error.ts";
import type { Context } from "../context.ts";
import { fail, ok, type Result, warn } from "../result.ts";

/** More than the error of any synchronised clock. */
const ODD_MS = 10_000;

/** What the answers are judged by. */
export interface LeaseContext {
  readonly ttlMs: number;
  readonly elasticIps: readonly string[];
  /** Instances that may have the lease; null if they are not known. */
  readonly members: ReadonlySet<string> | null;
  /** Unix time in ms. */
  readonly wallMs: number;
}

/** The check. */
export async function checkLease(context: Context, signal: AbortSignal): Promise<Result[]> {
  const { config: { lease, caCerts }, host: { clock } } = context;
  if (lease === null) return [];
  const elasticIps = await context.elasticIps(signal);
  const { prefix, endpoints, user, password, certificate, ttlMs } = lease;
  const options = { prefix, endpoints, user, password, caCerts, certificate };
  const nowMs = () => clock.nowMs();
  const [examined, members] = await Promise.all([
    examineEtcd({ ...options, elasticIps, nowMs }, signal),
    membersOf(context, { elasticIps, signal }),
  ]);
  return judgeLease(examined, { ttlMs, elasticIps, members, wallMs: clock.wallMs() });
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
  const silent = examined.filter(({ sights }) => sights.every(isSilence));
  const [first] = silent;
  const problems = silent.map(({ sights: [error] }) => messageIn(error));
  if (first && silent.length === examined.length) {
    return [fail("no endpoint of the store can be used: nobody can have the lease", ...problems)];
  }
  const one = examined.find(({ sights }) => !sights.every(isSilence));
  return [
    ...problems.map((problem) => warn(`${problem}: the others do its work`)),
    ...examined.filter((each) => !silent.includes(each)).map((each) => speedOf(each, context)),
    ...rightsIn(one),
    ...(one?.sights ?? []).flatMap((sight, index) =>
      recordIn(sight, context.elasticIps[index] ?? "", context)
    ),
  ];
}

/** Whether an endpoint cannot be used at all. A key that nobody can read is the same at every endpoint. */
function isSilence(sight: LeaseSight | StoreError): boolean {
  return sight instanceof StoreError && sight.kind !== "odd-answer";
}

function messageIn(sight: LeaseSight | StoreError | undefined): string {
  return sight instanceof StoreError ? sight.message : "";
}

/** A renewal that fails at once is repeated several times before the lease is lost. */
function speedOf({ endpoint, tookMs }: Examined, { ttlMs }: LeaseContext): Result {
  const limitMs = ttlMs / 9, text = `${endpoint} answers in ${durationText(Math.ceil(tookMs))}`;
  if (tookMs <= limitMs) return ok(text);
  const wanted = `at most ${durationText(Math.floor(limitMs))} for a lease of ${
    durationText(ttlMs)
  }`;
  return warn(`${text}, wanted ${wanted}: give a longer --lease-ttl, or a nearer store`);
}

function rightsIn(examined: Examined | undefined): Result[] {
  if (!examined) return [];
  const { writing } = examined;
  return writing === null
    ? [ok("the keys below --lease-prefix may be read and written")]
    : [fail("the keys below --lease-prefix may not be written", writing.message)];
}

function recordIn(
  sight: LeaseSight | StoreError,
  elasticIp: string,
  { members, wallMs }: LeaseContext,
): Result[] {
  if (sight instanceof StoreError) return [fail(sight.message)];
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
