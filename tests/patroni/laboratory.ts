// Three machines with the real Patroni, PostgreSQL and a watchdog each, as docs/set-up/patroni.md configures them, and
// etcd on a fourth one. The cloud is simulated.
import { blocksOf, textOf } from "../docs/markdown.ts";
import { Network } from "../netns/network.ts";
import { Cluster, type ClusterNode } from "../support/cluster.ts";
import { TextLineStream } from "../support/lines.ts";
import { until } from "../support/until.ts";
import { AS_POSTGRES, POSTGRESQL, PYTHON } from "./requirements.ts";

const PAGE = "docs/set-up/patroni.md";
/** Number of the machine with etcd, from which clients connect, too. */
const ETCD = 4;
/** The passwords of the page. */
const PASSWORD = "SECRET";
/** Longest wait for Patroni, which follows the time to live of its lock. */
export const LONG_MS = 120_000;

/** What a client finds on a node: a server that writes, one that only reads, or none. */
export type Found = "writes" | "reads" | "nothing";

/** One change of what clients find on a node. */
export interface Sight {
  readonly atMs: number;
  readonly number: number;
  readonly found: Found;
}

/** Patroni's times in seconds. */
export interface Times {
  readonly ttl: number;
  readonly loopWait: number;
  readonly retryTimeout: number;
}

/** The page's block of the language that has that text. */
export function pageBlock(language: string, text: string): string {
  const block = blocksOf(textOf(PAGE), language).find((each) => each.includes(text));
  if (block === undefined) throw new Error(`${PAGE} has no ${language} block with ${text}`);
  return block;
}

