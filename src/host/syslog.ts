// The local syslog socket: one datagram per line in the form of RFC 3164, facility daemon, tag `exoip`, as
// the original's (Go log/syslog).

const FACILITY_DAEMON = 3;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** An open syslog. */
export interface Syslog {
  /** Sends one line; severity as in syslog(3): 2 crit, 4 warning, 6 info. */
  send(severity: number, text: string): void;
  /** Resolves when what was sent has left. */
  flush(): Promise<void>;
}

/** The datagram for one line. */
export function syslogLine(severity: number, text: string, at: Date): string {
  const two = (part: number) => String(part).padStart(2, "0");
  const day = `${MONTHS[at.getMonth()]} ${String(at.getDate()).padStart(2)}`;
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  const priority = FACILITY_DAEMON * 8 + severity;
  return `<${priority}>${day} ${time} exoip[${Deno.pid}]: ${text}`;
}

/** Opens the socket, null when there is none. `onLoss` is called once if it stops taking lines. */
export function openSyslog(path: string, onLoss: (reason: string) => void): Syslog | null {
  let socket: Deno.DatagramConn;
  try {
    if (!Deno.statSync(path).isSocket) return null;
    // An empty path binds an unnamed (abstract) socket: no file, nothing to clean up.
    socket = Deno.listenDatagram({ transport: "unixpacket", path: "" });
  } catch {
    return null;
  }
  const encoder = new TextEncoder();
  let last: Promise<unknown> = Promise.resolve();
  let lost = false;
  return {
    send(severity, text) {
      const bytes = encoder.encode(syslogLine(severity, text, new Date()));
      last = socket.send(bytes, { transport: "unixpacket", path }).catch((error) => {
        if (!lost) onLoss(error.message);
        lost = true;
      });
    },
    async flush() {
      await last;
    },
  };
}
