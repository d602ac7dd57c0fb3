// External text in our own lines.
import { assert, assertEquals } from "@std/assert";
import fc from "../support/fast_check.ts";
import { LINE_MAX_CHARS, plain } from "../../src/core/plain.ts";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import { LineWriter } from "../../src/host/line_writer.ts";
import { openLog } from "../../src/host/log.ts";
import { hostileText } from "../support/fuzz/texts.ts";

Deno.test("plain() keeps words and takes what begins lines, steers terminals or hides", () => {
  const table: [string, string][] = [
    ["a clean line: ü 漢 🙂 {}", "a clean line: ü 漢 🙂 {}"],
    ["", ""],
    ["two\nlines", "two lines"],
    ["one\r\n\r\nCRIT forged", "one CRIT forged"],
    ["red \x1b[31malert\x1b[0m", "red  [31malert [0m"],
    ["bell\x07 nul\0 del\x7f c1\x9b", "bell  nul  del  c1 "],
    ["separators\u2028and\u2029", "separators and "],
    ["right\u202eto left\u2066", "right to left "],
    ["half\ud800 and half\udc00", "half  and half "],
  ];
  for (const [text, expected] of table) assertEquals(plain(text, 100), expected);
});

Deno.test("plain() cuts what is too long, and says so", () => {
  assertEquals(plain("x".repeat(10), 10), "x".repeat(10));
  assertEquals(plain("x".repeat(11), 10), "x".repeat(9) + "…");
  assertEquals(plain("1234567🙂90", 9), "1234567 …");
});

Deno.test("plain() of any text is short, on one line, and plain already", () => {
  fc.assert(fc.property(hostileText, fc.integer({ min: 2, max: 50 }), (text, maxChars) => {
    const clean = plain(text, maxChars);
    assert(clean.length <= maxChars);
    assert(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(clean), JSON.stringify(clean));
    assertEquals(plain(clean, maxChars), clean);
  }));
});

Deno.test("CloudError says what it says on one line of bounded length", () => {
  const { message } = new CloudError("refused", `no\n${"x".repeat(100_000)}`);
  assert(message.startsWith("no x") && message.endsWith("x… [refused]"), message.slice(0, 50));
  assertEquals(message.length, 2_000 + " [refused]".length);
});

Deno.test("openLog() writes one bounded line, whatever it is told", async () => {
  let text = "";
  const writer = new LineWriter({
    write(bytes) {
      text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
  });
  const log = openLog({ stdout: true, writer });
  log.write("warning", "peer-dead", "peer x\nexoip [CRIT   ] forged: \x1b[2J");
  log.write("info", "peer-alive", "y".repeat(LINE_MAX_CHARS * 2));
  await log.flush();
  const [first, second, ...rest] = text.split("\n");
  assertEquals(first, "exoip [WARNING] peer-dead: peer x exoip [CRIT   ] forged:  [2J");
  assertEquals([second?.length, rest], [LINE_MAX_CHARS + "exoip [INFO   ] ".length, [""]]);
});