/** The variables of one of the page's files for exoip, without those that a cluster sets itself. */
export function pageVariables(text: string): Record<string, string> {
  const lines = pageBlock("ini", text).split("\n").filter((line) => /^IF_/.test(line));
  const own = /^IF_(ADDRESS|BIND_TO|CONTROL_SOCKET|EXOSCALE_API_KEY|EXOSCALE_PEERS)=/;
  const pairs = lines.filter((line) => !own.test(line)).map((line) =>
    [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const
  );
  return Object.fromEntries(pairs);
}

/** The laboratory. */
export class Laboratory {
  readonly network: Network;
  /** The watchdogs of the address for writing. */
  readonly cluster: Cluster;
  /** Those of the address for reading, which are started with `startReaders`. */
  readonly readers: Cluster;
  /** Everything that clients found. */
  readonly sights: Sight[] = [];
  readonly #folder: string;
  readonly #times: Times;
  readonly #variables: Record<string, string>;
  /** All processes but the watchdogs, by name: `etcd`, `probe`, `patroni-1`. */
  readonly #running = new Map<string, Deno.ChildProcess>();
  readonly #reading: Promise<void>[] = [];

  private constructor(
    network: Network,
    { folder, times, variables, deadRatio }: {
      folder: string;
      times: Times;
      variables: Record<string, string>;
      deadRatio: number | null;
    },
  ) {
    this.network = network;
    const watchdogs = { count: 3, interval: "1", deadRatio };
    this.cluster = new Cluster({ ...watchdogs, place: network });
    this.readers = new Cluster({
      ...watchdogs,
      elasticIp: "198.51.100.51",
      place: {
        cloudHostname: network.cloudHostname,
        address: (number) => network.address(number),
        listen: () => /^IF_BIND_TO=(.*)$/m.exec(pageBlock("ini", "/replica"))?.[1] ?? "",
        wrap: (number) => network.wrap(number),
      },
    });
    this.#folder = folder;
    this.#times = times;
    this.#variables = variables;
  }

  /** Starts everything, and waits until the first node leads and holds, and the others follow. */
  static async create(
    { times, variables = {}, deadRatio = null }: {
      times: Times;
      variables?: Record<string, string>;
      /** Intervals of silence after which a watchdog counts as dead; null for the program's own choice. */
      deadRatio?: number | null;
    },
  ): Promise<Laboratory> {
    const network = await Network.create(4);
    const folder = await Deno.makeTempDir({ prefix: "exoip-patroni-" });
    // For the user of PostgreSQL.
    await Deno.chmod(folder, 0o777);
    const laboratory = new Laboratory(network, { folder, times, variables, deadRatio });
    try {
      await laboratory.#build();
    } catch (error) {
      await laboratory.close();
      throw error;
    }
    return laboratory;
  }

  async #build(): Promise<void> {
    const client = `http://${this.network.address(ETCD)}:2379`, own = "http://127.0.0.1:2380";
    this.#spawn("etcd", ETCD, [
      ...["etcd", "--name", "etcd", "--data-dir", `${this.#folder}/etcd`],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", own, "--initial-advertise-peer-urls", own],
      ...["--initial-cluster", `etcd=${own}`],
    ]);
    for (const node of this.cluster.nodes) {
      const number = this.cluster.number(node);
      await Deno.writeTextFile(this.#file(number), this.#configuration(number));
      const sockets = `${this.#folder}/${number}-socket`;
      await Deno.mkdir(sockets);
      await Deno.chmod(sockets, 0o777);
      this.startPatroni(number);
      // The first one that starts creates the database.
      if (number === 1) await this.leads(1);
      this.startWatchdog(node);
    }
    await this.settled(1);
    const hosts = this.#numbers.map((number) => this.network.address(number));
    const script = new URL("probe.py", import.meta.url).pathname;
    this.#spawn("probe", ETCD, [PYTHON, script, PASSWORD, ...hosts]);
    const seen = () => this.sights.length >= 3;
    await until(seen, { title: "clients reach all nodes", withinMs: LONG_MS });
  }

  /** The page's patroni.yml for that node, in a folder of its own. */
  #configuration(number: number): string {
    const { ttl, loopWait, retryTimeout } = this.#times, folder = `${this.#folder}/${number}`;
    const text = pageBlock("yaml", "restapi:")
      .replace("name: db-1", `name: db-${number}`)
      .replaceAll("connect_address: 203.0.113.1:", `connect_address: 203.0.113.${number}:`)
      .replace(/ttl: .*/, `ttl: ${ttl}`)
      .replace(/loop_wait: .*/, `loop_wait: ${loopWait}`)
      .replace(/retry_timeout: .*/, `retry_timeout: ${retryTimeout}`)
      .replace(/data_dir: .*/, `data_dir: ${folder}-data`)
      .replace(/bin_dir: .*/, `bin_dir: ${POSTGRESQL}`);
    // All machines share one file system.
    return `${text}  parameters:\n    unix_socket_directories: ${folder}-socket\n` +
      `  pgpass: ${folder}.pgpass\n`;
  }

  get #numbers(): number[] {
    return this.cluster.nodes.map((node) => this.cluster.number(node));
  }

  #file(number: number): string {
    return `${this.#folder}/${number}.yml`;
  }

  /** Runs a command on a machine until it is killed. Its output goes to a file of its name. */
  #spawn(name: string, number: number, command: readonly string[]): void {
    const [program = "", ...args] = [...this.network.wrap(number), ...command];
    const child = new Deno.Command(program, {
      args,
      cwd: this.#folder,
      env: { PYTHONDONTWRITEBYTECODE: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#running.set(name, child);
    this.#reading.push(
      this.#read(name, child.stdout),
      this.#read(name, child.stderr),
      child.status.then(() => {}),
    );
  }

  async #read(name: string, stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const line of stream.pipeThrough(new TextLineStream())) {
      await Deno.writeTextFile(`${this.#folder}/${name}.log`, `${line}\n`, { append: true })
        .catch(() => {});
      const [, atMs, number, found] = /^(\d+) 203\.0\.113\.(\d) (\w+)$/.exec(line) ?? [];
      if (name !== "probe" || found === undefined) continue;
      const at = Number(atMs) - performance.timeOrigin;
      this.sights.push({ atMs: at, number: Number(number), found: found as Found });
    }
  }

  /** The output of a program: `patroni-1`. */
  async logOf(name: string): Promise<string> {
    return await Deno.readTextFile(`${this.#folder}/${name}.log`).catch(() => "");
  }

  /** The end of Patroni's output on a node, for a message. */
  async #lastOf(number: number): Promise<string> {
    return (await this.logOf(`patroni-${number}`)).split("\n").slice(-30).join("\n");
  }

  /** Starts Patroni, which starts PostgreSQL. */
  startPatroni(number: number): void {
    const command = [...AS_POSTGRES, PYTHON, "-m", "patroni", this.#file(number)];
    this.#spawn(`patroni-${number}`, number, command);
  }

  /** Starts the watchdog with the page's variables. */
  startWatchdog(node: ClusterNode): void {
    const env = { ...pageVariables("/primary"), ...this.#variables };
    this.cluster.start(node, { priority: null, env });
  }

  /** Starts the watchdogs of the address for reading with the page's variables. */
  startReaders(): void {
    for (const node of this.readers.nodes) {
      this.readers.start(node, { priority: null, env: pageVariables("/replica") });
    }
  }

  /** What clients find on a node now. */
  found(number: number): Found {
    return this.sights.findLast((sight) => sight.number === number)?.found ?? "nothing";
  }

  /** Drops the packets to Patroni's REST API on a node, or lets them pass again. */
  async blockApi(number: number, how: "drop" | "pass"): Promise<void> {
    const change = how === "drop" ? "-I" : "-D";
    await this.network.run(number, `iptables ${change} INPUT -p tcp --dport 8008 -j DROP`);
  }

  /** Ends Patroni and PostgreSQL of a node at once. */
  async killDatabase(number: number): Promise<void> {
    const data = `${this.#folder}/${number}-data`;
    for (const pid of await this.#pidsOf(this.#file(number))) kill(pid, "SIGKILL");
    for (const pid of await this.#pidsOf(data)) kill(pid, "SIGKILL");
    await until(async () => (await this.#pidsOf(data)).length === 0, { title: "it has ended" });
  }

  /** Stops the process of Patroni, or lets it go on. */
  async signalPatroni(number: number, signal: "SIGSTOP" | "SIGCONT"): Promise<void> {
    for (const pid of await this.#pidsOf(this.#file(number))) kill(pid, signal);
  }

  /** Stops etcd, or lets it go on. */
  signalEtcd(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#running.get("etcd")?.kill(signal);
  }

  /** Processes with that word among their arguments. */
  async #pidsOf(word: string): Promise<number[]> {
    const found: number[] = [];
    for await (const { name } of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
      if (line.split("\0").includes(word)) found.push(Number(name));
    }
    return found;
  }

  /** Runs a command of Patroni, as the page shows it, on a node. */
  async patronictl(number: number, line: string): Promise<string> {
    const program = `${PYTHON.replace(/[^/]*$/, "patronictl")} -c ${this.#file(number)}`;
    return await this.network.run(number, line.replace(/^patronictl -c \S+/, program));
  }

  /** The status of Patroni's answer on a node, 0 without one. */
  async status(number: number, path: string): Promise<number> {
    const url = `http://127.0.0.1:8008${path}`;
    const text = await this.network.run(
      number,
      `curl -s -m 10 -o /dev/null -w %{http_code} ${url}`,
    ).catch(() => "0");
    return Number(text);
  }

  /** The node that Patroni says leads, 0 without one. */
  async leader(): Promise<number> {
    for (const number of this.#numbers) {
      if (await this.status(number, "/primary") === 200) return number;
    }
    return 0;
  }

  /** Resolves to the node that leads, once one does. */
  async anyLeads(): Promise<number> {
    let number = 0;
    const leads = async () => (number = await this.leader()) !== 0;
    await until(leads, { title: "a node leads", withinMs: LONG_MS, everyMs: 100 });
    return number;
  }

  /** Resolves when that node leads. */
  async leads(number: number): Promise<void> {
    const leads = async () => await this.status(number, "/primary") === 200;
    await until(leads, { title: `node ${number} leads`, withinMs: LONG_MS, everyMs: 50 })
      .catch(async (error) => {
        throw new Error(`${error.message}\n${await this.#lastOf(number)}`);
      });
  }

  /** Resolves when that node leads and holds, and all others follow it. */
  async settled(leader: number): Promise<void> {
    await this.leads(leader);
    for (const number of this.#numbers.filter((each) => each !== leader)) {
      const follows = async () => await this.status(number, "/replica?lag=1MB") === 200;
      await until(follows, { title: `${number} follows`, withinMs: LONG_MS, everyMs: 200 })
        .catch(async (error) => {
          throw new Error(`${error.message}\n${await this.#lastOf(number)}`);
        });
    }
    await this.heldBy(leader);
  }

  /** Resolves when the address is attached to that node alone. */
  async heldBy(number: number): Promise<void> {
    const holder = this.cluster.node(number);
    await until(() => this.cluster.heldBy(holder), {
      title: `node ${number} holds`,
      withinMs: LONG_MS,
    });
  }

  /** Removes the shared memory of a PostgreSQL that was killed and not started again. */
  async #removeShared(number: number): Promise<void> {
    const file = `${this.#folder}/${number}-data/postmaster.pid`;
    const lines = (await Deno.readTextFile(file).catch(() => "")).split("\n");
    // Source: PostgreSQL's miscadmin.h: the seventh line is the key and the id of the segment.
    const [, id] = /^ *\d+ +(\d+)$/.exec(lines[6] ?? "") ?? [];
    if (id !== undefined) await new Deno.Command("ipcrm", { args: ["-m", id] }).output();
  }

  /** Ends everything and removes it. */
  async close(): Promise<void> {
    await this.cluster.close();
    await this.readers.close();
    for (const number of this.#numbers) {
      for (const pid of await this.#pidsOf(this.#file(number))) kill(pid, "SIGKILL");
      // The quick end that removes shared memory.
      for (const pid of await this.#pidsOf(`${this.#folder}/${number}-data`)) kill(pid, "SIGQUIT");
    }
    for (const child of this.#running.values()) kill(child.pid, "SIGKILL");
    const gone = async () =>
      (await Promise.all(
        this.#numbers.map((number) => this.#pidsOf(`${this.#folder}/${number}-data`)),
      )).flat().length === 0;
    await until(gone, { title: "PostgreSQL ends" }).catch(() => {});
    for (const number of this.#numbers) await this.#removeShared(number);
    await this.network.close();
    await Promise.all(this.#reading);
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function kill(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
