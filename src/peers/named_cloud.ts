// A cloud with peers given by name: the names are looked up before each reading of the peer list.
import type { Connect } from "../startup/connection.ts";
import type { PeerNames } from "./peer_names.ts";

/** Connects as `connect` does, but reads the peer list by the addresses that the names have at that moment. */
export function connectByNames(connect: Connect, names: Pick<PeerNames, "members">): Connect {
  return (elasticIp, onProgress) => {
    const cloud = connect(elasticIp, onProgress);
    return {
      name: cloud.name,
      prepare: (signal) => cloud.prepare(signal),
      members: (signal) => names.members((addresses) => cloud.members(signal, addresses)),
      look: (options, signal) => cloud.look(options, signal),
      inspect: (instanceId, signal) => cloud.inspect(instanceId, signal),
      attach: (signal, limits) => cloud.attach(signal, limits),
      detachSelf: (signal) => cloud.detachSelf(signal),
      evict: (instanceId, options, signal) => cloud.evict(instanceId, options, signal),
    };
  };
}
