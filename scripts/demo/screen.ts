// The demo as it runs: a table that is drawn again in a terminal, plain lines in a pipe.
import type { Cluster } from "../../tests/support/cluster.ts";
import { wrapped } from "../../src/status/table.ts";
import { COLUMNS } from "./told.ts";

const REFRESH_MS = 100;
/** Log lines kept below the table. */
const LINES_SHOWN = 14;
/** Below the name of the node, for the rest of a long line. */
const INDENT = 9;

/** Shows who is alive, who is master and who holds. */
export class Screen {
  readonly #cluster: Cluster;
  readonly #live: boolean;
  /** When the demo's clock began. */
  readonly startedMs: number;
  readonly #timer: ReturnType<typeof setInterval>;
  #lines: string[] = [];
  #last = "";
  #closed = false;

  constructor(
    cluster: Cluster,
    { live, startedMs = performance.now() }: { live: boolean; startedMs?: number },
  ) {
    this.startedMs = startedMs;
    this.#cluster = cluster;
    this.#live = live;
    this.#timer = setInterval(() => this.#show(), REFRESH_MS);
  }

  /** One line of the story. */
  tell(text: string): void {
    const seconds = ((performance.now() - this.startedMs) / 1000).toFixed(2).padStart(6);
    const lines = wrapped(`${seconds} ${text}`, COLUMNS, INDENT);
    if (!this.#live) return console.log(lines.join("\n"));
    this.#lines = [...this.#lines, ...lines].slice(-LINES_SHOWN);
    this.#show();
  }

  /** Shows the last state and stops. */
  close(): void {
    if (this.#closed) return;
    this.#show();
    this.#closed = true;
    clearInterval(this.#timer);
  }

  #show(): void {
    if (this.#closed) return;
    const rows = this.#cluster.nodes.map((node) => ({
      name: node.name,
      state: node.alive ? "alive" : "down",
      role: node.alive ? node.role : "-",
      holds: this.#cluster.holders.includes(node.name),
    }));
    const summary = rows.map(({ name, state, role, holds }) =>
      `${name} ${state === "down" ? state : role}${holds ? " HOLDS" : ""}`
    ).join(" | ");
    if (this.#live) return this.#draw(rows);
    if (summary !== this.#last) this.tell(`=== ${summary}`);
    this.#last = summary;
  }

  #draw(rows: readonly { name: string; state: string; role: string; holds: boolean }[]): void {
    const table = rows.map(({ name, state, role, holds }) => {
      const text = `  ${name.padEnd(8)} ${state.padEnd(6)} ${role.padEnd(7)} `;
      const colour = state === "down" ? 31 : role === "master" ? 32 : 37;
      return `\x1b[${colour}m${text}${holds ? "holds 198.51.100.50" : ""}\x1b[0m`;
    });
    const { columns } = Deno.consoleSize();
    const lines = [
      "exoip demo",
      "",
      ...table,
      "",
      ...this.#lines.map((line) => line.slice(0, columns)),
    ];
    const frame = lines.map((line) => `${line}\x1b[K\n`).join("");
    Deno.stdout.writeSync(
      new TextEncoder().encode(`\x1b[H${this.#last ? "" : "\x1b[2J"}${frame}\x1b[J`),
    );
    this.#last = "drawn";
  }
}
