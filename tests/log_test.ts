// The log on standard output: the original's line prefixes, and what happens without syslog.
import { assertEquals } from "@std/assert";
import { LineWriter } from "../src/host/line_writer.ts";
import { openLog } from "../src/host/log.ts";

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
  log.write("critical", "failed", "cannot listen");
  log.write("warning", "cloud-error", "try again {0} %s ${x}");
  log.write("info", "start", "watching");
  await log.flush();
  assertEquals(lines, [
    "exoip [CRIT   ] failed: cannot listen",
    "exoip [WARNING] cloud-error: try again {0} %s ${x}",
    "exoip [INFO   ] start: watching",
  ]);
});

Deno.test("openLog() without syslog warns once, in front of its first line", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/file`, "");
  for (const syslogPath of [`${folder}/none`, `${folder}/file`, folder]) {
    const lines: string[] = [];
    const log = openLog({ stdout: false, syslogPath, writer: writerInto(lines) });
    assertEquals(log.kind, "stdout");
    await log.flush();
    assertEquals(lines, []);
    log.write("info", "start", "watching");
    log.write("critical", "failed", "cannot listen");
    await log.flush();
    assertEquals(lines, [
      `exoip [WARNING] log: no syslog at ${syslogPath}: logging to standard output`,
      "exoip [INFO   ] start: watching",
      "exoip [CRIT   ] failed: cannot listen",
    ]);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("openLog() writes and flushes although standard output is closed or stalls", async () => {
  const closed = new LineWriter({ write: () => Promise.reject(new Deno.errors.BrokenPipe()) });
  const stalling = new LineWriter({ write: () => new Promise(() => {}) });
  for (const writer of [closed, stalling]) {
    const log = openLog({ stdout: true, writer });
    for (let number = 0; number < 5_000; number++) log.write("info", "event", `${number}`);
    await log.flush();
  }
});
