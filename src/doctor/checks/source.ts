// From which address do our heartbeats leave? Peers know one address per family, and reject heartbeats from any other.
import { nameOf } from "../../config/config.ts";
import { canonicalIp, familyOf } from "../../core/ip.ts";
import { messageOf } from "../../core/message_of.ts";
import type { PeerIdentity } from "../../core/election/peer.ts";
import { NoIpCommand, runIp } from "../../host/ip_command.ts";
import { bindingProblem } from "../../host/own_source.ts";
import { childEnvironment } from "../../host/child_environment.ts";
import type { Family, OwnPath } from "../../world.ts";
import { hearUs, probePeers } from "../peers_probed.ts";
import type { Context } from "../context.ts";
import { fail, ok, type Result, skip, warn } from "../result.ts";
import { peersOf } from "./firewall.ts";

/** The result for one family. */
interface Look {
  /** The private network that it is about, undefined for the public addresses. */
  readonly network: string | undefined;
  readonly family: Family;
  /** One of the peers. */
  readonly peer: string;
  /** This instance's address as the peers know it, null when the cloud knows none of that family. */
  readonly own: string | null;
  /** Why heartbeats would not leave from there, and the remedy; null when they do. */
  readonly problem: string | null;
}

const looks = new WeakMap<Context, Promise<Look[]>>();

/** Why heartbeats to that address would leave from an address that the peers do not know; null if they would not. */
export async function sourceProblem(
  to: string,
  { context, signal }: { context: Context; signal: AbortSignal },
): Promise<string | null> {
  const found = await lookOnce(context, signal).catch(() => []);
  const peers = await peersOf(context, signal).catch(() => []);
  const network = peers.find(({ address }) => address === to)?.network;
  return found.find((look) => look.network === network && look.family === familyOf(to))?.problem ??
    null;
}

/** The check. */
export async function checkSource(context: Context, signal: AbortSignal): Promise<Result[]> {
  const found = await lookOnce(context, signal);
  if (found.length === 0) return [skip("no peers")];
  return await Promise.all(
    found.map((look) =>
      look.problem === null ? sayGood(look, { context, signal }) : sayBad(look, { context, signal })
    ),
  );
}

function lookOnce(context: Context, signal: AbortSignal): Promise<Look[]> {
  const looked = looks.get(context) ?? lookAtAll(context, signal);
  looks.set(context, looked);
  return looked;
}

async function lookAtAll(context: Context, signal: AbortSignal): Promise<Look[]> {
  const peers = await peersOf(context, signal);
  if (peers.length === 0) return [];
  const { addresses } = await context.self(signal);
  const inside = await ownPaths(context, signal);
  const networks = [...new Set(peers.map(({ network }) => network))];
  const firsts = networks.flatMap((network) =>
    (["IPv4", "IPv6"] as const).flatMap((family) =>
      peers.find((peer) => peer.network === network && familyOf(peer.address) === family) ?? []
    )
  );
  return await Promise.all(firsts.map((peer) => {
    const { network } = peer;
    const own = network === undefined
      ? addresses
      : inside.filter((path) => path.network === network).map(({ address }) => address);
    return lookAt(peer, { addresses: own, context });
  }));
}

/** Our addresses in the private networks of the peers. */
async function ownPaths(context: Context, signal: AbortSignal): Promise<readonly OwnPath[]> {
  const elasticIps = await context.elasticIps(signal);
  const lists = elasticIps.map((elasticIp) => context.membership(elasticIp, signal));
  return (await Promise.all(lists)).flatMap(({ own = [] }) => own);
}

async function lookAt(
  { address: peer, network }: PeerIdentity,
  { addresses, context }: { addresses: readonly string[]; context: Context },
): Promise<Look> {
  const { config: { listen: { hostname, port } } } = context;
  const family = familyOf(peer);
  const own = addresses.find((address) => familyOf(address) === family) ?? null;
  const saying = (problem: string | null): Look => ({ network, family, peer, own, problem });
  if (hostname !== "::" && familyOf(hostname) !== family) {
    return saying(`${nameOf("l")} listens on no ${family} address: give it [::]:${port}`);
  }
  if (named(context) !== null) {
    const known = addresses.includes(hostname);
    return saying(known ? null : `${nameOf("l")} names ${hostname}: give it :${port}`);
  }
  if (own === null && network !== undefined) {
    return saying(`the network ${network} has no lease for this instance, see network`);
  }
  if (own === null) {
    return saying(`the cloud knows no ${family} address of this instance: give it one`);
  }
  return saying(await troubleBinding(own, context));
}

