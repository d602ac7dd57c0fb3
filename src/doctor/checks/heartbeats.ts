// Does each peer hear us, and do we hear it? Names the obstacle as far as it can be identified: a wrong source here, a
// wrong source there, a closed port.
import { nameOf } from "../../config/config.ts";
import { titleOf } from "../../core/election/peer.ts";
import { familyOf } from "../../core/ip.ts";
import type { AddressView, PeerView, Snapshot } from "../../status/snapshot.ts";
import { type PeersProbed, probePeers } from "../peers_probed.ts";
import type { Dropped } from "../dropped.ts";
import type { Context } from "../context.ts";
import { fail, ok, type Result, skip, warn } from "../result.ts";
import { type Passing, passing, UNKNOWN_PASSING } from "./firewall.ts";
import { type Hearing, hearingKey } from "../hearing.ts";
import { MOST_MS } from "../heartbeat_probe.ts";
import { sourceProblem } from "./source.ts";

/** Other facts about the path to a peer. */
interface Around {
  readonly port: number;
  /** Whether our heartbeats leave from an address that the peers know. */
  readonly rightSource: boolean;
  readonly passing: Passing;
}

/** The check. */
export async function checkHeartbeats(context: Context, signal: AbortSignal): Promise<Result[]> {
  const probed = await probePeers(context, signal);
  const around = async (address: string): Promise<Around> => {
    const ways = await passing(context, signal).catch(() => null);
    return {
      port: context.config.listen.port,
      rightSource: await sourceProblem(address, { context, signal }) === null,
      passing: ways?.get(address) ?? UNKNOWN_PASSING,
    };
  };
  return probed.kind === "watchdog"
    ? await toldByRunning(probed.snapshot, around)
    : await toldByPeers(probed, { context, around });
}

async function toldByPeers(
  { said, planned, hearings, dropped }: PeersProbed,
  { context, around }: { context: Context; around: (address: string) => Promise<Around> },
): Promise<Result[]> {
  if (planned.every(({ peers }) => peers.length === 0)) return [skip("no peers")];
  const { intervalMs, sharedSecrets } = context.config;
  const elasticIps = planned.map(({ elasticIp }) => elasticIp);
  const found = planned.flatMap(({ elasticIp, peers, speaks }) =>
    peers.map(async (known) => {
      const { address } = known, title = titleOf(known);
      const peer = elasticIps.length > 1 ? `${title} for ${elasticIp}` : title;
      return describe(peer, hearings.get(hearingKey(elasticIp, address)) ?? null, {
        ...await around(address),
        speaks,
        signs: sharedSecrets.length > 0,
        intervalMs,
        elasticIps,
        dropped: familyOf(address) === "IPv4" ? dropped : { martian: 0, filtered: 0 },
      });
    })
  );
  return [...said, ...await Promise.all(found)];
}

interface Circumstances extends Around {
  readonly speaks: boolean;
  /** Whether we have a secret. */
  readonly signs: boolean;
  readonly intervalMs: number;
  readonly elasticIps: readonly string[];
  readonly dropped: Dropped;
}

function describe(peer: string, hearing: Hearing | null, about: Circumstances): Result {
  const { speaks, signs, intervalMs } = about;
  // A peer sends once per interval, and only its next heartbeat says whom it hears.
  const untold = speaks ? hearing?.hearsUs === false : !hearing?.heard;
  const clueless = hearing?.wrong === null && hearing.strayFrom === null;
  if (untold && clueless && intervalMs * 2 > MOST_MS) {
    const seconds = MOST_MS / 1_000;
    return skip(`${peer}: ${seconds} s are too short to tell with an interval of ${intervalMs} ms`);
  }
  if (!hearing?.heard) return describeSilence(peer, hearing?.strayFrom ?? null, about);
  if (hearing.wrong !== null) {
    return fail(`${peer} ${hearing.wrong}: correct its configuration or ours`);
  }
  if (!speaks) return ok(`${peer} is heard`);
  if (hearing.hearsUs === null) {
    return ok(`${peer} is heard; it speaks the original's format, which cannot say whom it hears`);
  }
  if (hearing.hearsUs) return ok(`${peer} answers: both ways work`);
  const notHearingUs = `${peer} is heard and does not hear us`;
  if (hearing.signed && !signs) {
    const secret = `give this machine the secret with ${nameOf("shared-secret-file")}`;
    return fail(`${peer} signs its heartbeats and does not hear us: ${secret}`);
  }
  return fail(`${notHearingUs}: ${whyNotHearingUs(about)}`);
}

