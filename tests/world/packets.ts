// Controls packets at the front end, with iptables in its namespace.

/** Port of the front end. */
const PORT = "443";

/** The rules of one namespace. */
export class Packets {
  readonly #namespace: string;
  /** Marks new connections, to tell existing ones from later ones. */
  #generation = 1;

  private constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** Starts to mark connections. */
  static async create(namespace: string): Promise<Packets> {
    const packets = new Packets(namespace);
    await packets.#mark("-A");
    return packets;
  }

  /** Drops all packets of existing connections, in both directions; new ones work. */
  async silenceConnections(): Promise<void> {
    const mark = await this.#nextGeneration();
    await this.#rule(null, `-I INPUT ${mark} -j DROP`, `-I OUTPUT ${mark} -j DROP`);
  }

  /** Resets existing connections at their next packet; new ones work. */
  async resetConnections(): Promise<void> {
    const mark = await this.#nextGeneration();
    await this.#rule(null, `-I INPUT -p tcp ${mark} -j REJECT --reject-with tcp-reset`);
  }

  /** Drops packets to an address. */
  async drop(address: string): Promise<void> {
    await this.#rule(address, `-I INPUT -d ${address} -j DROP`);
  }

  /** Ends a `drop`. */
  async undrop(address: string): Promise<void> {
    await this.#rule(address, `-D INPUT -d ${address} -j DROP`);
  }

  /** Refuses connections to an address. */
  async refuse(address: string): Promise<void> {
    await this.#rule(
      address,
      `-I INPUT -d ${address} -p tcp --dport ${PORT} -j REJECT --reject-with tcp-reset`,
    );
  }

  /** Redirects new connections from one address to another. */
  async redirect(from: string, to: string): Promise<void> {
    await this.#rule(from, `-t nat -A PREROUTING -d ${from} -j DNAT --to-destination ${to}`);
  }

  /** Accepts connections to an address, but drops all data on them. */
  async dropData(address: string): Promise<void> {
    const data = `-d ${address} -p tcp --dport ${PORT} --tcp-flags PSH PSH`;
    await this.#rule(address, `-I INPUT ${data} -j DROP`);
  }

  /** Refuses a share of new connections, from 0 to 1. */
  async refuseSome(share: number): Promise<void> {
    const some = `--syn -m statistic --mode random --probability ${share}`;
    await this.#rule(
      null,
      `-I INPUT -p tcp --dport ${PORT} ${some} -j REJECT --reject-with tcp-reset`,
    );
  }

  /** Reports an address as unreachable, like a router. */
  async unreachable(address: string): Promise<void> {
    const kind = address.includes(":") ? "icmp6-addr-unreachable" : "icmp-host-unreachable";
    await this.#rule(address, `-I INPUT -d ${address} -j REJECT --reject-with ${kind}`);
  }

  /** Drops new connections; existing ones work. */
  async dropNew(): Promise<void> {
    await this.#rule(null, `-I INPUT -p tcp --dport ${PORT} --syn -j DROP`);
  }

  /** Ends a `dropNew`. */
  async undropNew(): Promise<void> {
    await this.#rule(null, `-D INPUT -p tcp --dport ${PORT} --syn -j DROP`);
  }

  /** Drops a share of incoming packets, from 0 to 1. */
  async lose(share: number): Promise<void> {
    const some = `-m statistic --mode random --probability ${share}`;
    await this.#rule(null, `-I INPUT -p tcp --dport ${PORT} ${some} -j DROP`);
  }

  async #nextGeneration(): Promise<string> {
    const mark = `-m connmark --mark ${this.#generation}`;
    await this.#mark("-D");
    this.#generation += 1;
    await this.#mark("-A");
    return mark;
  }

  async #mark(how: "-A" | "-D"): Promise<void> {
    const rule = "PREROUTING -m conntrack --ctstate NEW -j CONNMARK";
    await this.#rule(null, `-t mangle ${how} ${rule} --set-mark ${this.#generation}`);
  }

  /** Changes rules for the family of the address; null means both. */
  async #rule(address: string | null, ...rules: readonly string[]): Promise<void> {
    const v4 = address === null || !address.includes(":");
    const v6 = address === null || address.includes(":");
    for (const rule of rules) {
      if (v4) await this.#run("iptables", rule);
      if (v6) await this.#run("ip6tables", rule);
    }
  }

  async #run(program: string, rule: string): Promise<void> {
    const args = ["netns", "exec", this.#namespace, program, "-w", ...rule.split(" ")];
    const { success, stderr } = await new Deno.Command("ip", { args }).output();
    if (!success) throw new Error(`${program} ${rule}: ${new TextDecoder().decode(stderr).trim()}`);
  }
}
