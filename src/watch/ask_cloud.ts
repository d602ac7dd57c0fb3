// Puts the core's calls to the cloud, and the cloud's answers into the core's words.
import type { Cloud } from "../world.ts";
import type { Answer, Call } from "../core/ownership/call.ts";

/**
 * Makes the call; `wanted` tells whether an eviction still is, and `identified` is told where the peers know us. Throws
 * what the cloud throws: `CloudError`.
 */
export async function askCloud(
  cloud: Cloud,
  call: Call,
  { wanted, signal, identified }: {
    wanted: () => boolean;
    signal: AbortSignal;
    identified: (nativeAddresses: readonly string[]) => void;
  },
): Promise<Answer> {
  const { verb } = call;
  switch (verb) {
    case "prepare": {
      const { instanceId, wireId, holds, nativeAddresses } = await cloud.prepare(signal);
      identified(nativeAddresses);
      return { verb, holds, selfId: wireId, instanceId, addresses: nativeAddresses };
    }
    case "look":
      return { verb, ...await cloud.look(call, signal) };
    case "inspect":
      return { verb, holds: await cloud.inspect(call.instanceId, signal) };
    case "attach":
      await cloud.attach(signal);
      return { verb };
    case "detach-self":
      await cloud.detachSelf(signal);
      return { verb };
    case "evict":
      return { verb, outcome: await cloud.evict(call.instanceId, { ...call, wanted }, signal) };
    default:
      return call satisfies never;
  }
}
