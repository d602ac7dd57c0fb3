// What moves an Elastic IP beside a shadow: a script in the manner of floaty that talks to the cloud's API, and a
// speaker of the original's heartbeats.
import { encode } from "../../src/core/heartbeat.ts";
import { CloudV2 } from "../../src/exoscale/cloud_v2.ts";
import { systemClock } from "../../src/host/clock.ts";
import { SIM_KEY, SIM_SECRET } from "./cloud/api_v2.ts";
import { cloudFetch, PATIENT } from "./cloud/cloud_fixture.ts";
import type { Cluster, ClusterNode } from "./cluster.ts";

/** Moves the address of a cluster through API v2. */
export class Floaty {
  /** Changes that it asked for. */
  changes = 0;
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Attaches the address to that node, and detaches it from all others. */
  async moveTo(node: ClusterNode): Promise<void> {
    const { nodes, address } = this.#cluster;
    const cloud = this.#cloudOf(node);
    await cloud.prepare(PATIENT);
    await cloud.attach(PATIENT);
    for (const other of nodes.filter((each) => each !== node)) {
      if (!address.holders.has(other.instance.id)) continue;
      const cloud = this.#cloudOf(other);
      await cloud.prepare(PATIENT);
      await cloud.detachSelf(PATIENT);
    }
  }

  #cloudOf({ instance: { id } }: ClusterNode): CloudV2 {
    const { server, address, nodes } = this.#cluster;
    const addresses = nodes.map(({ instance }) => instance.address);
    return new CloudV2({
      endpoint: server.endpoint("v2"),
      apiKey: SIM_KEY,
      secret: SIM_SECRET,
      fetch: (url, init) => {
        if (init.method === "PUT") this.changes += 1;
        return cloudFetch(url, init);
      },
      clock: systemClock,
      onProgress() {},
    }, { elasticIp: address.ip, instanceId: id, peers: { kind: "static", addresses } });
  }
}

/** The socket of an original watchdog: sends 24 bytes every interval, and keeps what it hears. */
export class OriginalSpeaker {
  /** Datagrams by their sender, the length of each. */
  readonly heard: { readonly from: string; readonly length: number }[] = [];
  readonly #socket: Deno.DatagramConn;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(
    { hostname, port, peers, elasticIp, id, priority, intervalMs = 100 }: {
      hostname: string;
      port: number;
      peers: readonly string[];
      elasticIp: string;
      id: string;
      priority: number;
      intervalMs?: number;
    },
  ) {
    const socket = Deno.listenDatagram({ transport: "udp", hostname, port });
    this.#socket = socket;
    const bytes = encode({ priority, elasticIp, id, trailer: null });
    this.#timer = setInterval(() => {
      for (const peer of peers) {
        socket.send(bytes, { transport: "udp", hostname: peer, port }).catch(() => {});
      }
    }, intervalMs);
    this.#listen();
  }

  async #listen(): Promise<void> {
    for await (const [{ length }, from] of this.#socket) {
      this.heard.push({ from: (from as Deno.NetAddr).hostname, length });
    }
  }

  /** Falls silent. */
  close(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }
}
