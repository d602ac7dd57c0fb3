// The local syslog socket: one datagram per line in the form of RFC 3164, facility daemon, tag `exoip`, as
// the original's (Go log/syslog).
import { type LocalSocket, openLocalSocket } from "./local_socket.ts";
import { Outbox } from "./outbox.ts";

const FACILITY_DAEMON = 3;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** One line on its way. */
interface Entry {
  readonly severity: number;
  readonly text: string;
  readonly at: Date;
}

/** An open syslog. */
export interface Syslog {
  /** Queues one line; severity as in syslog(3): 2 crit, 4 warning, 6 info. */
  send(severity: number, text: string): void;
  /** Resolves when what was queued has left, or after the time at the latest. */
  flush(withinMs: number): Promise<void>;
}

/** The datagram for one line. */
export function syslogLine(severity: number, text: string, at: Date): string {
  const two = (part: number) => String(part).padStart(2, "0");
  const day = `${MONTHS[at.getMonth()]} ${String(at.getDate()).padStart(2)}`;
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  const priority = FACILITY_DAEMON * 8 + severity;
  return `<${priority}>${day} ${time} exoip[${Deno.pid}]: ${text}`;
}

/**
 * Opens the socket, null when there is none. A line that cannot be sent goes to `onFailure`; the next one is
 * tried again, so that a restarted syslog is found.
 */
export function openSyslog(
  path: string,
  onFailure: (severity: number, text: string, reason: string) => void,
): Syslog | null {
  let socket: LocalSocket;
  try {
    if (!Deno.statSync(path).isSocket) return null;
    socket = openLocalSocket(path);
  } catch {
    return null;
  }
  const encoder = new TextEncoder();
  const outbox = new Outbox<Entry>(async (entries, dropped) => {
    if (dropped > 0) onFailure(4, `${dropped} log lines dropped`, "syslog is slow");
    for (const { severity, text, at } of entries) {
      const bytes = encoder.encode(syslogLine(severity, text, at));
      await socket.send(bytes).catch((error) => onFailure(severity, text, error.message));
    }
  });
  return {
    send: (severity, text) => outbox.push({ severity, text, at: new Date() }),
    flush: (withinMs) => outbox.flush(withinMs),
  };
}
