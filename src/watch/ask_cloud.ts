// Puts the core's calls to the cloud, and the cloud's answers into the core's words.
import type { Answer, Call } from "../core/ownership_state.ts";
import type { Cloud } from "../world.ts";

/** Makes the call. Throws what the cloud throws: `CloudError`. */
export async function askCloud(cloud: Cloud, call: Call, signal: AbortSignal): Promise<Answer> {
  const { verb } = call;
  switch (verb) {
    case "prepare": {
      const { instanceId, wireId, holds } = await cloud.prepare(signal);
      return { verb, holds, selfId: wireId, instanceId };
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
      return { verb, outcome: await cloud.evict(call.instanceId, call, signal) };
    default:
      return call satisfies never;
  }
}
