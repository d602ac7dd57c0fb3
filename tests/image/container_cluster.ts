// Two machines in separate namespaces, with the image's root file system. Their default gateway provides a simulated
// cloud, a metadata service and a name server.
import { ELASTIC_IP, Zone } from "../support/cluster.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import type { SimInstance } from "../support/cloud/model.ts";
import { ip } from "../netns/ip.ts";
import { Network } from "../netns/network.ts";
import { CLOUD_AUTHORITY } from "../support/tls/cloud_identity.ts";
import { type Archives, run } from "./archive.ts";
import { NameServer } from "./name_server.ts";
import { Container } from "./runc.ts";

/** The cloud's host name in the name server. */
export const CLOUD_NAME = "api.cloud.test";

/** Path of the cloud's certificate authority in a container. */
const CA_FILE = "/dev/authority.pem";
const ASK_INFO = new URL("./ask_info.ts", import.meta.url).pathname;

/** The machines and their surroundings. */
export class ContainerCluster extends Zone<{ name: string; instance: SimInstance }>
  implements AsyncDisposable {
  readonly names: NameServer;
  readonly #containers: Container[] = [];
  readonly #metadata: Deno.HttpServer;

  private constructor(readonly network: Network, readonly rootfs: string) {
    const hostname = network.cloudHostname;
    super({ hostname, names: [CLOUD_NAME] });
    for (const number of [1, 2]) {
      const instance = this.server.model.addInstance(number, network.address(number), ["edge"]);
      this.nodes.push({ name: `node-${number}`, instance });
    }
    this.names = new NameServer(hostname, { [CLOUD_NAME]: hostname });
    this.#metadata = Deno.serve(
      { hostname, port: 80, onListen() {} },
      (request, { remoteAddr }) => this.#tell(new URL(request.url).pathname, remoteAddr.hostname),
    );
  }

  /** Creates the network and the surroundings; no machine runs anything yet. */
  static async create(archives: Archives): Promise<ContainerCluster> {
    const network = await Network.create(2);
    try {
      const rootfs = await archives.unpack(archives.rootfs, crypto.randomUUID());
      for (const number of [1, 2]) {
        await ip(
          network.namespace(number),
          `route add default via ${network.cloudHostname}`,
          // No real service is asked.
          "route add unreachable 169.254.169.254",
        );
      }
      return new ContainerCluster(network, rootfs);
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  /** The cloud's endpoint, with a host name. */
  endpoint(name: string): string {
    return this.server.endpoint("v2").replace(this.network.cloudHostname, name);
  }

  /** Starts exoip on a machine, without anything that it can find out itself. */
  async start(
    number: number,
    args: readonly string[],
    { endpoint = this.endpoint(CLOUD_NAME), files = {}, env = {} }: {
      endpoint?: string;
      files?: Readonly<Record<string, string>>;
      env?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<Container> {
    const container = await Container.start({
      rootfs: this.rootfs,
      args: ["-xi", ELASTIC_IP, ...args],
      env: {
        IF_EXOSCALE_API_KEY: SIM_KEY,
        IF_EXOSCALE_API_SECRET_FILE: "/run/secret",
        IF_EXOSCALE_API_ENDPOINT: endpoint,
        IF_CA_FILE: CA_FILE,
        ...env,
      },
      network: this.network.namespace(number),
      secrets: { secret: `${SIM_SECRET}\n` },
      files: {
        "/etc/resolv.conf": `nameserver ${this.network.cloudHostname}\n`,
        [CA_FILE]: CLOUD_AUTHORITY,
        ...files,
      },
    });
    this.#containers.push(container);
    return container;
  }

  /** The answer of a machine's watchdog to `info`. */
  async info(number: number): Promise<string> {
    const [program = "", ...args] = this.network.wrap(number);
    const ask = [Deno.execPath(), "run", "--allow-net", "--unstable-net", "--quiet", ASK_INFO];
    return await run(program, [...args, ...ask]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const container of this.#containers) await container.remove();
    await this.#metadata.shutdown();
    this.names.close();
    await this.close();
    await this.network.close();
  }

  #tell(path: string, from: string): Response {
    const number = [1, 2].find((each) => this.network.cloudClient(each) === from);
    const instance = number === undefined ? null : this.node(number).instance;
    if (/^\/latest\/(meta-data\/)?instance-id$/.test(path) && instance) {
      return new Response(instance.id);
    }
    return new Response("no such thing", { status: 404 });
  }
}
