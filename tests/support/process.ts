// A real exoip process: the compiled binary when EXOIP_BIN names one, else the source under this Deno.
import { TextLineStream } from "./lines.ts";
import { callWitness } from "./until.ts";

/** One line of a process's output, with the time at which it was read. */
export interface Line {
  readonly atMs: number;
  readonly text: string;
}

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** Program and first arguments that run exoip. */
export function exoipCommand(): [string, string[]] {
  const binary = Deno.env.get("EXOIP_BIN");
  if (binary) return [binary, []];
  return [Deno.execPath(), ["run", "--quiet", "--allow-all", "--no-prompt", MAIN]];
}

/** How many of the latest processes, and of their last lines, the error of a wait tells. */
const TOLD = { processes: 6, lines: 30 };
const latest: ExoipProcess[] = [];
callWitness(() =>
  latest.map(({ pid, code, output }) => {
    const lines = output.split("\n").slice(-TOLD.lines);
    return [`process ${pid}, ${code === null ? "running" : `ended with ${code}`}`, ...lines];
  }).flat().join("\n")
);

/** A process that is running or has ended. */
export class ExoipProcess {
  readonly lines: Line[] = [];
  /** Exit code, null while it runs; 128 + signal number when a signal ended it. */
  code: number | null = null;
  readonly #printed: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<void>;

  constructor(
    args: readonly string[],
    { env = {}, onLine = () => {}, wrap = [] }: {
      env?: Record<string, string>;
      onLine?: (line: Line) => void;
      /** Command prefix, such as `ip netns exec NAME`. */
      wrap?: readonly string[];
    } = {},
  ) {
    const [program, first] = exoipCommand();
    const [command = "", ...rest] = [...wrap, program, ...first, ...args];
    this.#child = new Deno.Command(command, {
      args: rest,
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const read = async (stream: ReadableStream<Uint8Array>, printed: string[] = []) => {
      for await (const text of stream.pipeThrough(new TextLineStream())) {
        const line = { atMs: performance.now(), text };
        this.lines.push(line);
        printed.push(text);
        onLine(line);
      }
    };
    const status = this.#child.status.then(({ code }) => void (this.code = code));
    const { stdout, stderr } = this.#child;
    this.#ended = Promise.all([status, read(stdout, this.#printed), read(stderr)]).then(() => {});
    latest.splice(0, latest.length + 1 - TOLD.processes);
    latest.push(this);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Sends a signal unless the process has ended. */
  signal(signal: Deno.Signal): void {
    if (this.code === null) this.#child.kill(signal);
  }

  /** Resolves to the exit code once the process has ended and its output is read. */
  async ended(): Promise<number> {
    await this.#ended;
    return this.code ?? -1;
  }

  /** Its standard output so far: between the lines of a text there, others come on standard error. */
  get printed(): string {
    return this.#printed.join("\n");
  }

  /** All output so far, of both kinds, in the order in which it was read. */
  get output(): string {
    return this.lines.map(({ text }) => text).join("\n");
  }
}
