// The log on standard output: the original's line prefixes, and what happens without syslog.
import { assertEquals, assertMatch } from "@std/assert";
import { LineWriter } from "../../src/host/line_writer.ts";
import { openLog } from "../../src/host/log.ts";

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
  const log = openLog({ stdout: true, writer: writerInto(lines) });
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

/** A log is open for the life of the process, so its socket and its timer are no leaks. */
const LASTING = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "openLog() without syslog says so once, in front of its first line",
  LASTING,
  async () => {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/file`, "");
    const nothing = Deno.build.os === "linux" ? "nobody listens there" : "[^)]+";
    const rows = [[`${folder}/none`, "there is no such socket"], [`${folder}/file`, nothing]];
    for (const [syslogPath = "", reason] of rows) {
      const lines: string[] = [];
      const log = openLog({ stdout: false, syslogPath, writer: writerInto(lines) });
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
    const log = openLog({ stdout: true, writer });
    for (let number = 0; number < 5_000; number++) log.write("info", "listen", `${number}`);
    await log.flush();
  }
});
