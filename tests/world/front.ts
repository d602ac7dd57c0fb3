// The front end of the cloud: a real haproxy with TLS, HTTP/2 and HTTP/1.1, in a namespace of its own. Its log tells
// what arrived, and when: the test's own process is too busy to measure that.
import { until } from "../support/until.ts";
import { TextLineStream } from "../support/lines.ts";
import type { Authority } from "../support/tls/authority.ts";

/** One request that arrived at the front end. */
export interface Arrival {
  readonly atMs: number;
  /** Address and port of the client: requests of one connection share them. */
  readonly from: string;
  readonly port: number;
  readonly protocol: "h2" | "http/1.1";
  /** Status of the answer; -1 when the request was malformed or not answered. */
  readonly status: number;
  readonly method: string;
  readonly path: string;
}

/** Name in the front end's certificates. */
export const API_NAME = "api.example";
/** Address of another server, with a certificate for another name. */
export const STRANGER = "192.0.2.30";
/** Address that accepts requests, but never answers. */
export const UNANSWERING = "192.0.2.40";

/** The certificate that it shows. */
export type Shown = "good" | "renewed" | "untrusted" | "expired" | "other-name";

/** Location and backends of a front end. */
export interface FrontOptions {
  readonly namespace: string;
  /** Address in that namespace that the test can reach. */
  readonly address: string;
  /** The simulated cloud behind it. */
  readonly cloud: URL;
  /** A listener that accepts connections and stays silent. */
  readonly unanswering: Deno.NetAddr;
  readonly authority: Authority;
  /** How long an idle connection stays open. */
  readonly idleMs?: number;
}

const LOG_FORMAT = "%[date(0,ms)] %Ta %[src] %[src_port] %[ssl_fc_alpn] %ST %HM %HP";
const LOG_LINE = /^(\d+) (\d+|-1) ([0-9a-f.:]+) (\d+) (h2|http\/1\.1|-) (-?\d+) (\S+) (\S+)$/;

/** The front end; `start` it. */
export class Front {
  readonly arrivals: Arrival[] = [];
  /** Lines that are not about a request, such as failed handshakes. */
  readonly notes: { readonly atMs: number; readonly text: string }[] = [];
  readonly #options: FrontOptions;
  readonly #folder: string;
  readonly #children = new Set<Deno.ChildProcess>();
  #current: Deno.ChildProcess | null = null;

  private constructor(folder: string, options: FrontOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** Starts one. */
  static async create(options: FrontOptions): Promise<Front> {
    const front = new Front(await Deno.makeTempDir({ prefix: "exoip-" }), options);
    await front.show("good");
    const { cert, key } = await options.authority.certificate("stranger.example");
    await Deno.writeTextFile(`${front.#folder}/stranger.pem`, cert + key);
    await Deno.writeTextFile(`${front.#folder}/haproxy.cfg`, front.#configuration());
    await front.start();
    return front;
  }

  /** Installs another certificate; the next start uses it. */
  async show(shown: Shown): Promise<void> {
    const { authority } = this.#options;
    const name = shown === "other-name" ? "other.example" : API_NAME;
    const kind = { selfSigned: shown === "untrusted", expired: shown === "expired" };
    const { cert, key } = await authority.certificate(name, kind);
    await Deno.writeTextFile(`${this.#folder}/api.pem`, cert + key);
  }

  /** Starts a process, even if an earlier one still runs, and waits until it listens. */
  async start(): Promise<void> {
    const { namespace, address } = this.#options;
    const child = new Deno.Command("ip", {
      args: ["netns", "exec", namespace, "haproxy", "-db", "-f", `${this.#folder}/haproxy.cfg`],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#current = child;
    this.#children.add(child);
    void child.status.then(() => this.#children.delete(child));
    void this.#read(child.stdout);
    void this.#read(child.stderr);
    let listens = false, asking = false;
    const ask = () => {
      if (asking) return listens;
      asking = true;
      Deno.connect({ hostname: address, port: 443 }).then((connection) => {
        connection.close();
        listens = true;
      }, () => asking = false);
      return listens;
    };
    await until(ask, { title: `the front end listens (${JSON.stringify(this.notes)})` });
  }

  /** Stops it at once: the kernel closes its connections. */
  async kill(): Promise<void> {
    this.#current?.kill("SIGKILL");
    await this.#current?.status;
    this.#current = null;
  }

  /** Stops it once its connections have ended, after asking clients to close them (GOAWAY, `connection: close`). */
  retire(): void {
    this.#current?.kill("SIGUSR1");
    this.#current = null;
  }

  /** Stops it and starts another: all connections are closed. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Freezes it at any point of its work: the kernel still accepts connections for it. */
  freeze(): void {
    this.#current?.kill("SIGSTOP");
  }

  /** Lets it continue. */
  thaw(): void {
    this.#current?.kill("SIGCONT");
  }

  /** Stops everything. */
  async close(): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all([...this.#children].map(({ status }) => status));
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextLineStream())) this.#note(text);
  }

  #note(text: string): void {
    const parts = LOG_LINE.exec(text);
    if (parts === null) return void this.notes.push({ atMs: performance.now(), text });
    const [, wall = "", took = "", from = "", port = "", alpn, status, method = "", path = ""] =
      parts;
    // The line is written when the request ends.
    const sinceWallMs = Date.now() - performance.now();
    this.arrivals.push({
      atMs: Number(wall) - Math.max(0, Number(took)) - sinceWallMs,
      from,
      port: Number(port),
      protocol: alpn === "h2" ? "h2" : "http/1.1",
      status: Number(status),
      method,
      path,
    });
  }

  #configuration(): string {
    const { cloud, unanswering, idleMs = 60_000 } = this.#options;
    const tls = cloud.protocol === "https:" ? " ssl verify none" : "";
    const api = `ssl crt ${this.#folder}/api.pem alpn h2,http/1.1`;
    return `global
  log stdout format raw local0
  maxconn 1000
defaults
  mode http
  log global
  option dontlognull
  option http-server-close
  retries 0
  timeout connect 5s
  timeout client ${idleMs}ms
  timeout http-keep-alive ${idleMs}ms
  timeout server 60s
frontend api
  bind 0.0.0.0:443 ${api}
  bind [::]:443 v6only ${api}
  bind ${STRANGER}:443 ssl crt ${this.#folder}/stranger.pem alpn h2,http/1.1
  log-format "${LOG_FORMAT}"
  default_backend cloud
frontend unanswering
  bind ${UNANSWERING}:443 ${api}
  log-format "${LOG_FORMAT}"
  default_backend unanswering
backend cloud
  server cloud ${cloud.host}${tls}
backend unanswering
  server unanswering ${unanswering.hostname}:${unanswering.port}
`;
  }
}
