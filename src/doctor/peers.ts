// Who are the peers, and is this instance one of them?
import { nameOf } from "../config.ts";
import { asCloudError, type CloudErrorKind } from "../exoscale/cloud_error.ts";
import type { Facts } from "./facts.ts";
import { fail, NotKnown, ok, type Said, skip, warn } from "./finding.ts";

/** More are counted and not named. */
const NAMED_MAX = 12;

/** What the checks of identity, key and address tell, and how to mend it. */
const TOLD_ELSEWHERE: readonly CloudErrorKind[] = [
  "forbidden",
  "unauthorized",
  "clock-late",
  "no-such-address",
  "no-such-instance",
];

/** The check. */
export async function checkPeers(facts: Facts, signal: AbortSignal): Promise<Said[]> {
  const elasticIps = await facts.elasticIps(signal);
  const found = await Promise.all(elasticIps.map(peersOf));
  // Several Elastic IPs usually have the same peers.
  return found.filter(({ text }, index) => found.findIndex((each) => each.text === text) === index);

  async function peersOf(elasticIp: string): Promise<Said> {
    try {
      const { peers, listed } = await facts.membership(elasticIp, signal);
      if (!listed) return fail(unlisted(facts, peers.length));
      if (peers.length === 0) {
        return warn("none: this instance alone would hold, without a stand-in");
      }
      const names = peers.slice(0, NAMED_MAX).map(({ address }) => address).join(", ");
      const more = peers.length > NAMED_MAX ? `, and ${peers.length - NAMED_MAX} more` : "";
      return ok(`${peers.length} found: ${names}${more}`);
    } catch (cause) {
      if (cause instanceof NotKnown) return skip(cause.message);
      const error = asCloudError(cause);
      return error.retryable || TOLD_ELSEWHERE.includes(error.kind)
        ? skip(`not looked for: ${error.message}`)
        : fail(`${error.message}${cureOf(error.kind)}`);
    }
  }
}

/** What to do, where the message does not say it. */
function cureOf(kind: CloudErrorKind): string {
  if (kind === "no-such-group") {
    return `: correct ${nameOf("G")} or the zone, or make that group with all nodes in it`;
  }
  if (kind === "no-such-peer") {
    return `: correct ${
      nameOf("p")
    } or the zone; each is the native address of a node, no Elastic IP`;
  }
  return "";
}

function unlisted({ config: { peers } }: Facts, count: number): string {
  const where = peers.kind === "groups" ? `security group ${peers.groups.join(", ")}` : "the list";
  return `${where} has ${count} others and not this instance: it would never hold, add it there`;
}
