// Does each peer hear us, and do we hear it?
import { nameOf } from "../config.ts";
import { asCloudError } from "../exoscale/cloud_error.ts";
import type { LinkWord, Snapshot } from "../core/snapshot.ts";
import { Seal } from "../watch/seal.ts";
import type { Facts } from "./facts.ts";
import { fail, NotKnown, ok, type Said, skip, warn } from "./finding.ts";
import { type Conversation, converse, type Hearing, hearingKey, MOST_MS } from "./round_trip.ts";

/** The check. */
export async function checkHeartbeats(facts: Facts, signal: AbortSignal): Promise<Said[]> {
  const port = await facts.port();
  if (port.kind === "watchdog") return toldByRunning(port.snapshot);
  if (port.kind === "taken") throw new NotKnown("the port cannot be had");
  const elasticIps = await facts.elasticIps(signal);
  const planned: Conversation[] = [];
  const said: Said[] = [];
  for (const elasticIp of elasticIps) {
    const { peers } = await facts.membership(elasticIp, signal);
    const place = await placeOf(elasticIp, { facts, signal });
    if (place.silence !== null) said.push(skip(`${elasticIp}: only listened, ${place.silence}`));
    planned.push({ elasticIp, peers, wireId: place.wireId, speaks: place.silence === null });
  }
  if (planned.every(({ peers }) => peers.length === 0)) return [skip("no peers")];
  const { config: { listen, intervalMs, sharedSecrets, acceptUnsigned }, host: { clock } } = facts;
  const hearings = await converse(planned, {
    link: port.link,
    clock,
    port: listen.port,
    intervalMs,
    seal: sharedSecrets.length > 0 ? await Seal.of(sharedSecrets) : null,
    acceptUnsigned,
    signal,
  });
  const several = elasticIps.length > 1, seals = sharedSecrets.length > 0;
  return [
    ...said,
    ...planned.flatMap(({ elasticIp, peers, speaks }) =>
      peers.map(({ address }) => {
        const hearing = hearings.get(hearingKey(elasticIp, address));
        const title = several ? `${address} (${elasticIp})` : address;
        return describe(title, { hearing, speaks, seals, port: listen.port, intervalMs });
      })
    ),
  ];
}

/** Who we are for one Elastic IP, and why nothing must be sent for it, if so. Asked at the last moment. */
async function placeOf(
  elasticIp: string,
  { facts, signal }: { facts: Facts; signal: AbortSignal },
): Promise<{ wireId: string; silence: string | null }> {
  try {
    const { wireId, holds } = await (await facts.cloud(elasticIp, signal)).prepare(signal);
    const danger =
      "this instance holds it now, and heartbeats that end would make its peers take it";
    return { wireId, silence: holds ? danger : null };
  } catch (cause) {
    const why = `whether this instance holds it is not known: ${asCloudError(cause).message}`;
    return { wireId: "", silence: why };
  }
}

function describe(
  peer: string,
  { hearing, speaks, seals, port, intervalMs }: {
    hearing: Hearing | undefined;
    speaks: boolean;
    /** Whether we have a secret. */
    seals: boolean;
    port: number;
    intervalMs: number;
  },
): Said {
  // A peer speaks once in an interval, and says only after that whom it hears.
  const untold = speaks ? hearing?.hearsUs === false : !hearing?.heard;
  if (untold && hearing?.wrong === null && intervalMs * 2 > MOST_MS) {
    const seconds = MOST_MS / 1_000;
    return skip(`${peer}: ${seconds} s are too short to tell with an interval of ${intervalMs} ms`);
  }
  if (!hearing?.heard) {
    const why =
      `no watchdog runs there, UDP on port ${port} is filtered, or its peers lack this machine`;
    return warn(`${peer} is silent: ${why}`);
  }
  if (hearing.wrong !== null) {
    return fail(`${peer} ${hearing.wrong}: correct its configuration or ours`);
  }
  if (!speaks) return ok(`${peer} is heard`);
  if (hearing.hearsUs === null) {
    return ok(`${peer} is heard; it speaks the original's format, which cannot say whom it hears`);
  }
  if (hearing.hearsUs) return ok(`${peer} answers: both ways work`);
  if (hearing.signed && !seals) {
    const secret = `give this machine the secret with ${nameOf("shared-secret-file")}`;
    return fail(`${peer} signs its heartbeats and does not hear us: ${secret}`);
  }
  const cure = `let UDP on port ${port} in there, and name this machine among its peers`;
  return fail(`${peer} is heard and does not hear us: ${cure}`);
}

/** What the watchdog of this machine says of its peers. */
function toldByRunning({ addresses }: Snapshot): Said[] {
  const several = addresses.length > 1;
  const found = addresses.flatMap(({ elasticIp, peers }) =>
    peers.map(({ address, link }) => {
      const peer = several ? `${address} (${elasticIp})` : address;
      return LINKS[link](peer);
    })
  );
  return found.length > 0 ? found : [warn("the watchdog that runs here has no peers")];
}

/** In the words of the watchdog that runs here. */
const LINKS: Readonly<Record<LinkWord, (peer: string) => Said>> = {
  "both": (peer) => ok(`${peer} answers the watchdog that runs here`),
  "unconfirmed": (peer) => ok(`${peer} is heard by the watchdog that runs here`),
  "silent": (peer) => warn(`${peer} is silent, says the watchdog that runs here`),
  "not-heard": (peer) =>
    fail(`${peer} lives and is not heard by the watchdog that runs here: let UDP in here`),
  "does-not-hear-us": (peer) =>
    fail(`${peer} does not hear the watchdog that runs here: let UDP in there`),
};
