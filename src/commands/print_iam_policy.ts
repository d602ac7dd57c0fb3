// --print-iam-policy: what the role of the API key must allow for this configuration. It needs no credentials, because
// it runs before they exist, and uses no network.
import type { Values } from "../options/parse.ts";
import { readElasticIps, spellingsOf } from "../config/elastic_ips.ts";
import { readEndpoint } from "../config/cloud.ts";
import { readPeers } from "../config/peers.ts";
import { ConfigReader } from "../config/config_reader.ts";
import { canonicalIp, isIpv6 } from "../core/ip.ts";
import { iamPolicy, OPTIONAL_OPERATIONS } from "../exoscale/iam_policy.ts";
import type { Host } from "../host/host.ts";
import { withoutPasswords } from "../log/password.ts";

/** Prints the policy for all given modes together, for -W without any. Returns the exit code. */
export function printPolicy({ given }: Values, { print }: Pick<Host, "print">): 0 | 1 {
  const reader = new ConfigReader(given);
  const watches = reader.on("W") || !["A", "D"].some((flag) => reader.on(flag));
  const moves = !reader.on("shadow");
  reader.need(moves || watches, "shadow", "goes with -W only");
  const elasticIps = readElasticIps(reader).map(({ elasticIp }) => elasticIp);
  const { peers, heartbeatNetworks } = readPeers(reader, { counts: watches, watchdog: watches });
  const names = elasticIps.filter((text) => canonicalIp(text) === null).map((text) =>
    JSON.stringify(text)
  );
  const known = names.length === 0 || reader.problems.length > 0;
  reader.need(known, "xi", `the policy needs the address instead of ${names.join(", ")}`);
  const v2 = readEndpoint(reader).api === "v2";
  reader.need(v2 || reader.problems.length > 0, "api", "only API v2 knows policies");
  for (const problem of reader.problems) {
    print("err", `exoip: ${withoutPasswords(problem)}`);
  }
  if (reader.problems.length > 0) return 1;
  const policy = iamPolicy({
    attaches: moves && (watches || reader.on("A")),
    detaches: moves && (watches || reader.on("D")),
    peers: watches ? peers : null,
    heartbeatNetworks,
    elasticIps: spellingsOf(reader),
  });
  print("out", JSON.stringify(policy, null, 2));
  const long = elasticIps.find(isIpv6);
  if (long !== undefined) {
    const check = "exo compute elastic-ip list must write it in one of these ways";
    print("err", `exoip: a policy compares text, and ${long} has several: ${check}`);
  }
  for (const [operation, use] of Object.entries(OPTIONAL_OPERATIONS)) {
    if (!JSON.stringify(policy).includes(`'${operation}'`)) continue;
    print("err", `exoip: ${operation} may be left out (${use})`);
  }
  return 0;
}
