// Exchanges heartbeats with the peers. Ours are marked unable, leaving and last in rank, so that no peer relies on this
// node, gives way to it or waits for it. When they end, the peers take this machine for dead and would evict it: so the
// doctor sends nothing for an address that this instance holds.
//
// The doctor signs as a run of its own and echoes what it hears, as a watchdog does. To the peers, a watchdog that
// starts afterwards looks like one that has restarted.
import { decode, encode, hasSignature, type Heartbeat, type Stamp } from "../core/heartbeat.ts";
import { LAST_PRIORITY } from "../core/election/peer.ts";
import { drawRun, type Keyring } from "../host/keyring.ts";
import { nextSequence } from "../watch/sender.ts";
import type { Clock, UdpSocket } from "../world.ts";
import { type Conversation, type Hearing, Hearings } from "./hearing.ts";

/** What sending needs. */
export interface SpeakOptions {
  readonly socket: UdpSocket;
  readonly clock: Clock;
  /** Port of every node. */
  readonly port: number;
  readonly intervalMs: number;
  /** Null when heartbeats are not signed. */
  readonly keyring: Keyring | null;
  /** Whether an unsigned heartbeat is accepted although there is a secret. */
  readonly acceptUnsigned: boolean;
  /** Whether it speaks with shadows. */
  readonly shadow: boolean;
  readonly signal: AbortSignal;
}

/** A few intervals, but at least three seconds. */
const INTERVALS = 5, LEAST_MS = 3_000;
/** Longest exchange. */
export const MOST_MS = 10_000;
/** Longest and shortest time between two of our heartbeats, whatever the interval. */
const SLOWEST_MS = 1_000, FASTEST_MS = 100;

/** Sends and listens until every peer has answered, or the time is over. The result is by Elastic IP and address. */
export async function converse(
  conversations: readonly Conversation[],
  { socket, clock, port, intervalMs, keyring, acceptUnsigned, shadow, signal }: SpeakOptions,
): Promise<ReadonlyMap<string, Hearing>> {
  const hearings = new Hearings(conversations);
  const listening = (async () => {
    for await (const { bytes, from } of socket) {
      const heartbeat = decode(bytes, { shadow });
      if ("refused" in heartbeat || !hearings.wants(from, heartbeat)) continue;
      const doubt = keyring ? await doubtOf(bytes, { heartbeat, keyring, acceptUnsigned }) : null;
      hearings.hear(from, heartbeat, { doubt, signed: hasSignature(bytes) });
    }
  })();
  const endAtMs = clock.nowMs() + Math.min(MOST_MS, Math.max(LEAST_MS, intervalMs * INTERVALS));
  const pauseMs = Math.min(SLOWEST_MS, Math.max(FASTEST_MS, intervalMs));
  const run = drawRun();
  let sequence = 0;
  while (clock.nowMs() < endAtMs && !signal.aborted && !hearings.satisfied) {
    for (const { elasticIp, wireId, peers, own, speaks } of conversations) {
      for (const { address, network } of speaks ? peers : []) {
        const inside = network === undefined
          ? undefined
          : own.find((path) => path.network === network)?.address ?? null;
        sequence = nextSequence(sequence, keyring ? clock.nowMs() * 1_000 : clock.wallMs());
        const stamp = keyring ? { run, echo: hearings.echoFor(elasticIp, address) } : null;
        const signing = { sequence, keyId: keyring?.keyId ?? 0, stamp };
        const bytes = farewell({ elasticIp, id: wireId, intervalMs, shadow, ...signing });
        if (keyring) keyring.sign(bytes, (signed) => socket.send(signed, address, port, inside));
        else socket.send(bytes, address, port, inside);
      }
    }
    await clock.sleep(pauseMs, signal);
  }
  await keyring?.handedOver();
  await socket.close();
  await listening;
  return hearings.byKey;
}

/** A heartbeat that no peer acts on. */
export function farewell(
  { elasticIp, id, intervalMs, sequence, keyId, stamp, shadow = false }: {
    elasticIp: string;
    id: string;
    intervalMs: number;
    sequence: number;
    /** Of the secret that signs it, 0 for none. */
    keyId: number;
    /** Null when it is not signed. */
    stamp: Stamp | null;
    /** Whether it is for shadows. */
    shadow?: boolean;
  },
): Uint8Array<ArrayBuffer> {
  return encode({
    priority: LAST_PRIORITY,
    elasticIp,
    id,
    trailer: {
      holds: false,
      leaving: true,
      unable: true,
      unhealthy: false,
      ownPriority: LAST_PRIORITY,
      intervalMs,
      // True or not: peers would report a link that seems to be one-way for some seconds.
      hearsYou: true,
      keyId,
      sequence,
      stamp,
    },
  }, { shadow });
}

/** Why a heartbeat's sender does not prove to have our secret, null when it does. */
async function doubtOf(
  bytes: Uint8Array,
  { heartbeat, keyring, acceptUnsigned }: {
    heartbeat: Heartbeat;
    keyring: Keyring;
    acceptUnsigned: boolean;
  },
): Promise<string | null> {
  if (!hasSignature(bytes)) {
    return acceptUnsigned ? null : "does not sign its heartbeats, and we do";
  }
  const keyId = heartbeat.trailer?.keyId ?? 0;
  return await keyring.verify(bytes, keyId) ? null : "signs with a shared secret that is not ours";
}
