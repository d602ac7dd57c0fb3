// Does this machine itself have the Elastic IP? Traffic arrives addressed to it, and a machine without it drops it.
import { nameOf } from "../config.ts";
import type { Facts } from "./facts.ts";
import { canonicalIp } from "../core/ip.ts";
import { fail, ok, type Said, skip } from "./finding.ts";

/** The check. */
export function checkGuest({ host, config }: Facts): Promise<Said[]> {
  let interfaces: ReturnType<typeof host.interfaces>;
  try {
    interfaces = host.interfaces();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : `${cause}`;
    return Promise.resolve([skip(`the interfaces cannot be listed: ${reason}`)]);
  }
  const found = config.addresses.map(({ elasticIp }) => {
    const own = interfaces.find(({ address }) => canonicalIp(address) === elasticIp);
    if (own) return ok(`${elasticIp} is on the interface ${own.name}`);
    const { addressOn } = config;
    if (addressOn) return ok(`${elasticIp} will be put on ${addressOn} (${nameOf("address-on")})`);
    const length = elasticIp.includes(":") ? 128 : 32;
    const how = `ip address add ${elasticIp}/${length} dev lo`;
    return fail(`${elasticIp} is on no interface, so traffic to it is dropped: ${how}`);
  });
  return Promise.resolve(found);
}
