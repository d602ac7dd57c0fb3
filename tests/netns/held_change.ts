// The network between a node and the cloud loses every packet with a change in it, however often the node's kernel
// repeats it, and lets everything else through. The cloud must speak plain HTTP.
import { messageOf } from "../../src/core/message_of.ts";
import { Network } from "./network.ts";

/** `PUT `, where the content of a packet begins: after a TCP header with timestamps, 32 bytes long. */
const CHANGE = "@th,256,32 0x50555420";

/** Holds a node's changes back until it is disposed of. */
export class HeldChange implements AsyncDisposable {
  readonly #hub: string;
  readonly #table: string;

  private constructor(hub: string, table: string) {
    this.#hub = hub;
    this.#table = table;
  }

  /** Holds back from now on. */
  static async of({ hub }: Network, number: number): Promise<HeldChange> {
    const table = `held${number}`;
    const hook = `type filter hook ingress device cloud-${number} priority 0;`;
    await nft(hub, `add table netdev ${table}`);
    await nft(hub, `add chain netdev ${table} changes { ${hook} }`);
    await nft(hub, `add rule netdev ${table} changes ip protocol tcp ${CHANGE} counter drop`);
    return new HeldChange(hub, table);
  }

  /** How many packets were lost so far. */
  async count(): Promise<number> {
    const text = await nft(this.#hub, `list chain netdev ${this.#table} changes`);
    return Number(/counter packets (\d+)/.exec(text)?.[1]);
  }

  /** Lets everything through again. */
  async [Symbol.asyncDispose](): Promise<void> {
    await nft(this.#hub, `delete table netdev ${this.#table}`);
  }
}

/** Why that is not possible here, null when it is. */
export async function holdMissing(): Promise<string | null> {
  const network = await Network.create(1);
  try {
    await (await HeldChange.of(network, 1))[Symbol.asyncDispose]();
    return null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "needs nft of nftables";
    return `nft cannot be used here: ${messageOf(error).replace(/\s+/g, " ")}`;
  } finally {
    await network.close();
  }
}

async function nft(namespace: string, line: string): Promise<string> {
  const args = ["netns", "exec", namespace, "nft", ...line.split(" ")];
  const { success, stdout, stderr } = await new Deno.Command("ip", { args }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) throw new Error(`nft ${line}: ${text(stderr)}`);
  return text(stdout);
}
