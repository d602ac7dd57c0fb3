// A real haproxy as the service of a node: it listens on a port of its own, and can be stopped and started.
import { freeTcpPort } from "../support/ports.ts";
import { until } from "../support/until.ts";

/** Why haproxy is not available here, null when it is. */
export const NO_HAPROXY: string | null = await new Deno.Command("haproxy", { args: ["-v"] })
  .output()
  .then(({ success }) => success ? null : "haproxy does not run here", () => "needs haproxy");

/** One haproxy, which answers `200 the pool is up`. */
export class Haproxy {
  readonly port: number;
  readonly #folder: string;
  #child: Deno.ChildProcess | null = null;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
  }

  /** Starts one on a free port of loopback, and waits until it answers. */
  static async create(): Promise<Haproxy> {
    const port = freeTcpPort();
    const haproxy = new Haproxy(await Deno.makeTempDir(), port);
    await Deno.writeTextFile(
      `${haproxy.#folder}/haproxy.cfg`,
      `global
  maxconn 100
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend web
  bind 127.0.0.1:${port}
  http-request return status 200 content-type text/plain string "the pool is up"
`,
    );
    await haproxy.start();
    return haproxy;
  }

  /** Starts it, and waits until it answers. */
  async start(): Promise<void> {
    const args = ["-db", "-q", "-f", `${this.#folder}/haproxy.cfg`];
    this.#child = new Deno.Command("haproxy", {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    })
      .spawn();
    let answers = false, asking = false;
    const ask = () => {
      if (!asking) {
        asking = true;
        Deno.connect({ hostname: "127.0.0.1", port: this.port }).then((connection) => {
          connection.close();
          answers = true;
        }, () => asking = false);
      }
      return answers;
    };
    await until(ask, { title: "haproxy answers" });
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
    this.#child = null;
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    await this.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
