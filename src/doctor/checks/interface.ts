// Does this machine itself have the Elastic IP? Traffic arrives addressed to it, and a machine without it drops it.
import { nameOf } from "../../config/config.ts";
import { canonicalIp, isIpv6, networkOf, sameElasticIp } from "../../core/ip.ts";
import { messageOf } from "../../core/message_of.ts";
import { sightOf } from "../../core/own_address.ts";
import { interfaceProblem } from "../../host/ip_command.ts";
import { cureFor } from "../../watch/interface_address.ts";
import type { Context } from "../context.ts";
import { fail, ok, type Result, skip } from "../result.ts";

/** The check. */
export async function checkInterface(context: Context, signal: AbortSignal): Promise<Result[]> {
  const { host, config } = context;
  let interfaces: ReturnType<typeof host.interfaces>;
  try {
    interfaces = host.interfaces();
  } catch (cause) {
    const reason = messageOf(cause);
    return [skip(`the interfaces cannot be listed: ${reason}`)];
  }
  const { addressOn } = config;
  const names = [...new Set(interfaces.map(({ name }) => name))].join(", ") || "none";
  const trouble = addressOn === null ? null : await interfaceProblem(addressOn, { host, names });
  if (trouble !== null) return [fail(`${nameOf("address-on")} ${addressOn}: ${trouble}`)];
  const texts = config.elasticIps.map(({ elasticIp }) => elasticIp);
  // Only an Elastic IP given by name needs the cloud.
  const given = texts.every((text) => canonicalIp(text) !== null);
  const elasticIps = given ? texts : await context.elasticIps(signal);
  return elasticIps.map((elasticIp) => {
    const { present, on } = sightOf(elasticIp, { listed: interfaces, local: host.isLocalAddress });
    const whole = isIpv6(elasticIp) ? networkOf(elasticIp) : elasticIp;
    if (on !== null) {
      // For an Elastic IPv6, any address of its network will do.
      const own = interfaces.find(({ name, address }) =>
        name === on && sameElasticIp(address, elasticIp)
      );
      const address = canonicalIp(own?.address ?? "") ?? elasticIp;
      const part = address === elasticIp ? "" : ` (${address} of ${whole})`;
      return ok(`${elasticIp}${part} is on the interface ${on}`);
    }
    if (present) return ok(`${whole} is taken by a route of type local`);
    if (addressOn) return ok(`${elasticIp} will be put on ${addressOn} (${nameOf("address-on")})`);
    const cure = cureFor(elasticIp);
    return fail(`${elasticIp} is on no interface, so traffic to it is dropped: ${cure}`);
  });
}
