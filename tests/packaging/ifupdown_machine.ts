// A machine for ifupdown: a network, processes and files of its own, so that even `killall` finds no other process.
import { assert } from "@std/assert";
import { Cluster, type ClusterNode } from "../support/cluster.ts";
import { until } from "../support/until.ts";
import { SIM_KEY, SIM_SECRET } from "../support/cloud/api_v2.ts";
import { Network } from "../netns/network.ts";
import { BINARY, mustRun, type Needs, put, runTool, shipped } from "./requirements.ts";

/** Requirements of such a machine. */
export const MACHINE: Needs = {
  root: true,
  binary: true,
  tools: [
    "ifup (ifupdown)",
    "ip (iproute2)",
    "unshare (util-linux)",
    "nsenter (util-linux)",
    "killall (psmisc)",
  ],
};

/** What replaces the machine's own folders, within the mount namespace. */
const SETUP = `
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/network
mount -t tmpfs tmpfs /usr/local/bin
cp -p "$1/exoip" /usr/local/bin/exoip
mount --bind "$1/network" /etc/network
touch "$1/ready"
# The first process buries those whose parents are gone.
while :; do sleep 0.2; done
`;

/** One machine with ifupdown, in a cluster of its own with one instance. */
export class IfupdownMachine {
  readonly cluster: Cluster;
  readonly network: Network;
  /** A folder of this machine, which the test may write to. */
  readonly folder: string;
  readonly #namespaces: Deno.ChildProcess;
  #inside = 0;
  #commandCount = 0;

  private constructor(network: Network, folder: string) {
    this.network = network;
    this.folder = folder;
    this.cluster = new Cluster({ place: network, count: 1 });
    const apart = "unshare --pid --fork --kill-child --mount-proc --uts --ipc".split(" ");
    const [program = "", ...args] = [
      ...network.wrap(1),
      ...apart,
      "bash",
      "-c",
      SETUP,
      "-",
      folder,
    ];
    this.#namespaces = new Deno.Command(program, { args, stdin: "null" }).spawn();
  }

  /** Builds the machine; `hooks` installs ours into ifupdown's folders. */
  static async create({ hooks }: { hooks: boolean }): Promise<IfupdownMachine> {
    const network = await Network.create(1);
    const folder = await Deno.makeTempDir({ prefix: "exoip-" });
    for (const phase of ["pre-up", "up", "down", "post-down"]) {
      await Deno.mkdir(`${folder}/network/if-${phase}.d`, { recursive: true });
    }
    await Deno.mkdir(`${folder}/network/interfaces.d`);
    await put(`${folder}/network/interfaces`, "source /etc/network/interfaces.d/*.cfg\n");
    await put(`${folder}/secret`, `${SIM_SECRET}\n`, 0o600);
    await Deno.copyFile(BINARY, `${folder}/exoip`);
    for (const phase of hooks ? ["up", "down"] : []) {
      await Deno.copyFile(shipped("ifupdown/exoip"), `${folder}/network/if-${phase}.d/exoip`);
    }
    const machine = new IfupdownMachine(network, folder);
    await machine.#enter();
    return machine;
  }

  async #enter(): Promise<void> {
    const ready = () => [...Deno.readDirSync(this.folder)].some(({ name }) => name === "ready");
    await until(ready, { title: "the machine is set up" });
    const { pid } = this.#namespaces;
    const children = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
    this.#inside = Number(children.trim());
    const namespace = (path: string) => Deno.readLink(`/proc/${path}/ns/pid`);
    const own = await namespace("self"), theirs = await namespace(`${this.#inside}`);
    assert(own !== theirs && await this.run("readlink /proc/self/ns/pid") === theirs, "apart");
  }

  get node(): ClusterNode {
    return this.cluster.node(1);
  }

  /** Path of the API secret. */
  get secretFile(): string {
    return `${this.folder}/secret`;
  }

  /** Installs the stanza with this machine's values, and the settings for the simulated cloud. */
  async configure(stanza: string): Promise<void> {
    const values: ReadonlyArray<readonly [RegExp, string]> = [
      [/(exoscale-peer-group) .*/, "$1 edge"],
      [/(exoscale-api-key) .*/, `$1 ${SIM_KEY}`],
      [/(exoscale-api-secret) .*/, `$1 ${SIM_SECRET}`],
      [/(exoscale-api-secret-file) .*/, `$1 ${this.secretFile}`],
    ];
    const filled = values.reduce((text, [what, value]) => text.replace(what, value), stanza);
    const place = [
      `  exoscale-api-endpoint ${this.cluster.server.endpoint("v2")}`,
      ...(/^ {2}ca-file /m.test(stanza) ? [] : [`  ca-file ${this.cluster.server.caFile}`]),
      `  exoscale-instance-id ${this.node.instance.id}`,
      "",
    ];
    const text = filled.replace(/^iface .*\n/m, (line) => line + place.join("\n"));
    await put(`${this.folder}/network/interfaces.d/51-exoip.cfg`, text);
  }

  /** Output of a shell command on the machine; does not wait for processes that it leaves running. */
  async run(command: string): Promise<string> {
    // A file per command: processes left running go on writing to theirs.
    this.#commandCount += 1;
    const output = `${this.folder}/output-${this.#commandCount}`;
    const enter = [
      "nsenter",
      "-t",
      `${this.#inside}`,
      "--mount",
      "--pid",
      "--net",
      "--uts",
      "--ipc",
    ];
    const shell = `cd /; { ${command}\n} >${output} 2>&1 </dev/null`;
    const { code } = await runTool([...enter, "bash", "-c", shell]);
    const text = (await Deno.readTextFile(output)).trim();
    if (code !== 0) throw new Error(`${command} ended with ${code}: ${text}`);
    return text;
  }

  /** Additional addresses of the loopback interface. */
  async addresses(): Promise<string[]> {
    const text = await this.run("ip -4 -br address show lo");
    return text.split(/\s+/).slice(2).filter((address) => address !== "127.0.0.1/8");
  }

  /** Process ids of the watchdogs on the machine. */
  async watchdogs(): Promise<string[]> {
    return (await this.run("pgrep -x exoip || true")).split("\n").filter(Boolean);
  }

  /** Resolves when no watchdog runs any more. */
  async allEnded(): Promise<void> {
    const none = async () => (await this.watchdogs()).length === 0;
    await until(none, { title: "no watchdog runs", everyMs: 50 });
  }

  /** Stops and removes all of it. */
  async close(): Promise<void> {
    this.#namespaces.kill("SIGKILL");
    await this.#namespaces.status;
    await this.cluster.close();
    await this.network.close();
    await mustRun(["rm", "-rf", this.folder]);
  }
}
