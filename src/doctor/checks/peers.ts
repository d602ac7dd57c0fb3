// Who are the peers, and is this instance one of them?
import { nameOf } from "../../config/config.ts";
import { byMachine, pathText, type PeerIdentity } from "../../core/election/peer.ts";
import { asCloudError, type CloudErrorKind } from "../../exoscale/cloud_error.ts";
import type { Context } from "../context.ts";
import { fail, NotKnown, ok, type Result, warn } from "../result.ts";
import { skipped } from "../skipped.ts";

/** More peers are only counted. */
const NAMED_MAX = 12;

/** Errors that the checks of identity, key and address report, with the remedy. */
const TOLD_ELSEWHERE: readonly CloudErrorKind[] = [
  "forbidden",
  "unauthorized",
  "clock-late",
  "no-such-address",
  "no-such-instance",
];

/** The check. */
export async function checkPeers(context: Context, signal: AbortSignal): Promise<Result[]> {
  const named = await namesOf(context, signal);
  const elasticIps = await context.elasticIps(signal).catch((cause) => {
    if (named.length === 0) throw cause;
    return [];
  });
  const found = (await Promise.all(elasticIps.map(peersOf))).flat();
  // Several Elastic IPs usually have the same peers.
  const once = found.filter(({ text }, index) =>
    found.findIndex((each) => each.text === text) === index
  );
  return [...named, ...once];

  async function peersOf(elasticIp: string): Promise<Result[]> {
    try {
      const { peers, inPeerList, unplaced = [], missing = [] } = await context.membership(
        elasticIp,
        signal,
      );
      if (!inPeerList) return [fail(outsidePeerList(context, peers.length))];
      const strange = unplaced.map(({ address, count }) => `${address} (${count} found)`);
      const lost = strange.length === 0 ? [] : [strayed(strange, missing.length > 0)];
      if (peers.length === 0) {
        return [...lost, warn("none: this instance alone would hold, without a stand-in")];
      }
      const machines = titlesOf(peers), { length } = machines;
      const more = length > NAMED_MAX ? `, and ${length - NAMED_MAX} more` : "";
      return [...lost, ok(`${length} found: ${machines.slice(0, NAMED_MAX).join(", ")}${more}`)];
    } catch (cause) {
      const error = asCloudError(cause);
      const told = cause instanceof NotKnown || error.retryable ||
        TOLD_ELSEWHERE.includes(error.kind);
      return [
        told
          ? await skipped(cause, { context, signal, what: "the list of peers could not be read" })
          : fail(`${error.message}${cureOf(error.kind)}`),
      ];
    }
  }
}

/** One for each machine, with all its paths. */
function titlesOf(peers: readonly PeerIdentity[]): string[] {
  return byMachine(peers).map((paths) => {
    const { name } = paths[0] ?? {}, where = paths.map(pathText).join(", ");
    return name ? `${name} (${where})` : where;
  });
}

/** The addresses behind the names of `-p`. */
async function namesOf(context: Context, signal: AbortSignal): Promise<Result[]> {
  const cure = `correct ${nameOf("p")}, or the name servers in /etc/resolv.conf`;
  const told = (await context.names(signal))?.describe() ?? [];
  return told.map(({ usable, text }) => usable ? ok(text) : fail(`${text}: ${cure}`));
}

/** Addresses that belong to no peer. If the name has other addresses, it may be a machine that is gone. */
function strayed(strange: readonly string[], missing: boolean): Result {
  const what = `each peer must be the address of one instance of this zone: ${strange.join(", ")}`;
  const cure = `correct ${nameOf("p")} or the zone; each is the native address of a node, ` +
    "no Elastic IP";
  return (missing ? fail : warn)(`${what}: ${cure}`);
}

/** The remedy, if the message does not give it. */
function cureOf(kind: CloudErrorKind): string {
  if (kind === "no-such-group") {
    return `: correct ${nameOf("G")} or the zone, or make that group with all nodes in it`;
  }
  return "";
}

function outsidePeerList({ config: { peers } }: Context, count: number): string {
  const where = peers.kind === "groups" ? `security group ${peers.groups.join(", ")}` : "the list";
  return `${where} has ${count} others and not this instance: it would never hold, add it there`;
}
