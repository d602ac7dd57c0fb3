// curl beside the nodes, to compare: what it finds can be asked of everybody. Some ways it does not find.
import { ENDPOINT, type Laboratory } from "./laboratory.ts";

/** How long curl tries, all tries together. */
const ALL_MS = 20_000;

/** Runs curl on a machine, again and again, until it has an answer; how long that took, null when it had none. */
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
