// Real etcds, one or several that form a cluster, if the program is installed. They are children of the test, never a
// service, and listen on loopback or in the network namespaces given.
import type { Identity } from "./tls/cloud_identity.ts";
import { Authority } from "./tls/authority.ts";
import { TextLineStream } from "./lines.ts";
import { freeTcpPort } from "./ports.ts";
import { pause, until } from "./until.ts";

/** Why etcd is not usable here; null when it is. */
export function etcdMissing(): string | null {
  for (const program of ["etcd", "etcdctl"]) {
    try {
      const command = new Deno.Command(program, {
        args: ["--help"],
        stdout: "null",
        stderr: "null",
      });
      if (!command.outputSync().success) return `${program} does not run here`;
    } catch {
      return `${program} is not installed`;
    }
  }
  return null;
}

/** Where a member runs. */
export interface Machine {
  readonly address: string;
  /** Command prefix, such as `ip netns exec NAME`. */
  readonly wrap?: readonly string[];
}

/** How to start a cluster. */
export interface EtcdOptions {
  /** How many members, on loopback; one by default. */
  readonly members?: number;
  /** Where they run instead, one on each. */
  readonly machines?: readonly Machine[];
  /** `server`: TLS; `mutual`: clients need a certificate, too. */
  readonly tls?: "server" | "mutual";
  /** Clients log in as this user, who may use the keys below the prefix. */
  readonly auth?: { readonly user: string; readonly password: string; readonly prefix: string };
  /** More arguments for each member. */
  readonly args?: readonly string[];
}

const ROOT_PASSWORD = "root-of-the-test";

/** One member. Its data survives a restart. */
export class EtcdMember {
  readonly url: string;
  readonly #args: readonly string[];
  readonly #wrap: readonly string[];
  readonly #logFile: string;
  readonly #dataFolder: string;
  #child: Deno.ChildProcess | null = null;

  constructor(
    { url, args, wrap, logFile, dataFolder }: {
      url: string;
      args: readonly string[];
      wrap: readonly string[];
      logFile: string;
      dataFolder: string;
    },
  ) {
    this.url = url;
    this.#args = args;
    this.#wrap = wrap;
    this.#logFile = logFile;
    this.#dataFolder = dataFolder;
  }

  /** Starts the process; it may not answer yet. */
  start(): void {
    const [command = "", ...args] = [...this.#wrap, "etcd", ...this.#args];
    this.#child = new Deno.Command(command, {
      args,
      env: { ETCD_UNSUPPORTED_ARCH: Deno.build.arch === "aarch64" ? "arm64" : "" },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  /** Sends a signal, such as SIGSTOP and SIGCONT. */
  signal(name: Deno.Signal): void {
    try {
      this.#child?.kill(name);
    } catch { /* it has ended */ }
  }

  /** Kills the process; resolves when it has ended. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    try {
      child?.kill("SIGKILL");
    } catch { /* it has ended */ }
    await child?.status;
  }

