// --address-on: the Elastic IPs on an interface of this machine, through `ip`, for as long as the watchdog runs.
import type { RunCommand } from "../host/command.ts";
import { NoIpCommand, runIp } from "../host/ip_command.ts";
import type { Log } from "../world.ts";

/** What is needed of the machine. */
export interface AddressWorld {
  readonly log: Log;
  readonly run: RunCommand;
  readonly env: Readonly<Record<string, string>>;
}

/** Addresses on an interface. */
export class InterfaceAddresses {
  readonly #interface: string | null;
  readonly #world: AddressWorld;
  readonly #added: string[] = [];

  /** Without an interface it does nothing. */
  constructor(interfaceName: string | null, world: AddressWorld) {
    this.#interface = interfaceName;
    this.#world = world;
  }

  /** Puts them on; those that are there already are left as they are. Resolves to what went wrong, null if nothing. */
  async put(addresses: readonly string[]): Promise<string | null> {
    if (this.#interface === null) return null;
    try {
      for (const address of addresses) await this.#putOne(address, this.#interface);
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : `${error}`;
    }
  }

  async #putOne(address: string, device: string): Promise<void> {
    const shown = await this.#ip("address", "show", "dev", device, "to", address);
    if (isAmong(shown, address)) {
      return this.#say("info", `${address} is on ${device} already, and stays`);
    }
    // Other machines have the same address at the same time: a search for duplicates would find them.
    const unique = address.includes(":") ? ["nodad"] : [];
    await this.#ip("address", "replace", prefixOf(address), "dev", device, ...unique);
    this.#added.push(address);
    this.#say("info", `${address} is put on ${device}`);
  }

  /** Takes off what was put on. A failure is a line in the log. */
  async takeOff(): Promise<void> {
    const device = this.#interface ?? "";
    for (const address of this.#added.splice(0)) {
      try {
        await this.#ip("address", "delete", prefixOf(address), "dev", device);
        this.#say("info", `${address} is taken off ${device}`);
      } catch (error) {
        const reason = error instanceof Error ? error.message : `${error}`;
        this.#say("warning", `${address} stays on ${device}: ${reason}`);
      }
    }
  }

  /** Output of a command of `ip`. Throws what it complains about. */
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

/** Whether the output of `ip address show` has the address, with whatever length of prefix. */
function isAmong(shown: string, address: string): boolean {
  return shown.split("\n").some((line) => {
    const [family = "", prefix = ""] = line.trim().split(/\s+/);
    return /^inet6?$/.test(family) && prefix.split("/")[0] === address;
  });
}
