// The log on standard output: the original's line prefixes, and what happens without syslog.
import { assertEquals, assertMatch } from "@std/assert";
import { closeSync, openSync } from "node:fs";
import { LineWriter } from "../../src/host/line_writer.ts";
import { openLog } from "../../src/host/log.ts";
import { isUnstamped } from "../../src/host/unstamped.ts";
import "../support/libraries.ts";

function writerInto(lines: string[]): LineWriter {
  return new LineWriter({
    write(bytes) {
      lines.push(...new TextDecoder().decode(bytes).trimEnd().split("\n"));
      return Promise.resolve(bytes.length);
    },
  });
}

Deno.test("openLog() marks lines on standard output as the original does", async () => {
  const lines: string[] = [];
  using log = openLog({ stdout: true, writer: writerInto(lines) });
  assertEquals(log.kind, "stdout");
  log.write("critical", "associate-failed", "cannot listen");
  log.write("warning", "cloud-error", "try again {0} %s ${x}");
  log.write("info", "start", "watching");
  await log.flush();
  assertEquals(lines, [
    "exoip [CRIT   ] associate-failed: cannot listen",
    "exoip [WARNING] cloud-error: try again {0} %s ${x}",
    "exoip [INFO   ] start: watching",
  ]);
});

Deno.test("openLog() puts a time before each line of text where nobody else would, and only there", async () => {
  const of = async (options: Omit<Parameters<typeof openLog>[0], "writer">) => {
    const lines: string[] = [];
    const log = openLog({ ...options, writer: writerInto(lines) });
    log.write("info", "start", "watching");
    await log.flush();
    return lines.join("\n");
  };
  const time = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";
  const text = await of({ stdout: true, timed: true });
  assertMatch(text, new RegExp(`^${time} exoip \\[INFO   \\] start: watching$`));
  assertEquals(await of({ stdout: true }), "exoip [INFO   ] start: watching");
  // A systemd service gives its own severity, and the journal adds the time.
  assertEquals(await of({ stdout: false, journal: true, timed: true }), "<6>start: watching");
  assertMatch(await of({ stdout: true, format: "json", timed: true }), /^\{"time":/);
});

Deno.test("isUnstamped() is true for a terminal and a file, and false for a pipe and /dev/null", async () => {
  const path = await Deno.makeTempFile();
  const terminal = false;
  const of = (name: string) => {
    const fd = openSync(name, "r");
    try {
      return isUnstamped({ fd, terminal });
    } finally {
      closeSync(fd);
    }
  };
  assertEquals([of(path), of("/dev/null")], [true, false]);
  assertEquals([isUnstamped({ fd: 999, terminal }), isUnstamped({ terminal: true })], [
    false,
    true,
  ]);
  await Deno.remove(path);
});

Deno.test(
  "openLog() without syslog says so once, in front of its first line",
  async () => {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/file`, "");
    const nothing = Deno.build.os === "linux" ? "nobody listens there" : "[^)]+";
    const rows = [[`${folder}/none`, "there is no such socket"], [`${folder}/file`, nothing]];
    for (const [syslogPath = "", reason] of rows) {
      const lines: string[] = [];
      using log = openLog({ stdout: false, syslogPath, writer: writerInto(lines) });
      assertEquals(log.kind, "stdout");
      await log.flush();
      assertEquals(lines, []);
      log.write("info", "start", "watching");
      log.write("critical", "associate-failed", "cannot listen");
      await log.flush();
      assertMatch(
        lines.shift() ?? "",
        new RegExp(
          `^exoip \\[WARNING\\] log: syslog at ${syslogPath} takes no lines \\(${reason}\\): ` +
            "they go to standard output until it does$",
        ),
      );
      assertEquals(lines, [
        "exoip [INFO   ] start: watching",
        "exoip [CRIT   ] associate-failed: cannot listen",
      ]);
    }
    await Deno.remove(folder, { recursive: true });
  },
);

Deno.test("openLog() writes and flushes although standard output is closed or stalls", async () => {
  const closed = new LineWriter({ write: () => Promise.reject(new Deno.errors.BrokenPipe()) });
  const stalling = new LineWriter({ write: () => new Promise(() => {}) });
  for (const writer of [closed, stalling]) {
    using log = openLog({ stdout: true, writer });
    for (let number = 0; number < 5_000; number++) log.write("info", "listen", `${number}`);
    await log.flush();
  }
});
