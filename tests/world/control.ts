// curl beside the nodes, for comparison: a route that curl finds, every node must find. Some routes curl does not find.
import { ENDPOINT, type Laboratory } from "./laboratory.ts";

/** How long curl tries in all. */
const ALL_MS = 20_000;

/** Runs curl on a machine repeatedly until it has an answer; returns how long that took, null without one. */
export async function curlMs(lab: Laboratory, machine: number): Promise<number | null> {
  const startedAtMs = performance.now();
  const env = lab.envOf(machine);
  while (performance.now() - startedAtMs < ALL_MS) {
    const [command = "", ...args] = [
      ...lab.network.wrap(machine),
      ..."curl --silent --fail --output /dev/null".split(" "),
      ...["--max-time", `${ALL_MS / 1000}`, "--cacert", lab.authority.caFile, `${ENDPOINT}/zone`],
    ];
    const { success } = await new Deno.Command(command, { args, env }).output();
    if (success) return performance.now() - startedAtMs;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return null;
}
