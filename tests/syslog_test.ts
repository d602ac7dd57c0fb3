// Syslog: the line as RFC 3164 and the original have it, and its way through a real socket.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { openLog } from "../src/host/log.ts";
import { LineWriter } from "../src/host/line_writer.ts";
import { openSyslog, syslogLine } from "../src/host/syslog.ts";

const PID = Deno.pid;

/** A syslog daemon's socket in a folder of its own. */
class Daemon implements AsyncDisposable {
  readonly path: string;
  readonly #folder = Deno.makeTempDirSync();
  readonly #socket: Deno.DatagramConn;

  constructor() {
    this.path = `${this.#folder}/log`;
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path: this.path });
  }

  async receive(): Promise<string> {
    const [bytes] = await this.#socket.receive();
    return new TextDecoder().decode(bytes);
  }

  /** Ends the daemon; its file stays unless it is removed, too. */
  close({ removed }: { removed: boolean }): void {
    this.#socket.close();
    if (removed) Deno.removeSync(this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#socket.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** A test with a daemon. A log is open for the life of the process, so its socket is no leak. */
function testWithDaemon(name: string, fn: (daemon: Daemon) => Promise<void>): void {
  Deno.test({
    name,
    ignore: Deno.build.os !== "linux",
    sanitizeResources: false,
    async fn() {
      await using daemon = new Daemon();
      await fn(daemon);
    },
  });
}

function writerInto(lines: string[]): LineWriter {
  return new LineWriter({
    write(bytes) {
      lines.push(...new TextDecoder().decode(bytes).trimEnd().split("\n"));
      return Promise.resolve(bytes.length);
    },
  });
}

Deno.test("syslogLine() writes priority, local time, tag and process as RFC 3164 has them", () => {
  const rows: ReadonlyArray<readonly [severity: number, at: Date, line: string]> = [
    [6, new Date(2026, 0, 2, 3, 4, 5), `<30>Jan  2 03:04:05 exoip[${PID}]: start: ready`],
    [4, new Date(2026, 8, 30, 23, 59, 59), `<28>Sep 30 23:59:59 exoip[${PID}]: start: ready`],
    [2, new Date(2026, 11, 10, 0, 0, 0), `<26>Dec 10 00:00:00 exoip[${PID}]: start: ready`],
  ];
  for (const [severity, at, line] of rows) {
    assertEquals(syslogLine(severity, "start: ready", at), line);
  }
});

Deno.test("openSyslog() opens nothing where there is no socket", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/file`, "");
  for (const path of [`${folder}/none`, `${folder}/file`, folder]) {
    assertEquals(openSyslog(path, () => {}), null, path);
  }
  await Deno.remove(folder, { recursive: true });
});

testWithDaemon(
  "openLog() sends each severity to syslog and nothing to standard output",
  async (daemon) => {
    const lines: string[] = [];
    const log = openLog({ stdout: false, syslogPath: daemon.path, writer: writerInto(lines) });
    assertEquals(log.kind, "syslog");
    const stamp = "[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d";
    for (const [severity, priority] of [["critical", 26], ["warning", 28], ["info", 30]] as const) {
      log.write(severity, "event", `text ü ${priority}`);
      await log.flush();
      const expected = `^<${priority}>${stamp} exoip\\[${PID}\\]: event: text ü ${priority}$`;
      assertMatch(await daemon.receive(), new RegExp(expected));
    }
    assertEquals(lines, []);
  },
);

testWithDaemon(
  "openLog() leaves syslog alone when it is told to use standard output",
  async (daemon) => {
    const lines: string[] = [];
    const log = openLog({ stdout: true, syslogPath: daemon.path, writer: writerInto(lines) });
    log.write("info", "event", "text");
    await log.flush();
    assertEquals([log.kind, ...lines], ["stdout", "exoip [INFO   ] event: text"]);
  },
);

for (const removed of [false, true]) {
  const gone = removed ? "whose file is removed" : "that stops listening";
  testWithDaemon(`openLog() goes on at standard output after a syslog ${gone}`, async (daemon) => {
    const lines: string[] = [];
    const log = openLog({ stdout: false, syslogPath: daemon.path, writer: writerInto(lines) });
    log.write("info", "event", "before");
    await log.flush();
    assertMatch(await daemon.receive(), /: event: before$/);
    assertEquals(lines, []);
    daemon.close({ removed });
    for (const text of ["finds out", "first after", "second after"]) {
      log.write("warning", "event", text);
      await log.flush();
    }
    // The excuse comes once, the lines all.
    assertMatch(lines[0] ?? "", /^exoip \[WARNING\] log: syslog takes no lines: ./);
    assertEquals(lines.slice(1), [
      "exoip [WARNING] event: finds out",
      "exoip [WARNING] event: first after",
      "exoip [WARNING] event: second after",
    ]);
  });
}

testWithDaemon(
  "openLog() sends a burst of lines to syslog, all of them, in order",
  async (daemon) => {
    const lines: string[] = [];
    const log = openLog({ stdout: false, syslogPath: daemon.path, writer: writerInto(lines) });
    const texts = Array.from({ length: 8 }, (_, number) => `line ${number}`);
    for (const text of texts) log.write("info", "event", text);
    for (const text of texts) {
      const line = await daemon.receive();
      assert(line.endsWith(`: event: ${text}`), line);
    }
    await log.flush();
    assertEquals(lines, []);
  },
);

testWithDaemon(
  "openLog() writes a line that syslog does not take to standard output",
  async (daemon) => {
    const lines: string[] = [];
    const log = openLog({ stdout: false, syslogPath: daemon.path, writer: writerInto(lines) });
    daemon.close({ removed: false });
    log.write("critical", "event", "the one that matters");
    await log.flush();
    assertEquals(lines[1], "exoip [CRIT   ] event: the one that matters");
  },
);