  /** Removes all that it knows, while it does not run. */
  async wipe(): Promise<void> {
    await Deno.remove(this.#dataFolder, { recursive: true });
  }

  /** The end of its log. */
  async log(): Promise<string> {
    const text = await Deno.readTextFile(this.#logFile).catch(() => "");
    return text.split("\n").slice(-10).join("\n");
  }
}

/** A cluster of one or several. */
export class Etcd implements AsyncDisposable {
  readonly members: readonly EtcdMember[];
  /** The authority of its certificates, and a client's certificate; null without TLS. */
  readonly tls: { readonly authority: Authority; readonly client: Identity } | null;
  readonly #folder: string;
  readonly #wrap: readonly string[];
  #root: readonly string[] = [];

  private constructor(
    { folder, members, wrap, tls }: {
      folder: string;
      members: readonly EtcdMember[];
      wrap: readonly string[];
      tls: Etcd["tls"];
    },
  ) {
    this.#folder = folder;
    this.members = members;
    this.#wrap = wrap;
    this.tls = tls;
  }

  /** Starts a cluster; resolves when it serves. */
  static async start(options: EtcdOptions = {}): Promise<Etcd> {
    const folder = await Deno.makeTempDir({ prefix: "exoip-etcd-" });
    const count = options.members ?? 1;
    const machines = options.machines ??
      Array.from({ length: count }, () => ({ address: "127.0.0.1" }));
    const tls = options.tls ? await certificates(folder, machines) : null;
    const members = membersOf(machines, { folder, options });
    const wrap = options.machines?.[0]?.wrap ?? [];
    const etcd = new Etcd({ folder, members, wrap, tls });
    try {
      for (const member of members) member.start();
      await etcd.serves();
      if (options.auth) await etcd.#enableAuth(options.auth);
      return etcd;
    } catch (error) {
      const logs = await Promise.all(members.map((member) => member.log()));
      await etcd[Symbol.asyncDispose]();
      throw new Error(`etcd does not start: ${logs.join("\n")}`, { cause: error });
    }
  }

  /** URLs for clients. */
  get endpoints(): readonly string[] {
    return this.members.map(({ url }) => url);
  }

  /** Resolves when a majority serves. */
  async serves(): Promise<void> {
    await until(async () => (await this.#run(["get", "any", "--command-timeout=1s"])).success, {
      title: "etcd serves",
      everyMs: 50,
    });
  }

  /** Runs `etcdctl` with the rights of root; resolves to its output, throws when it fails. */
  async ctl(...args: readonly string[]): Promise<string> {
    return await this.ctlAt(this.endpoints, ...args);
  }

  /** The same, and asks these members only. Its usual limits, 2 s and 5 s, are too short for a busy machine. */
  async ctlAt(endpoints: readonly string[], ...args: readonly string[]): Promise<string> {
    const patient = ["--dial-timeout=60s", "--command-timeout=60s"];
    const { success, output } = await this.#run([...patient, ...args], endpoints.join());
    if (!success) throw new Error(`etcdctl ${args.join(" ")}: ${output}`);
    return output;
  }

  /**
   * A key, as a majority agrees on it: asks one member after the other until one answers, since one that is cut off or
   * stands still does not.
   */
  async get(key: string): Promise<{ readonly value: string; readonly revision: number } | null> {
    let answer: KeyAnswer | undefined;
    await until(async () => {
      for (const url of this.endpoints) {
        const ask = ["get", key, "-w", "json", "--command-timeout=2s"];
        const { success, output } = await this.#run(ask, url);
        if (success) answer = JSON.parse(output);
        if (answer) return true;
      }
      return false;
    }, { title: `etcd tells ${key}`, everyMs: 50 });
    const [kv] = answer?.kvs ?? [];
    return kv ? { value: atob(kv.value ?? ""), revision: kv.mod_revision } : null;
  }

  /** Number of changes so far, as a majority has agreed on it; throws when etcd does not answer within a second. */
  async revision(): Promise<number> {
    const limits = ["--dial-timeout=1s", "--command-timeout=1s"];
    const text = await this.ctl("get", "any", "-w", "json", ...limits);
    return JSON.parse(text).header.revision;
  }

  /** The member that leads. */
  async leader(): Promise<EtcdMember> {
    let found: EtcdMember | undefined;
    await until(async () => {
      // Members that are down are left out, and make etcdctl fail.
      const { output } = await this.#run(["endpoint", "status", "-w", "json"]);
      const line = output.split("\n").find((each) => each.startsWith("["));
      const all: Status[] = line === undefined ? [] : JSON.parse(line);
      const leads = all.find(({ Status: { header, leader } }) => header.member_id === leader);
      found = this.members.find(({ url }) => url === leads?.Endpoint);
      return found !== undefined;
    }, { title: "etcd has a leader", everyMs: 50 });
    return found!;
  }

  /** Ends all members and removes their data. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    await this.tls?.authority[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #enableAuth({ user, password, prefix }: NonNullable<EtcdOptions["auth"]>): Promise<void> {
    await this.ctl("user", "add", `root:${ROOT_PASSWORD}`);
    await this.ctl("user", "grant-role", "root", "root").catch(() => "3.5 has done it already");
    await this.ctl("role", "add", "exoip");
    await this.ctl("role", "grant-permission", "exoip", "--prefix=true", "readwrite", prefix);
    await this.ctl("user", "add", `${user}:${password}`);
    await this.ctl("user", "grant-role", user, "exoip");
    await this.ctl("auth", "enable");
    this.#root = [`--user=root:${ROOT_PASSWORD}`];
    await this.serves();
  }

  /**
   * Tells each change of a key until it is disposed of, with the new value, null when the key is gone, and its
   * revision. It asks all members: one that is cut off tells it late.
   */
  watch(
    key: string,
    onChange: (value: string | null, revision: number) => void,
  ): AsyncDisposable {
    let told = 0, over = false;
    const children = new Set<Deno.ChildProcess>();
    const follow = async (url: string) => {
      // `etcdctl watch` ends when its member has no leader: without another one, all later changes would be missed.
      while (!over) {
        const child = this.#watcher(key, { url, sinceRevision: told + 1 });
        children.add(child);
        const all = tell(child.stdout, ({ type = 0, kv: { mod_revision, value = "" } }) => {
          if (mod_revision <= told) return;
          told = mod_revision;
          onChange(type === 0 ? atob(value) : null, mod_revision);
        });
        await all.catch(() => "its last line is cut off, and the next one tells it again");
        await child.status;
        children.delete(child);
        if (!over) await pause(500);
      }
    };
    const followed = Promise.all(this.endpoints.map(follow));
    return {
      async [Symbol.asyncDispose]() {
        over = true;
        for (const child of children) {
          try {
            child.kill("SIGKILL");
          } catch { /* it has ended */ }
        }
        await followed;
      },
    };
  }

  #watcher(
    key: string,
    { url, sinceRevision }: { url: string; sinceRevision: number },
  ): Deno.ChildProcess {
    const watch = ["watch", key, `--rev=${sinceRevision}`, "-w", "json"];
    const [command = "", ...args] = this.#command(watch, url);
    const env = { ETCDCTL_API: "3" };
    const pipes = { stdin: "null", stdout: "piped", stderr: "null" } as const;
    return new Deno.Command(command, { args, env, ...pipes }).spawn();
  }

  /** The command line of `etcdctl` with the rights of root. */
  #command(args: readonly string[], url: string = this.endpoints.join()): readonly string[] {
    const client = this.tls
      ? [
        `--cacert=${this.tls.authority.caFile}`,
        `--cert=${this.#folder}/client.crt`,
        `--key=${this.#folder}/client.key`,
      ]
      : [];
    const endpoints = `--endpoints=${url}`;
    return [...this.#wrap, "etcdctl", endpoints, ...client, ...this.#root, ...args];
  }

  async #run(
    args: readonly string[],
    url?: string,
  ): Promise<{ success: boolean; output: string }> {
    const [command = "", ...rest] = this.#command(args, url);
    const { success, stdout, stderr } = await new Deno.Command(command, {
      args: rest,
      env: { ETCDCTL_API: "3" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const [output = "", complaint = ""] = [stdout, stderr].map((each) =>
      new TextDecoder().decode(each).trim()
    );
    return { success, output: success ? output : `${output}\n${complaint}` };
  }
}

/** What `etcdctl endpoint status` prints of each member. */
interface Status {
  readonly Endpoint: string;
  readonly Status: { readonly header: { readonly member_id: number }; readonly leader: number };
}

/** What `etcdctl get` prints. */
interface KeyAnswer {
  readonly kvs?: readonly { readonly mod_revision: number; readonly value?: string }[];
}

/** A change of a key, as `etcdctl watch` prints it. */
interface Told {
  /** 0 or left out: written; 1: deleted. */
  readonly type?: number;
  readonly kv: { readonly mod_revision: number; readonly value?: string };
}

/** Tells each change in the output of `etcdctl watch`, until that ends. */
async function tell(
  output: ReadableStream<Uint8Array>,
  onChange: (change: Told) => void,
): Promise<void> {
  for await (const line of output.pipeThrough(new TextLineStream())) {
    // Null in a line that only reports the state of the watch.
    const { Events }: { Events?: readonly Told[] | null } = JSON.parse(line);
    for (const change of Events ?? []) onChange(change);
  }
}

/** Makes the certificates of server and client, in files. */
async function certificates(
  folder: string,
  machines: readonly Machine[],
): Promise<NonNullable<Etcd["tls"]>> {
  const authority = await Authority.create();
  const [first, ...others] = [...new Set(machines.map(({ address }) => address))];
  const server = authority.certificate(first ?? "127.0.0.1", { others });
  // With a common name, etcd's gateway refuses it once clients have to log in.
  const client = authority.certificate("client.test", { name: "" });
  for (const [name, { cert, key }] of Object.entries({ server, client })) {
    await Deno.writeTextFile(`${folder}/${name}.crt`, cert);
    await Deno.writeTextFile(`${folder}/${name}.key`, key);
  }
  await Deno.writeTextFile(`${folder}/ca.crt`, authority.caCert);
  return { authority, client };
}

function membersOf(
  machines: readonly Machine[],
  { folder, options: { tls, args: more = [] } }: { folder: string; options: EtcdOptions },
): EtcdMember[] {
  const ports = new Set<number>();
  const all = machines.map(({ address, wrap = [] }, index) => {
    const name = `member${index}`;
    const host = address.includes(":") ? `[${address}]` : address;
    const url = `${tls ? "https" : "http"}://${host}:${freePort(ports)}`;
    return { name, url, peerUrl: `http://${host}:${freePort(ports)}`, wrap };
  });
  const cluster = all.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join();
  const secure = tls ? [`--cert-file=${folder}/server.crt`, `--key-file=${folder}/server.key`] : [];
  const mutual = tls === "mutual"
    ? ["--client-cert-auth", `--trusted-ca-file=${folder}/ca.crt`]
    : [];
  return all.map(({ name, url, peerUrl, wrap }) => {
    const logFile = `${folder}/${name}.log`, dataFolder = `${folder}/${name}`;
    const own = [`--name=${name}`, `--data-dir=${dataFolder}`];
    const clients = [`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`];
    const peers = [`--listen-peer-urls=${peerUrl}`, `--initial-advertise-peer-urls=${peerUrl}`];
    // A test waits for elections. The lowest cost of a password's hash, because each login waits for it.
    const fast = ["--heartbeat-interval=50", "--election-timeout=500", "--bcrypt-cost=4"];
    const log = ["--logger=zap", "--log-level=warn", `--log-outputs=${logFile}`];
    const args = [
      ...[...own, ...clients, ...peers, `--initial-cluster=${cluster}`],
      ...[...fast, ...log, ...secure, ...mutual, ...more],
    ];
    return new EtcdMember({ url, args, wrap, logFile, dataFolder });
  });
}

/** A free port that is not one of those taken already, to which it is added. */
function freePort(taken: Set<number>): number {
  for (;;) {
    const port = freeTcpPort();
    if (taken.has(port)) continue;
    taken.add(port);
    return port;
  }
}
