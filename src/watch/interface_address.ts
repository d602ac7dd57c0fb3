// --address-on: the Elastic IPs on an interface of this machine, through `ip`, for as long as the watchdog runs.
// interface_watch.ts notices when one is taken off.
import { isIpv6, networkOf } from "../core/ip.ts";
import { messageOf } from "../core/message_of.ts";
import type { RunCommand } from "../host/command.ts";
import { NoIpCommand, runIp } from "../host/ip_command.ts";
import type { Log } from "../world.ts";

/** What it needs from the machine. */
export interface AddressWorld {
  readonly log: Log;
  readonly run: RunCommand;
  readonly env: Readonly<Record<string, string>>;
}

/** Addresses on an interface. */
export class InterfaceAddresses {
  readonly #interface: string | null;
  readonly #world: AddressWorld;
  readonly #added = new Set<string>();

  /** Does nothing if the interface is null. */
  constructor(interfaceName: string | null, world: AddressWorld) {
    this.#interface = interfaceName;
    this.#world = world;
  }

  /**
   * Adds the addresses; those that are there already stay as they are. Resolves to what went wrong, null if nothing
   * did.
   */
  async put(addresses: readonly string[]): Promise<string | null> {
    if (this.#interface === null) return null;
    try {
      for (const address of addresses) await this.#putOne(address, this.#interface);
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }

  async #putOne(address: string, device: string): Promise<void> {
    const added = await this.#ensure(address, device);
    this.#say(
      "info",
      added ? `${address} is put on ${device}` : `${address} is on ${device} already, and stays`,
    );
  }

  /**
   * Puts an address back that may be missing. Resolves to whether it was missing; rejects with why it cannot be added.
   */
  async restore(address: string): Promise<boolean> {
    return this.#interface !== null && await this.#ensure(address, this.#interface);
  }

  async #ensure(address: string, device: string): Promise<boolean> {
    const shown = await this.#ip("address", "show", "dev", device, "to", address);
    if (prefixesIn(shown).some((prefix) => prefix.split("/")[0] === address)) return false;
    // Other nodes have the same address at the same time, so duplicate address detection would refuse it.
    const unique = address.includes(":") ? ["nodad"] : [];
    await this.#ip("address", "replace", prefixOf(address), "dev", device, ...unique);
    this.#added.add(address);
    return true;
  }

  /** Removes the addresses that were added. Failures are logged; an address that is already gone is not a failure. */
  async takeOff(): Promise<void> {
    const device = this.#interface ?? "";
    for (const address of this.#added) {
      try {
        await this.#ip("address", "delete", prefixOf(address), "dev", device);
        this.#say("info", `${address} is taken off ${device}`);
      } catch (error) {
        const reason = messageOf(error);
        if (await this.#isGone(address, device)) {
          this.#say("info", `${address} is on ${device} no more`);
        } else this.#say("warning", `${address} stays on ${device}: ${reason}`);
      }
    }
    this.#added.clear();
  }

  /** Whether the address or its interface is gone. */
  async #isGone(address: string, device: string): Promise<boolean> {
    try {
      const shown = await this.#ip("address", "show", "dev", device, "to", address);
      return !prefixesIn(shown).includes(prefixOf(address));
    } catch (error) {
      return error instanceof Error && error.message.includes("does not exist");
    }
  }

  /** The output of an `ip` command. Throws an error with its message if it fails. */
  async #ip(...args: string[]): Promise<string> {
    try {
      return await runIp(args, this.#world);
    } catch (error) {
      if (error instanceof NoIpCommand || !(error instanceof Error)) throw error;
      throw new Error(`ip ${args.join(" ")}: ${error.message}`);
    }
  }

  #say(severity: "info" | "warning", text: string): void {
    this.#world.log.write(severity, "interface", text);
  }
}

function prefixOf(address: string): string {
  return `${address}/${address.includes(":") ? 128 : 32}`;
}

/** Addresses in the output of `ip address show`, with prefix lengths. */
function prefixesIn(shown: string): string[] {
  return shown.split("\n").flatMap((line) => {
    const [family = "", prefix = ""] = line.trim().split(/\s+/);
    return /^inet6?$/.test(family) ? [prefix] : [];
  });
}

/** What an operator can do about an Elastic IP that is on no interface. */
export function cureFor(elasticIp: string): string {
  const one = `ip address add ${prefixOf(elasticIp)} dev lo, or --address-on lo`;
  if (!isIpv6(elasticIp)) return one;
  return `ip -6 route add local ${networkOf(elasticIp)} dev lo, which has all of it, or ${one}`;
}
