// The heartbeats that the doctor sends and hears, once for all checks; or the report of the watchdog that has the port.
import { asCloudError } from "../exoscale/cloud_error.ts";
import { familyOf } from "../core/ip.ts";
import type { Snapshot } from "../status/snapshot.ts";
import type { Family } from "../world.ts";
import { Keyring } from "../host/keyring.ts";
import { countDropped, type Dropped, droppedSince } from "./dropped.ts";
import type { Context } from "./context.ts";
import { NotKnown, type Result, skip } from "./result.ts";
import { type Conversation, type Hearing, hearingKey } from "./hearing.ts";
import { converse } from "./heartbeat_probe.ts";

/** What sending to all peers and listening to them showed. */
export interface PeersProbed {
  readonly kind: "peers";
  /** Results for Elastic IPs for which we must not send. */
  readonly said: readonly Result[];
  readonly planned: readonly Conversation[];
  /** By `hearingKey`. */
  readonly hearings: ReadonlyMap<string, Hearing>;
  /** Datagrams that the kernel has dropped meanwhile. */
  readonly dropped: Dropped;
}

/** The two sources of this knowledge. */
export type Probed = PeersProbed | { readonly kind: "watchdog"; readonly snapshot: Snapshot };

const probes = new WeakMap<Context, Promise<Probed>>();

/** Sends to all peers, or asks the watchdog that runs here. Throws what the cloud throws, and `NotKnown`. */
export function probePeers(context: Context, signal: AbortSignal): Promise<Probed> {
  const begun = probes.get(context) ?? begin(context, signal);
  probes.set(context, begun);
  return begun;
}

/** Whether a peer of that family says that it hears us. */
export function hearUs(told: Probed, family: Family): boolean {
  if (told.kind === "watchdog") {
    return told.snapshot.addresses.some(({ peers }) =>
      peers.some(({ address, link }) => link === "both" && familyOf(address) === family)
    );
  }
  return told.planned.some(({ elasticIp, peers }) =>
    peers.some(({ address }) =>
      familyOf(address) === family &&
      told.hearings.get(hearingKey(elasticIp, address))?.hearsUs === true
    )
  );
}

async function begin(context: Context, signal: AbortSignal): Promise<Probed> {
  const port = await context.port();
  if (port.kind === "watchdog") return { kind: "watchdog", snapshot: port.snapshot };
  if (port.kind === "taken") throw new NotKnown("the port, see port");
  const planned: Conversation[] = [];
  const said: Result[] = [];
  for (const elasticIp of await context.elasticIps(signal)) {
    const { peers, own = [] } = await context.membership(elasticIp, signal);
    const place = await placeOf(elasticIp, { context, signal });
    if (place.silence !== null) said.push(skip(`${elasticIp}: only listened, ${place.silence}`));
    // Send from the same address as the watchdog; else the result would be about heartbeats that it never sends.
    if (place.nativeAddresses.length > 0) port.socket.sendFrom(place.nativeAddresses, () => {});
    planned.push({ elasticIp, peers, own, wireId: place.wireId, speaks: place.silence === null });
  }
  const probed = { kind: "peers", said, planned } as const;
  if (planned.every(({ peers }) => peers.length === 0)) {
    return { ...probed, hearings: new Map(), dropped: { martian: 0, filtered: 0 } };
  }
  const { config: { listen, intervalMs, sharedSecrets, acceptUnsigned, shadow }, host } = context;
  const before = await countDropped(host.machine);
  const hearings = await converse(planned, {
    socket: port.socket,
    clock: host.clock,
    port: listen.port,
    intervalMs,
    keyring: sharedSecrets.length > 0 ? await Keyring.of(sharedSecrets) : null,
    acceptUnsigned,
    shadow,
    signal,
  });
  return { ...probed, hearings, dropped: droppedSince(before, await countDropped(host.machine)) };
}

/** Our ids for one Elastic IP, and why we must not send for it, if so. Asked at the last moment. */
async function placeOf(
  elasticIp: string,
  { context, signal }: { context: Context; signal: AbortSignal },
): Promise<
  { wireId: string; nativeAddresses: readonly string[]; silence: string | null }
> {
  try {
    const cloud = await context.cloud(elasticIp, signal);
    const { wireId, holds, nativeAddresses } = await cloud.prepare(signal);
    const danger =
      "this instance holds it now, and heartbeats that end would make its peers take it";
    return { wireId, nativeAddresses, silence: holds ? danger : null };
  } catch (cause) {
    const why = `whether this instance holds it is not known: ${asCloudError(cause).message}`;
    return { wireId: "", nativeAddresses: [], silence: why };
  }
}
