// A real Prometheus on loopback, if its program is installed. It is a child of the test, never a service.
import { until } from "./until.ts";
import { freeTcpPort } from "./ports.ts";

/** One series of a range query. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Unix time in seconds, and the value. */
  readonly values: readonly (readonly [number, string])[];
}

/** Why it is not usable here; null when it is. */
export function prometheusMissing(): string | null {
  try {
    const command = new Deno.Command("prometheus", {
      args: ["--version"],
      stdout: "null",
      stderr: "null",
    });
    return command.outputSync().success ? null : "prometheus does not run here";
  } catch {
    return "prometheus is not installed";
  }
}

/** A Prometheus that scrapes every second. */
export class Prometheus {
  readonly #folder: string;
  readonly #child: Deno.ChildProcess;
  readonly #base: string;

  private constructor(folder: string, child: Deno.ChildProcess, port: number) {
    this.#folder = folder;
    this.#child = child;
    this.#base = `http://127.0.0.1:${port}`;
  }

  /** Starts one that scrapes these targets as a job of that name; resolves when it answers. */
  static async start(job: string, targets: readonly string[]): Promise<Prometheus> {
    const folder = await Deno.makeTempDir({ prefix: "exoip-prometheus-" });
    const port = freeTcpPort();
    // JSON is YAML.
    const config = {
      global: { scrape_interval: "1s", scrape_timeout: "1s" },
      scrape_configs: [{ job_name: job, static_configs: [{ targets }] }],
    };
    await Deno.writeTextFile(`${folder}/prometheus.yml`, JSON.stringify(config));
    const child = new Deno.Command("prometheus", {
      args: [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--log.level=error",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const started = new Prometheus(folder, child, port);
    try {
      await until(() => started.#ready(), { title: "Prometheus is ready", everyMs: 100 });
    } catch (error) {
      await started.close();
      throw error;
    }
    return started;
  }

  async #ready(): Promise<boolean> {
    const response = await fetch(`${this.#base}/-/ready`).catch(() => null);
    await response?.body?.cancel();
    return response?.ok === true;
  }

  /** The data of an answer of its API. */
  async #ask<Data>(path: string, parameters: Record<string, string>): Promise<Data> {
    const response = await fetch(`${this.#base}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const answer = await response.json();
    if (answer.status !== "success") {
      throw new Error(`Prometheus: ${answer.error} in ${JSON.stringify(parameters)}`);
    }
    return answer.data;
  }

  /** The values of a label in the series of a selector, sorted. */
  async labelValues(selector: string, label: string): Promise<string[]> {
    return await this.#ask<string[]>(`label/${label}/values`, { "match[]": selector });
  }

  /** The value of a query without labels, now; null when it has none. */
  async value(query: string): Promise<number | null> {
    const { result } = await this.#ask<{ result: { value: [number, string] }[] }>("query", {
      query,
    });
    return result[0] ? Number(result[0].value[1]) : null;
  }

  /** A query's series, second by second, between two instants (ms of `Date.now()`). */
  async range(query: string, fromMs: number, toMs: number): Promise<Series[]> {
    const { result } = await this.#ask<{ result: Series[] }>("query_range", {
      query,
      start: `${fromMs / 1_000}`,
      end: `${toMs / 1_000}`,
      step: "1",
    });
    return result;
  }

  /** Ends it and removes its data. */
  async close(): Promise<void> {
    const signal = (name: Deno.Signal) => {
      try {
        this.#child.kill(name);
      } catch { /* it has ended */ }
    };
    signal("SIGTERM");
    const timer = setTimeout(signal, 10_000, "SIGKILL");
    await this.#child.status;
    clearTimeout(timer);
    await Deno.remove(this.#folder, { recursive: true });
  }
}
