// Who the peers are, and where we listen for them.
import type { PeerSource } from "../exoscale/peer_source.ts";
import { type Option, shared } from "./option.ts";

/** The peers as configured. */
export interface PeersConfig {
  /** Addresses or host names, or groups, or neither: then the cloud tells which instances belong together. */
  readonly peers: PeerSource;
  /** Where heartbeats go: `public`, and names or ids of private networks. */
  readonly heartbeatNetworks: readonly string[];
  readonly listen: Listen;
}

/** The address and port to which the socket is bound. */
export interface Listen {
  readonly hostname: string;
  readonly port: number;
}

const isStatic = ({ peers }: PeersConfig) => peers.kind === "static";

/** Options of the original. */
export const PEERS = [
  shared<PeersConfig>({
    name: "p",
    group: "start",
    kind: "list",
    variables: ["IF_EXOSCALE_PEERS"],
    value: "PEER[,PEER...]",
    alias: "peers",
    origin: "original",
    help:
      "addresses or names of the peers; repeatable; without -p and -G the cloud tells who they are",
    keys: ["peers"],
    of: ({ peers }) => peers.kind === "static" ? peers.addresses : null,
    reload: "peers",
    restartIf: (old, next) => !isStatic(old) || !isStatic(next),
  }),
  shared<PeersConfig>({
    name: "G",
    group: "peers",
    kind: "list",
    variables: ["IF_EXOSCALE_PEER_GROUP"],
    value: "GROUP[,GROUP...]",
    alias: "peer-group",
    origin: "original",
    help: "security groups whose instances are the peers, by name or id; repeatable",
    keys: ["peers"],
    of: ({ peers }) => peers.kind === "groups" ? peers.groups : null,
  }),
  shared<PeersConfig>({
    name: "heartbeat-network",
    group: "peers",
    kind: "list",
    variables: ["IF_HEARTBEAT_NETWORK"],
    value: "NETWORK[,NETWORK...]",
    fallback: "public",
    help:
      "private networks for heartbeats, by name or id; with public,NAME a peer is dead when silent on both",
    keys: ["heartbeatNetworks"],
  }),
] as const satisfies readonly Option[];

/** Options of the original, listed after those of the election. */
export const LISTEN = [
  shared<PeersConfig>({
    name: "l",
    group: "peers",
    variables: ["IF_BIND_TO"],
    value: "[ADDRESS]:PORT",
    fallback: ":12345",
    alias: "listen",
    origin: "original",
    help:
      "address to listen on, and to send from if one is given; [::]:PORT for IPv6, too; every node needs the same port",
    keys: ["listen"],
  }),
] as const satisfies readonly Option[];
