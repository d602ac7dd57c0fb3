// Child processes. Each leads its own process group, so that we can terminate it together with the processes it started
// that stayed in the group. Its output is read slowly and only the end is kept, so that a flood cannot delay a
// heartbeat or fill the memory.
import { messageOf } from "../core/message_of.ts";
import { plain } from "../core/plain.ts";

/** How to run a command. */
export interface CommandOptions {
  /** The child's whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Terminates the child and its group: SIGTERM, and half a second later SIGKILL. */
  readonly signal?: AbortSignal;
  /** Terminates it if it still runs after this time; default Infinity. */
  readonly timeoutMs?: number;
  /** When it has ended by itself, leave the processes that it started running. */
  readonly keepsChildren?: boolean;
  /** How much of each output is kept, from its end; default 4 KiB. */
  readonly keptBytes?: number;
}

/** How a command ended. */
export interface CommandOutcome {
  /** Exit code; 128 + signal number when a signal ended it. */
  readonly code: number;
  /** The signal that ended it, null when it exited. */
  readonly endedBy: string | null;
  /** The time-out after which it was terminated, null when it ended in time. */
  readonly lateAfterMs: number | null;
  /** The end of standard output. */
  readonly output: string;
  /** The end of standard error. */
  readonly errors: string;
}

/**
 * Runs a program to its end, without a shell. `words` is the program and its arguments. Rejects when it cannot be
 * started.
 */
export type RunCommand = (
  words: readonly string[],
  options: CommandOptions,
) => Promise<CommandOutcome>;

/** Time from SIGTERM to SIGKILL. */
export const KILL_AFTER_MS = 500;
/** How much of each output is usually kept, from its end. */
const KEPT_BYTES = 4_096;
/** How much is read without delay; after that, a pause follows each piece (at most 64 KiB). */
const FAST_BYTES = 64 * 1_024;
const PAUSE_MS = 10;
/** Longest wait for the end of an output that another process still holds open. */
const DRAIN_MS = 100;
/** Longest quotation of a command's output in a line of the log. */
const QUOTE_MAX_CHARS = 200;
const GROUPS = Deno.build.os !== "windows";

/** Process ids of children whose end the runtime has not reported yet. */
export const ownChildren: Set<number> = new Set();

/** The children of the real process. */
export const runCommand: RunCommand = run;

async function run(
  words: readonly string[],
  { env, signal, timeoutMs = Infinity, keepsChildren = false, keptBytes = KEPT_BYTES }:
    CommandOptions,
): Promise<CommandOutcome> {
  if (signal?.aborted) throw new Error("given up");
  const child = start(words, env);
  ownChildren.add(child.pid);
  const tails = [new Tail(child.stdout, keptBytes), new Tail(child.stderr, keptBytes)] as const;
  let ended = false, late = false;
  const timers: ReturnType<typeof setTimeout>[] = [];
  const end = () => {
    if (ended) return;
    ended = true;
    tell(child, "SIGTERM");
    timers.push(setTimeout(() => tell(child, "SIGKILL"), KILL_AFTER_MS));
  };
  signal?.addEventListener("abort", end);
  const overdue = () => {
    late = true;
    end();
  };
  if (timeoutMs < Infinity) timers.push(setTimeout(overdue, timeoutMs));
  const { code, signal: endedBy } = await child.status.finally(() => ownChildren.delete(child.pid));
  signal?.removeEventListener("abort", end);
  for (const timer of timers) clearTimeout(timer);
  if (ended || !keepsChildren) tell(child, "SIGKILL");
  const [output = "", errors = ""] = await Promise.all(tails.map((tail) => tail.end()));
  return { code, endedBy, lateAfterMs: late ? timeoutMs : null, output, errors };
}

/** Why a command failed, in short: its exit code and the last line that it wrote. */
export function failureOf(
  { code, endedBy, lateAfterMs, output, errors }: CommandOutcome,
): string {
  const what = lateAfterMs !== null
    ? `ended after ${lateAfterMs / 1_000} s`
    : endedBy === null
    ? `exit code ${code}`
    : `ended by ${endedBy}`;
  const said = lastLine(errors) || lastLine(output);
  return said === "" ? what : `${what}: ${said}`;
}

function lastLine(text: string): string {
  const line = text.trimEnd().split(/[\r\n]/).at(-1) ?? "";
  const clean = plain(line, Infinity).trim();
  return clean.length > QUOTE_MAX_CHARS ? `${clean.slice(0, QUOTE_MAX_CHARS)}...` : clean;
}

function start([program = "", ...args]: readonly string[], env: CommandOptions["env"]) {
  try {
    return new Deno.Command(program, {
      args,
      env,
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: GROUPS,
    }).spawn();
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "not found"
      : error instanceof Deno.errors.PermissionDenied
      ? "not executable by this user"
      : messageOf(error);
    throw new Error(`cannot run ${program}: ${reason}`, { cause: error });
  }
}

/** Signals the child's group, where the system has groups. */
function tell(child: Deno.ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    if (GROUPS) Deno.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // All processes of the group have ended.
  }
}

/** Keeps the end of a stream. */
class Tail {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #drained: Promise<void>;
  readonly #keptBytes: number;
  #kept = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array>, keptBytes: number) {
    this.#keptBytes = keptBytes;
    this.#reader = stream.getReader();
    this.#drained = this.#drain().catch(() => {});
  }

  async #drain(): Promise<void> {
    for (let size = 0;;) {
      const { value, done } = await this.#reader.read();
      if (done) return;
      size += value.length;
      const joined = new Uint8Array(this.#kept.length + value.length);
      joined.set(this.#kept);
      joined.set(value, this.#kept.length);
      this.#kept = joined.slice(-this.#keptBytes);
      if (size > FAST_BYTES) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  /** The kept text, once everything is read or the wait is over. */
  async end(): Promise<string> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => timer = setTimeout(resolve, DRAIN_MS));
    await Promise.race([this.#drained, over]);
    clearTimeout(timer);
    await this.#reader.cancel().catch(() => {});
    return new TextDecoder().decode(this.#kept);
  }
}
