// Which Elastic IPs.
import type { Option } from "./option.ts";
import { flag, shared } from "./option.ts";

/** An Elastic IP to watch. */
export interface ElasticIpConfig {
  /** In canonical form; before the cloud was asked, it may be a name. */
  readonly elasticIp: string;
  /** Priority of this node for it, 0 to 255; null means the node's own. */
  readonly priority: number | null;
}

/** The Elastic IPs as configured. */
export interface ElasticIpsConfig {
  /** At least one; exactly one in the one-shot modes. */
  readonly elasticIps: readonly ElasticIpConfig[];
}

const elasticIpsOf = ({ elasticIps }: ElasticIpsConfig) =>
  elasticIps.map(({ elasticIp }) => elasticIp).join();

/** Which Elastic IPs. */
export const ELASTIC_IPS = [
  shared<ElasticIpsConfig>({
    name: "xi",
    group: "start",
    variables: ["IF_ADDRESS"],
    value: "ADDRESS[,ADDRESS...]",
    alias: "address",
    origin: "original",
    help: "the Elastic IP, by address, id, description or label (key=value); several for -W, " +
      "separated by commas, each with /PRIORITY where it differs from -P",
    keys: ["elasticIps"],
    reload: "election",
    // Other addresses are other elections; a changed priority is not.
    restartIf: (old, next) => elasticIpsOf(old) !== elasticIpsOf(next),
  }),
  flag({
    name: "together",
    group: "peers",
    key: "together",
    variables: ["IF_TOGETHER"],
    help: "all Elastic IPs of -xi move together: one node holds all of them; the same on all nodes",
    watchdogOnly: true,
  }),
] as const satisfies readonly Option[];
