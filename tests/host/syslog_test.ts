// Syslog: the line by RFC 3164 and the original, and its path through a real socket.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { openLog } from "../../src/host/log.ts";
import { LineWriter } from "../../src/host/line_writer.ts";
import { syslogLine } from "../../src/host/syslog.ts";
import "../support/libraries.ts";

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

  /** Closes the socket; its file stays unless `removed`. */
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

/** A test with a daemon. */
function testWithDaemon(name: string, fn: (daemon: Daemon) => Promise<void>): void {
  Deno.test({
    name,
    ignore: Deno.build.os !== "linux",
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

testWithDaemon(
  "openLog() sends each severity to syslog and nothing to standard output",
  async (daemon) => {
    const lines: string[] = [];
    using log = openLog({ stdout: false, syslogPath: daemon.path, writer: writerInto(lines) });
    assertEquals(log.kind, "syslog");
    const stamp = "[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d";
    for (const [severity, priority] of [["critical", 26], ["warning", 28], ["info", 30]] as const) {
      log.write(severity, "listen", `text ü ${priority}`);
      await log.flush();
      const expected = `^<${priority}>${stamp} exoip\\[${PID}\\]: listen: text ü ${priority}$`;
      assertMatch(await daemon.receive(), new RegExp(expected));
    }
    assertEquals(lines, []);
  },
);

testWithDaemon(
  "openLog() leaves syslog alone when it is told to use standard output",
  async (daemon) => {
    const lines: string[] = [];
    using log = openLog({ stdout: true, syslogPath: daemon.path, writer: writerInto(lines) });
    log.write("info", "listen", "text");
    await log.flush();
    assertEquals([log.kind, ...lines], ["stdout", "exoip [INFO   ] listen: text"]);
  },
);

for (const removed of [false, true]) {
  const gone = removed ? "whose file is removed" : "that stops listening";
  testWithDaemon(`openLog() goes on at standard output after a syslog ${gone}`, async (daemon) => {
    const lines: string[] = [];
    using log = openLog({ stdout: false, syslogPath: daemon.path, writer: writerInto(lines) });
    log.write("info", "listen", "before");
    await log.flush();
    assertMatch(await daemon.receive(), /: listen: before$/);
    assertEquals(lines, []);
    daemon.close({ removed });
    for (const text of ["finds out", "first after", "second after"]) {
      log.write("warning", "listen", text);
      await log.flush();
    }
    // The excuse appears once, all lines appear.
    const reason = removed ? "there is no such socket" : "nobody listens there";
    assertEquals(
      lines[0],
      `exoip [WARNING] log: syslog at ${daemon.path} takes no lines (${reason}): ` +
        "they go to standard output until it does",
    );
    assertEquals(lines.slice(1), [
      "exoip [WARNING] listen: finds out",
      "exoip [WARNING] listen: first after",
      "exoip [WARNING] listen: second after",
    ]);
  });
}

testWithDaemon(
  "openLog() sends a burst of lines to syslog, all of them, in order",
  async (daemon) => {
    const lines: string[] = [];
    using log = openLog({ stdout: false, syslogPath: daemon.path, writer: writerInto(lines) });
    const texts = Array.from({ length: 8 }, (_, number) => `line ${number}`);
    for (const text of texts) log.write("info", "listen", text);
    for (const text of texts) {
      const line = await daemon.receive();
      assert(line.endsWith(`: listen: ${text}`), line);
    }
    await log.flush();
    assertEquals(lines, []);
  },
);

testWithDaemon(
  "openLog() writes a line that syslog does not take to standard output",
  async (daemon) => {
    const lines: string[] = [];
    using log = openLog({ stdout: false, syslogPath: daemon.path, writer: writerInto(lines) });
    daemon.close({ removed: false });
    log.write("critical", "listen", "the one that matters");
    await log.flush();
    assertEquals(lines[1], "exoip [CRIT   ] listen: the one that matters");
  },
);

testWithDaemon(
  "openLog() gives a syslog that comes later the lines that it missed, and every one after",
  async (daemon) => {
    const lines: string[] = [];
    const path = `${daemon.path}.late`;
    using log = openLog({ stdout: false, syslogPath: path, writer: writerInto(lines) });
    for (const text of ["one", "two"]) log.write("info", "listen", text);
    await log.flush();
    assertEquals([log.kind, lines.length], ["stdout", 3]);
    const late = Deno.listenDatagram({ transport: "unixpacket", path });
    const receive = async () => new TextDecoder().decode((await late.receive())[0]);
    // No further line is written: the kept ones leave by themselves.
    for (const text of ["one", "two"]) assertMatch(await receive(), new RegExp(`listen: ${text}$`));
    log.write("info", "listen", "three");
    assertMatch(await receive(), /listen: three$/);
    await log.flush();
    assertEquals(log.kind, "syslog");
    assertEquals(lines.slice(3), [`exoip [WARNING] log: syslog at ${path} takes lines now`]);
    late.close();
  },
);

testWithDaemon(
  "openLog() speaks to a syslog that is a stream, also to its successor",
  async (daemon) => {
    const path = `${daemon.path}.stream`;
    const lines: string[] = [];
    using log = openLog({ stdout: false, syslogPath: path, writer: writerInto(lines) });
    for (const round of [1, 2]) {
      const listener = Deno.listen({ transport: "unix", path });
      const texts = Array.from({ length: 50 }, (_, number) => `line ${round}.${number}`);
      for (const text of texts) log.write("info", "listen", text);
      const connection = await listener.accept();
      let heard = "";
      const buffer = new Uint8Array(1_000);
      while (!heard.includes(`${texts.at(-1)}\n`)) {
        const count = await connection.read(buffer) ?? 0;
        heard += new TextDecoder().decode(buffer.subarray(0, count));
      }
      assertEquals(
        heard.trimEnd().split("\n").map((line) => line.replace(/^<30>.*: listen: /, "")),
        texts,
      );
      connection.close();
      listener.close();
      await Deno.remove(path).catch(() => {}); // Deno 2.9 has removed it.
    }
    await log.flush();
    assertEquals(lines, []);
  },
);

testWithDaemon("openLog() uses standard output while syslog does not read", async (daemon) => {
  const lines: string[] = [];
  using log = openLog({ stdout: false, syslogPath: daemon.path, writer: writerInto(lines) });
  // Many more than a socket holds.
  for (let number = 0; number < 900; number++) log.write("info", "listen", `line ${number}`);
  await log.flush();
  assert(lines.at(-1)?.endsWith("line 899"), lines.at(-1));
  const printed = lines.length;
  assert(printed < 900, "what fitted into the socket is not printed");
  // Once it reads, all kept lines arrive in order.
  for (let number = 0; number < 900; number++) {
    assert((await daemon.receive()).endsWith(`: listen: line ${number}`));
  }
});
