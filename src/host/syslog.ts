// The local syslog: one message per line in the form of RFC 3164, facility daemon, tag `exoip`, as the original's (Go
// log/syslog), to a datagram or stream socket. Syslog may start after us, restart, or stop reading: no line waits for
// it longer than some seconds. Lines that it does not take are printed elsewhere at once, and the latest of them are
// kept for it.
import { type LocalSocket, openLocalSocket } from "./local_socket.ts";

const FACILITY_DAEMON = 3;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
/** Most lines that wait for a syslog that is behind; newer ones are lost, and counted. */
const QUEUE_MAX = 1_000;
/** Most lines kept for a syslog that is not there; older ones are only printed elsewhere, and counted. */
const KEPT_MAX = 200;
/** Time between two attempts while it is behind, and while it is not there. */
const BUSY_MS = 100, ABSENT_MS = 2_000;
/** After this time a syslog that is behind counts as gone. */
const STALLED_MS = 5_000;

/** One line to send. */
export interface SyslogEntry {
  /** As in syslog(3): 2 crit, 4 warning, 6 info. */
  readonly severity: number;
  readonly text: string;
  readonly at: Date;
}

/** An open syslog. */
export interface Syslog {
  /** Whether it took the last line, or was there at the beginning. */
  readonly present: boolean;
  /** Whether sending needs the right to write. */
  readonly needsRight: boolean;
  /** Queues one line. */
  send(severity: number, text: string): void;
  /** Resolves when all lines so far were sent or printed elsewhere, at the latest after `withinMs`. */
  flush(withinMs: number): Promise<void>;
  /** Closes it; lines that syslog has not taken by now are not sent. */
  close(): void;
}

/** Gets the lines that syslog does not take. */
export interface SyslogFallback {
  /** Prints a line that syslog has not taken; syslog may still get it later. */
  print(entry: SyslogEntry): void;
  /** Called with the reason when syslog stops taking lines, and with null when it takes them again. */
  changed(reason: string | null): void;
}

/** The message for one line. */
export function syslogLine(severity: number, text: string, at: Date): string {
  const two = (part: number) => String(part).padStart(2, "0");
  const day = `${MONTHS[at.getMonth()]} ${String(at.getDate()).padStart(2)}`;
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  const priority = FACILITY_DAEMON * 8 + severity;
  return `<${priority}>${day} ${time} exoip[${Deno.pid}]: ${text}`;
}

/** Opens the syslog at that path, which need not exist yet; null when the system has no free socket. */
export function openSyslog(path: string, fallback: SyslogFallback): Syslog | null {
  try {
    return new SocketSyslog(openLocalSocket(path), { present: isSocket(path), fallback });
  } catch {
    return null;
  }
}

function isSocket(path: string): boolean {
  try {
    return Deno.statSync(path).isSocket === true;
  } catch {
    return false;
  }
}

class SocketSyslog implements Syslog {
  readonly #socket: LocalSocket;
  readonly #fallback: SyslogFallback;
  readonly #encoder = new TextEncoder();
  /** The first `#printed` of them are printed elsewhere already. */
  readonly #queue: SyslogEntry[] = [];
  #printed = 0;
  /** Lines that syslog will never get: too many while it was behind or not there. */
  #dropped = 0;
  #unsent = 0;
  #reason: string | null = null;
  #busySinceMs: number | null = null;
  #working: Promise<void> | null = null;
  #wake: () => void = () => {};
  #closed = false;
  readonly #flushes = new Set<() => void>();
  present: boolean;

  constructor(
    socket: LocalSocket,
    { present, fallback }: { present: boolean; fallback: SyslogFallback },
  ) {
    this.#socket = socket;
    this.#fallback = fallback;
    this.present = present;
  }

  get needsRight(): boolean {
    return this.#socket.needsRight;
  }

  send(severity: number, text: string): void {
    const entry = { severity, text, at: new Date() };
    if (this.#reason === null && this.#queue.length >= QUEUE_MAX) this.#dropped += 1;
    else this.#queue.push(entry);
    if (this.#reason !== null) this.#wake();
    this.#working ??= this.#work().finally(() => this.#working = null);
  }

  async flush(withinMs: number): Promise<void> {
    if (this.#settled) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#flushes.add(resolve);
      timer = setTimeout(resolve, withinMs);
    });
    clearTimeout(timer);
    // The process may end soon, so print the lines that still wait.
    if (!this.#settled) this.#printWaiting();
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  get #settled(): boolean {
    return this.#queue.length === this.#printed;
  }

  async #work(): Promise<void> {
    while (this.#queue.length > 0 && !this.#closed) {
      const [{ severity, text, at }] = this.#queue as [SyslogEntry];
      const line = this.#encoder.encode(syslogLine(severity, text, at));
      const sent = await this.#socket.send(line);
      if (sent === "sent") this.#taken();
      else if (sent !== "busy") await this.#absent(sent.failed);
      else if (this.#isStalled()) await this.#absent("it has stalled");
      else await this.#pause(BUSY_MS);
    }
    this.#tellFlushes();
  }

  #taken(): void {
    this.#queue.shift();
    this.#printed = Math.max(this.#printed - 1, 0);
    this.#busySinceMs = null;
    this.present = true;
    if (this.#reason !== null) this.#fallback.changed(null);
    this.#reason = null;
    const notes = [
      this.#unsent > 0 ? `${this.#unsent} earlier lines went to standard output only` : "",
      this.#dropped > 0 ? `${this.#dropped} log lines dropped` : "",
    ];
    [this.#unsent, this.#dropped] = [0, 0];
    for (const note of notes.filter(Boolean)) {
      this.#queue.push({ severity: 4, text: `log: ${note}`, at: new Date() });
    }
  }

  #isStalled(): boolean {
    const nowMs = performance.now();
    return this.#reason !== null || nowMs >= (this.#busySinceMs ??= nowMs) + STALLED_MS;
  }

  /** Prints the lines that syslog does not take, and reports the reason once; keeps the latest lines. */
  async #absent(reason: string): Promise<void> {
    this.present = false;
    if (this.#reason !== reason) this.#fallback.changed(reason);
    this.#reason = reason;
    this.#printWaiting();
    const excess = Math.max(this.#queue.length - KEPT_MAX, 0);
    this.#queue.splice(0, excess);
    this.#printed -= excess;
    this.#unsent += excess;
    this.#tellFlushes();
    await this.#pause(ABSENT_MS);
  }

  #printWaiting(): void {
    for (const entry of this.#queue.slice(this.#printed)) this.#fallback.print(entry);
    this.#printed = this.#queue.length;
  }

  #tellFlushes(): void {
    for (const resolve of this.#flushes) resolve();
    this.#flushes.clear();
  }

  /** A pause that does not keep the process from ending. */
  async #pause(ms: number): Promise<void> {
    if (this.#closed) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, ms);
      Deno.unrefTimer(timer);
    });
    clearTimeout(timer);
    this.#wake = () => {};
  }
}
