// The formats of a line: what a collector and the journal can rely on, whatever the text contains.
import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "../support/fast_check.ts";
import { closeSync, openSync } from "node:fs";
import { type Entry, FORMATTERS, type LogFormat } from "../../src/log/format.ts";
import { writesToJournal } from "../../src/host/journal.ts";
import { LineWriter } from "../../src/host/line_writer.ts";
import { openLog } from "../../src/host/log.ts";

const ENTRY: Entry = {
  severity: "warning",
  event: "peer-dead",
  text: "peer 192.0.2.2 is dead",
  elasticIp: null,
  at: new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 67)),
};

/** A log with that format, and its lines. */
function logTo(format: LogFormat, options: { level?: "info" | "warning" | "critical" } = {}) {
  let text = "";
  const sink = {
    write: (bytes: Uint8Array) => {
      text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
  };
  const log = openLog({ stdout: false, format, ...options, writer: new LineWriter(sink) });
  const lines = async () => {
    await log.flush();
    return text.split("\n").slice(0, -1);
  };
  return { log, lines };
}

Deno.test("json is one object with time, level, event and message, and the address among several", () => {
  assertEquals(
    FORMATTERS.json(ENTRY),
    '{"time":"2026-01-02T03:04:05.067Z","level":"warning","event":"peer-dead",' +
      '"message":"peer 192.0.2.2 is dead"}',
  );
  const about = JSON.parse(FORMATTERS.json({ ...ENTRY, elasticIp: "198.51.100.50" }));
  assertEquals([about.address, about.message], ["198.51.100.50", ENTRY.text]);
});

Deno.test("journald has sd-daemon's priority in front, text the original's tag", () => {
  const rows = [["critical", 2, "CRIT   "], ["warning", 4, "WARNING"], [
    "info",
    6,
    "INFO   ",
  ]] as const;
  for (const [severity, number, tag] of rows) {
    const entry = { ...ENTRY, severity, elasticIp: "198.51.100.50" };
    const said = "peer-dead: 198.51.100.50: peer 192.0.2.2 is dead";
    assertEquals(FORMATTERS.journald(entry), `<${number}>${said}`);
    assertEquals(FORMATTERS.text(entry), `exoip [${tag}] ${said}`);
  }
});

Deno.test("every format is one line, and JSON valid, whatever the text contains", () => {
  const any = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }));
  fc.assert(fc.property(any, (text) => {
    for (const format of ["text", "json", "journald"] as const) {
      const line = FORMATTERS[format]({ ...ENTRY, text });
      assert(!/[\n\r\u2028\u2029]/.test(line), line);
    }
    const { level, event, message } = JSON.parse(FORMATTERS.json({ ...ENTRY, text }));
    assertEquals([level, event, typeof message], ["warning", "peer-dead", "string"]);
  }));
  const quoted = 'a "quoted" \\ path\n<0>forged: {"level":"info"}';
  assertEquals(
    JSON.parse(FORMATTERS.json({ ...ENTRY, text: quoted })).message,
    'a "quoted" \\ path <0>forged: {"level":"info"}',
  );
});

Deno.test("openLog() with json or journald writes to standard output and looks for no syslog", async () => {
  for (const [format, start] of [["json", /^\{"time":/], ["journald", /^<6>start: /]] as const) {
    const { log, lines } = logTo(format);
    log.write("info", "start", "watching");
    const [first, ...others] = await lines();
    assertMatch(first ?? "", start);
    assertEquals([log.kind, log.format, others], ["stdout", format, []]);
  }
});

Deno.test("openLog() leaves out lines below its level, which can change", async () => {
  const { log, lines } = logTo("journald", { level: "warning" });
  const all = () => {
    for (const severity of ["info", "warning", "critical"] as const) {
      log.write(severity, "listen", "text");
    }
  };
  all();
  log.setLevel("critical");
  all();
  log.setLevel("info");
  all();
  const starts = (await lines()).map((line) => line.slice(0, 3));
  assertEquals(starts, ["<4>", "<2>", "<2>", "<6>", "<4>", "<2>"]);
});

Deno.test("openLog() tells of lost lines in its own format", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  let text = "";
  const write = Deno.stdout.write;
  Deno.stdout.write = async (bytes) => {
    await gate;
    text += new TextDecoder().decode(bytes);
    return bytes.length;
  };
  try {
    const log = openLog({ stdout: true, format: "json" });
    for (let number = 0; number < 1_500; number++) log.write("info", "listen", `${number}`);
    open();
    await log.flush();
  } finally {
    Deno.stdout.write = write;
  }
  const last = text.trimEnd().split("\n").map((line) => JSON.parse(line)).at(-1);
  assertMatch(
    `${last.level} ${last.event}: ${last.message}`,
    /^warning log: \d+ log lines dropped$/,
  );
});

Deno.test("the journal is chosen only for the process that systemd started with it as standard output", async () => {
  const file = await Deno.makeTempFile();
  const fd = openSync(file, "r");
  const { dev, ino } = await Deno.stat(file);
  const stream = `${dev}:${ino}`;
  const ours = { pid: 42, fd };
  assertEquals([
    writesToJournal({ JOURNAL_STREAM: stream, SYSTEMD_EXEC_PID: "42" }, ours),
    writesToJournal({ JOURNAL_STREAM: stream, SYSTEMD_EXEC_PID: "41" }, ours),
    writesToJournal({ JOURNAL_STREAM: stream }, ours),
    writesToJournal({ JOURNAL_STREAM: `${dev}:${(ino ?? 0) + 1}`, SYSTEMD_EXEC_PID: "42" }, ours),
    writesToJournal({ JOURNAL_STREAM: "", SYSTEMD_EXEC_PID: "42" }, ours),
    writesToJournal({ JOURNAL_STREAM: stream, SYSTEMD_EXEC_PID: "42" }, { pid: 42, fd: 999 }),
  ], [true, false, false, false, false, false]);
  closeSync(fd);
  await Deno.remove(file);
});