/** The remedy when a peer does not hear us. */
function whyNotHearingUs({ port, rightSource, passing: { out } }: Around): string {
  if (!rightSource) return "our heartbeats do not leave from where it knows us, see source";
  const listed = "name this machine among its peers";
  if (out === "closed") return `no rule lets UDP on port ${port} through to it, see firewall`;
  if (out === "open") return `${listed}, or let UDP on port ${port} in on that machine itself`;
  return `let UDP on port ${port} in there, and ${listed}`;
}

function describeSilence(
  peer: string,
  strayFrom: string | null,
  { port, elasticIps, dropped, passing }: Circumstances,
): Result {
  if (strayFrom !== null) {
    const what = elasticIps.includes(strayFrom) ? "the Elastic IP itself" : "no address of a node";
    const who = `${peer} sends its heartbeats from ${strayFrom}, ${what}`;
    return fail(`${who}, so that no node hears it: run --doctor there`);
  }
  const silent = `${peer} is silent`;
  if (passing.in === "closed") {
    return warn(`${silent}: no rule lets UDP on port ${port} in from there, see firewall`);
  }
  if (dropped.martian > 0) {
    const what = `${dropped.martian} datagrams that came from an address of this machine itself`;
    const cure = "if they are its heartbeats, they leave from the Elastic IP: run --doctor there";
    return warn(`${silent}, and this kernel has dropped ${what}: ${cure}`);
  }
  if (dropped.filtered > 0) {
    const what = `this kernel's reverse path filter has dropped ${dropped.filtered} datagrams`;
    const cure = "if they are its heartbeats, sysctl net.ipv4.conf.all.rp_filter=2 lets them in";
    return warn(`${silent}, and ${what}: ${cure}`);
  }
  const filter = passing.in === "open"
    ? `a firewall inside a machine drops UDP on port ${port}`
    : `UDP on port ${port} is filtered`;
  return warn(`${silent}: no watchdog runs there, its peers lack this machine, or ${filter}`);
}

/** What this machine's watchdog reports about its peers. */
async function toldByRunning(
  { addresses }: Snapshot,
  around: (address: string) => Promise<Around>,
): Promise<Result[]> {
  const found = addresses.flatMap((view) =>
    view.peers.map(async (peer) => {
      const { elasticIp } = view;
      const title = titleOf(peer);
      const name = addresses.length > 1 ? `${title} for ${elasticIp}` : title;
      return saidOf(name, peer, { view, around: await around(peer.address) });
    })
  );
  if (found.length === 0) return [warn("the watchdog that runs here has no peers")];
  return await Promise.all(found);
}

/** In the words of the watchdog that runs here. */
function saidOf(
  name: string,
  { link, refused }: PeerView,
  { view: { deadTimeMs }, around }: { view: AddressView; around: Around },
): Result {
  const here = "the watchdog that runs here";
  switch (link) {
    case "both":
      return ok(`${name} answers ${here}`);
    case "unconfirmed":
      return ok(`${name} is heard by ${here}`);
    case "listed":
      return ok(`${name} is listed in the store of the lease, says ${here}`);
    case "unlisted":
      return warn(`${name} is not listed in the store of the lease any more, says ${here}`);
    case "silent":
      return warn(`${name} is silent, says ${here}`);
    case "does-not-hear-us":
      return fail(`${name} does not hear ${here}: ${whyNotHearingUs(around)}`);
    case "not-heard": {
      const lives = `${name} lives and is not heard by ${here}`;
      const { port, passing } = around;
      // A rejected heartbeat has passed every firewall.
      if (refused?.ageMs != null && refused.ageMs < deadTimeMs * 2) {
        return fail(`${lives}, which refuses its heartbeats (${refused.word}): see the log there`);
      }
      if (passing.in !== "open") return fail(`${lives}: let UDP on port ${port} in here`);
      const source = "its heartbeats leave from another address, or a firewall inside a machine";
      return fail(`${lives}: ${source} drops them: run --doctor there`);
    }
    default:
      return link satisfies never;
  }
}
