// The machines behind the peers. A machine that is reachable at several addresses, as on a public and a private
// network, is a peer at each of them: it has several paths. All decisions are about machines: a machine lives while it
// is heard on any path, and it says what it said last, on whichever path that came.
import type { Trailer } from "../heartbeat.ts";
import { byMachine, type Peer } from "./peer.ts";

type Paths = { readonly peers: ReadonlyMap<string, Peer>; readonly repeated: boolean };

/** How much older by its number the second heartbeat may be, in ms, before its sender must have restarted. */
const RESTARTED_MS = 10_000;

/** One peer for each machine, with what is known of it on all its paths. */
export function machinesOf({ peers: all, repeated }: Paths): readonly Peer[] {
  const peers = [...all.values()];
  if (!repeated) return peers;
  return byMachine(peers).map(merged);
}

/** The machine that is the peer at that address. */
export function machineOf(peer: Peer, state: Paths): Peer {
  const paths = pathsOf(peer, state);
  return paths.length === 1 ? peer : merged(paths);
}

/** All paths to the machine of that peer. */
export function pathsOf(peer: Peer, { peers, repeated }: Paths): readonly Peer[] {
  if (!repeated || peer.instanceId === null) return [peer];
  return [...peers.values()].filter(({ instanceId }) => instanceId === peer.instanceId);
}

/** Whether the machine of that peer is heard on another path. */
export function livesElsewhere(peer: Peer, state: Paths): boolean {
  return pathsOf(peer, state).some(({ address, alive }) => alive && address !== peer.address);
}

function merged(paths: readonly Peer[]): Peer {
  const live = paths.filter(({ alive }) => alive);
  const known = live.length > 0 ? live : paths;
  const last = known.reduce((one, other) => saidLater(other, one) ? other : one);
  const longest = known.reduce((one, other) => steadier(other, one) ? other : one);
  const heardAtMs = latest(known);
  // The proved life is the longest.
  const { aliveSinceMs, beats, proof } = longest;
  return {
    ...last,
    heardAtMs,
    aliveSinceMs: heardAtMs === null || aliveSinceMs === null ? null : heardAtMs - lifeMs(longest),
    beats,
    proof,
    // A peer of an earlier version says of each path whether it hears us there.
    notHearingUsSinceMs: known.some(({ notHearingUsSinceMs }) => notHearingUsSinceMs === null)
      ? null
      : last.notHearingUsSinceMs,
    lived: paths.some(({ lived }) => lived),
    deathsAtMs: paths.reduce(
      (most: readonly number[], { deathsAtMs }) =>
        deathsAtMs.length > most.length ? deathsAtMs : most,
      [],
    ),
    knowsUs: last.knowsUs.length > 0
      ? last.knowsUs
      : paths.find(({ knowsUs }) => knowsUs.length > 0)?.knowsUs ?? [],
  };
}

function latest(peers: readonly Peer[]): number | null {
  const times = peers.flatMap(({ heardAtMs }) => heardAtMs ?? []);
  return times.length > 0 ? Math.max(...times) : null;
}

/** Whether `one` brought the machine's later words: by their numbers, else by when they came. */
function saidLater(one: Peer, other: Peer): boolean {
  const [at, otherAt] = [one.heardAtMs ?? -Infinity, other.heardAtMs ?? -Infinity];
  const ms = aheadMs(one.trailer, other.trailer);
  // A process that was restarted with another clock numbers otherwise.
  return ms === null || ms === 0 || Math.abs(ms) > RESTARTED_MS ? at > otherAt : ms > 0;
}

/** How much later by its number the first one was sent; null when they cannot be compared. */
function aheadMs(one: Trailer | null, other: Trailer | null): number | null {
  if (one === null || other === null || one.stamp?.run !== other.stamp?.run) return null;
  return (one.sequence - other.sequence) / (one.stamp === null ? 1 : 1_000);
}

/** Whether the life of `one` proves more: its signature, then its heartbeats, then its length. */
function steadier(one: Peer, other: Peer): boolean {
  const [proved, otherProved] = [one.proof !== null, other.proof !== null];
  if (proved !== otherProved) return proved;
  if (one.beats !== other.beats) return one.beats > other.beats;
  return lifeMs(one) > lifeMs(other);
}

function lifeMs({ heardAtMs, aliveSinceMs }: Peer): number {
  return (heardAtMs ?? 0) - (aliveSinceMs ?? 0);
}
