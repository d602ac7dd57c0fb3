// Requirements of these tests; a test without them is skipped.
import { messageOf } from "../../src/core/message_of.ts";
import { skippableTest } from "../support/skippable.ts";
import { Network } from "./network.ts";

/** A test in namespaces of its own. Where they are not available it is skipped, and its name says why. */
export function networkTest(
  name: string,
  body: (t: Deno.TestContext) => Promise<void>,
  { missing = MISSING }: { missing?: string | null } = {},
): void {
  skippableTest(name, missing, body);
}

/** Why namespaces are not available here, null when they are. */
export const MISSING: string | null = await whatIsMissing();

async function whatIsMissing(): Promise<string | null> {
  if (Deno.build.os !== "linux") return `needs Linux, this is ${Deno.build.os}`;
  const user = Deno.uid();
  if (user !== 0) return `needs root, this is user ${user}`;
  try {
    const network = await Network.create(1);
    try {
      await network.block(2, 1);
    } finally {
      await network.close();
    }
    return null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "needs the command ip of iproute2";
    return `no network namespaces here: ${reasonOf(error)}`;
  }
}

/** On one line, since it becomes part of a test's name. */
function reasonOf(error: unknown): string {
  return messageOf(error).replace(/\s+/g, " ");
}

/** Why packets cannot be dropped and delayed here, null when they can. */
export async function netemMissing(): Promise<string | null> {
  if (MISSING !== null) return MISSING;
  const network = await Network.create(1);
  try {
    await impair(network, 1, "delay 1ms");
    return null;
  } catch (error) {
    return `tc netem cannot be used here: ${reasonOf(error)}`;
  } finally {
    await network.close();
  }
}

/** Delays or drops a node's packets to its peers: `delay 40ms 20ms loss 20%`. */
export async function impair(network: Network, number: number, how: string): Promise<void> {
  const tc = `tc qdisc replace dev lan root netem ${how}`.split(" ");
  const [command = "", ...args] = [...network.wrap(number), ...tc];
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).replace("Error: ", "").trim());
}

/** Why address translation is not available here, null when it is. */
export function natMissing(): Promise<string | null> {
  return iptablesMissing("-t nat -L", "iptables cannot be used here");
}

/** Why packets cannot be told apart by their text here, null when they can. */
export function stringMatchMissing(): Promise<string | null> {
  const rule = "-I INPUT -m string --algo bm --string x -j DROP";
  return iptablesMissing(rule, "iptables cannot look into packets here");
}

async function iptablesMissing(args: string, trouble: string): Promise<string | null> {
  if (MISSING !== null) return MISSING;
  const network = await Network.create(1);
  try {
    await network.run(1, `iptables ${args}`);
    return null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "needs iptables";
    return `${trouble}: ${reasonOf(error)}`;
  } finally {
    await network.close();
  }
}
