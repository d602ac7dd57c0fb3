// The Elastic IP itself through API v2: its id, and whether it still exists. It can be released while we watch it, and
// allocated again under another id.
import { sameElasticIp } from "../core/ip.ts";
import type { ClientV2 } from "./client_v2.ts";
import { CloudError, type CloudErrorKind } from "./cloud_error.ts";
import { elasticIpsOf, type Fields, idOf, listOf, requiredIdOf, textOf } from "./json.ts";

/** Why an existing Elastic IP is not usable for us. */
export const UNUSABLE: readonly CloudErrorKind[] = [
  "address-released",
  "managed-address",
  "pool-address",
];

/** Precedes the reason why an Elastic IP that vanished and exists again is not used. */
const BACK = "the Elastic IP vanished and exists again, but not for us: ";

/** One Elastic IP, by its address. */
export class ElasticIpV2 {
  readonly #elasticIp: string;
  readonly #client: ClientV2;
  /** As last listed by the cloud. */
  #listed: Fields = {};
  #id = "";
  #released: CloudError | null = null;

  constructor(elasticIp: string, client: ClientV2) {
    this.#elasticIp = elasticIp;
    this.#client = client;
  }

  /** Empty before it was found. */
  get id(): string {
    return this.#id;
  }

  /** As the cloud writes it; its filter compares this text. */
  get text(): string {
    return textOf(this.#listed, "ip") || this.#elasticIp;
  }

  /** Why no node can hold it any more; null while it can be held. */
  get released(): CloudError | null {
    return this.#released;
  }

  /** Finds it. Throws `no-such-address`, and what the client throws. */
  async find(signal: AbortSignal): Promise<Fields> {
    const addresses = await this.#list(signal);
    const found = addresses.find((address) => this.#isOurs(address));
    if (found) return this.#adopt(found);
    const known = addresses.map((address) => textOf(address, "ip")).join(", ") || "none";
    const where = `API v2 at ${this.#client.endpoint}`;
    const message = `no Elastic IP ${this.#elasticIp} (-xi) in this zone (${where}), found: ` +
      known;
    throw new CloudError("no-such-address", message);
  }

  /** Whether it exists, perhaps under another id, and `usable` does not throw. Throws when neither can be told. */
  async findAgain(
    usable: (address: Fields) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const addresses = await this.#list(signal);
    const found = addresses.find((address) => this.#isOurs(address));
    try {
      if (!found) throw gone(this.#elasticIp, this.#listed, addresses);
      await usable(this.#adopt(found));
      this.#released = null;
    } catch (error) {
      if (!(error instanceof CloudError && UNUSABLE.includes(error.kind))) throw error;
      const { kind, message } = error;
      this.#released = kind === "address-released"
        ? error
        : new CloudError(kind, `${BACK}${message.replace(` [${kind}]`, "")}`);
    }
  }

  /** Whether that instance holds it: by id, and by address where the cloud adds it. */
  isHeldBy(instance: Fields): boolean {
    const held = listOf(instance, "elastic-ips", "id");
    const found = held.find(({ id }) => id === this.#id) ??
      held.find((each) => this.#isOurs(each) && idOf(each, "id") !== "");
    if (found) this.#id = idOf(found, "id") || this.#id;
    return found !== undefined;
  }

  async #list(signal: AbortSignal): Promise<Fields[]> {
    const list = await this.#client.get("/elastic-ip", signal);
    return elasticIpsOf(list);
  }

  #isOurs(address: unknown): boolean {
    return sameElasticIp(textOf(address, "ip"), this.#elasticIp);
  }

  #adopt(address: Fields): Fields {
    this.#id = requiredIdOf(address, "id", "GET /elastic-ip");
    this.#listed = address;
    return address;
  }
}

/** The advice, with the Elastic IP that may have replaced it. */
function gone(elasticIp: string, before: Fields, addresses: readonly Fields[]): CloudError {
  const heir = addresses.find((address) => hasSameName(address, before));
  const cure = heir
    ? `${textOf(heir, "ip")} has its description or labels now: if that one replaces it, restart ` +
      "exoip on all nodes with it as -xi (IF_ADDRESS)"
    : "Exoscale's API lets nobody choose an address, so this one most likely does not come back; " +
      "give all nodes another one with -xi (IF_ADDRESS) and restart them";
  const message = `the Elastic IP ${elasticIp} does not exist any more, it was released: ${cure}`;
  return new CloudError("address-released", message);
}

function hasSameName(one: Fields, other: Fields): boolean {
  const [labels, wanted] = [one, other].map((each) => JSON.stringify(each.labels ?? {}));
  const description = textOf(other, "description");
  return (description !== "" && textOf(one, "description") === description) ||
    (wanted !== "{}" && labels === wanted);
}
