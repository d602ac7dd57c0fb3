// What becomes of packets at the front end, by iptables in its namespace.

/** Port of the front end. */
const PORT = "443";

/** The rules of one namespace. */
export class Packets {
  readonly #namespace: string;
  /** New connections are marked with it, so that those of now can be told from later ones. */
  #generation = 1;

  private constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** Begins to mark connections. */
  static async create(namespace: string): Promise<Packets> {
    const packets = new Packets(namespace);
    await packets.#mark("-A");
    return packets;
  }

  /** Connections of now get no packet through any more, in either direction; new ones work. */
  async silenceConnections(): Promise<void> {
    const mark = await this.#nextGeneration();
    await this.#rule(null, `-I INPUT ${mark} -j DROP`, `-I OUTPUT ${mark} -j DROP`);
  }

  /** The next packet of a connection of now is answered with a reset; new ones work. */
  async resetConnections(): Promise<void> {
    const mark = await this.#nextGeneration();
    await this.#rule(null, `-I INPUT -p tcp ${mark} -j REJECT --reject-with tcp-reset`);
  }

  /** What is sent to an address vanishes. */
  async drop(address: string): Promise<void> {
    await this.#rule(address, `-I INPUT -d ${address} -j DROP`);
  }

  /** Ends a `drop`. */
  async undrop(address: string): Promise<void> {
    await this.#rule(address, `-D INPUT -d ${address} -j DROP`);
  }

  /** Connections to an address are refused. */
  async refuse(address: string): Promise<void> {
    await this.#rule(
      address,
      `-I INPUT -d ${address} -p tcp --dport ${PORT} -j REJECT --reject-with tcp-reset`,
    );
  }

  /** New connections to an address come out at another one. */
  async redirect(from: string, to: string): Promise<void> {
    await this.#rule(from, `-t nat -A PREROUTING -d ${from} -j DNAT --to-destination ${to}`);
  }

  /** Connections to an address come about, and then nothing that is said on them arrives. */
  async deafen(address: string): Promise<void> {
    const data = `-d ${address} -p tcp --dport ${PORT} --tcp-flags PSH PSH`;
    await this.#rule(address, `-I INPUT ${data} -j DROP`);
  }

  /** So many of the new connections are refused, from 0 to 1. */
  async refuseSome(share: number): Promise<void> {
    const some = `--syn -m statistic --mode random --probability ${share}`;
    await this.#rule(
      null,
      `-I INPUT -p tcp --dport ${PORT} ${some} -j REJECT --reject-with tcp-reset`,
    );
  }

  /** A router says that an address cannot be reached. */
  async unreachable(address: string): Promise<void> {
    const kind = address.includes(":") ? "icmp6-addr-unreachable" : "icmp-host-unreachable";
    await this.#rule(address, `-I INPUT -d ${address} -j REJECT --reject-with ${kind}`);
  }

  /** No new connection comes about; those of now work. */
  async dropNew(): Promise<void> {
    await this.#rule(null, `-I INPUT -p tcp --dport ${PORT} --syn -j DROP`);
  }

  /** Ends a `dropNew`. */
  async undropNew(): Promise<void> {
    await this.#rule(null, `-D INPUT -p tcp --dport ${PORT} --syn -j DROP`);
  }

  /** So much of what arrives is lost, from 0 to 1. */
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

  /** Changes rules for the family of the address, null: for both. */
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