/** Why the machine cannot send from that address, null when it can. */
async function troubleBinding(own: string, { host }: Context): Promise<string | null> {
  const cure = `put it on the NIC, or run exoip in the network of the machine that has it`;
  try {
    await host.openSocket(own, 0).close();
  } catch (cause) {
    return `${bindingProblem(cause)}: ${cure}`;
  }
  // With ip_nonlocal_bind the kernel lets us bind an address that no interface has.
  return interfaceOf(own, host) === null ? `no interface of this machine has it: ${cure}` : null;
}

/** The interface that has the address; null when none has, empty when unknown. */
function interfaceOf(address: string, { interfaces }: Context["host"]): string | null {
  // The whole of 127.0.0.0/8 is on the loopback interface.
  if (address.startsWith("127.")) return "lo";
  try {
    const found = interfaces().find((each) => canonicalIp(each.address) === address);
    return found?.name ?? null;
  } catch {
    return "";
  }
}

async function sayGood(
  { family, peer, own }: Look,
  { context, signal }: { context: Context; signal: AbortSignal },
): Promise<Result> {
  const from = named(context) ?? own ?? "";
  const leave = `${family} heartbeats leave from ${from}`;
  const device = interfaceOf(from, context.host);
  const route = await routeTo(peer, { from, context });
  const straight = route?.device === device || !device || device === "lo";
  if (route === null || (route.trouble === null && straight)) return ok(leave);
  if (await areHeard(family, { context, signal })) return ok(leave);
  if (route.trouble !== null) {
    return fail(`no route leads from ${from} to ${peer}: ${route.trouble}`);
  }
  const rule = `ip rule add from ${from} table 100, and a default route through ${device} in it`;
  const where = `which is on ${device}, but through ${route.device}`;
  return warn(`${leave}, ${where}: if the network drops them there, route by source (${rule})`);
}

async function sayBad(
  { family, peer, own, problem }: Look,
  { context, signal }: { context: Context; signal: AbortSignal },
): Promise<Result> {
  const route = named(context) === null ? await routeTo(peer, { from: null, context }) : null;
  const elsewhere = route?.source && route.source !== own ? `, but from ${route.source}` : "";
  const place = own === null ? "" : ` from ${own}, where the peers know this instance${elsewhere}`;
  const text = `${family} heartbeats do not leave${place}: ${problem}`;
  if (!await areHeard(family, { context, signal })) return fail(text);
  return warn(`${text} (and yet peers hear us: the network translates the source)`);
}

async function areHeard(
  family: Family,
  { context, signal }: { context: Context; signal: AbortSignal },
): Promise<boolean> {
  return await probePeers(context, signal).then((told) => hearUs(told, family), () => false);
}

/** The address given with `-l`, null without one. */
function named({ config: { listen: { hostname } } }: Context): string | null {
  return ["::", "0.0.0.0"].includes(hostname) ? null : hostname;
}

/** The kernel's route to the peer, and its source address; null where `ip` does not tell. */
async function routeTo(
  peer: string,
  { from, context: { host: { runCommand: run, env } } }: { from: string | null; context: Context },
): Promise<{ device: string; source: string | null; trouble: string | null } | null> {
  const args = ["route", "get", peer, ...(from === null ? [] : ["from", from])];
  try {
    const line = await runIp(args, { run, env: childEnvironment(env) });
    const device = / dev (\S+)/.exec(line)?.[1], source = / src (\S+)/.exec(line)?.[1] ?? null;
    return device === undefined ? null : { device, source, trouble: null };
  } catch (error) {
    if (error instanceof NoIpCommand) return null;
    const trouble = messageOf(error);
    return { device: "", source: null, trouble };
  }
}
