// What is hidden, and what stays readable.
import { assertEquals } from "@std/assert";
import { Redaction, redactor } from "../../src/log/redaction.ts";
import { passwordsIn } from "../../src/log/password.ts";
import { redactedLog } from "../../src/startup/secrets.ts";

const SECRET = "aGVsbG8/+c2VjcmV0", OTHER = 'with "quotes" and a very long end';

Deno.test("redactor() hides a secret wherever it stands, in every form, whole or cut off", () => {
  const redact = redactor([SECRET, OTHER]);
  const rows = [
    ["nothing to hide", "nothing to hide"],
    [`a ${SECRET} b ${SECRET}`, "a [secret] b [secret]"],
    [encodeURIComponent(SECRET), "[secret]"],
    [`Basic ${btoa(SECRET)}`, "Basic [secret]"],
    [new TextEncoder().encode(SECRET).toHex(), "[secret]"],
    [JSON.stringify({ OTHER }), '{"OTHER":"[secret]"}'],
    [`broken off: ${SECRET.slice(0, 9)}`, "broken off: [secret]"],
    [`broken off: ${SECRET.slice(0, 7)}`, `broken off: ${SECRET.slice(0, 7)}`],
    [`${SECRET}${OTHER}`, "[secret][secret]"],
  ] as const;
  for (const [text, shown] of rows) {
    assertEquals(redact(text).replace("[secret]=", "[secret]"), shown);
  }
});

Deno.test("redactor() hides the end of a secret that begins within another", () => {
  const redact = redactor(["0123456789abcdef", "89abcdefghijklmn"]);
  assertEquals(redact("<0123456789abcdefghijklmn>"), "<[secret]>");
  assertEquals(redactor(["abcabcabcabcxy", "bcabcabcabcz"])("abcabcabcabcz"), "[secret]");
});

Deno.test("redactor() leaves words alone that are too short to be secrets", () => {
  assertEquals(redactor(["", "a", "the"])("the same as before"), "the same as before");
});

Deno.test("a secret that a reload brings is hidden from then on, and the old one stays so", () => {
  const redaction = new Redaction([SECRET]);
  redaction.add(["another-secret"]);
  assertEquals(redaction.hide(`${SECRET} another-secret`), "[secret] [secret]");
});

Deno.test("redactedLog() hides in the text, and leaves the rest of a line as it is", () => {
  const lines: unknown[][] = [];
  const log = redactedLog({
    kind: "stdout",
    needsRight: false,
    format: "text",
    setLevel() {},
    flush: () => Promise.resolve(),
    write: (...line) => void lines.push(line),
  }, new Redaction([SECRET]));
  log.write("info", "role", `says ${SECRET}`, "198.51.100.60");
  log.write("info", "role", "says nothing");
  assertEquals(lines, [
    ["info", "role", "says [secret]", "198.51.100.60"],
    ["info", "role", "says nothing"],
  ]);
});

Deno.test("passwordsIn() finds what a command or a URL would not want to be repeated", () => {
  const rows: ReadonlyArray<readonly [string[], string[]]> = [
    [["curl", "-u", "me:hunter2", "-f"], ["me:hunter2", "hunter2"]],
    [["check", "--password", "hunter2"], ["hunter2"]],
    [["check", "--api-token=hunter2", "PGPASSWORD=hunter3"], ["hunter2", "hunter3"]],
    [["https://me:hunter%32@web.test/?token=abcd"], ["hunter%32", "hunter2", "abcd"]],
    [["check", "--port", "80", "/etc/motd", "http://web.test/?a=1"], []],
  ];
  for (const [words, passwords] of rows) assertEquals(passwordsIn(words), passwords, words.join());
});

Deno.test("Redaction hides what stands before an @ in a URL, whoever wrote it", () => {
  const hide = (text: string) => new Redaction([]).hide(text);
  assertEquals(hide("see http://me:pw@web.test/a and x"), "see http://...@web.test/a and x");
  assertEquals(hide("http://web.test/@a, ops@example.com"), "http://web.test/@a, ops@example.com");
  assertEquals(hide("me:pw@web.test"), "me:...@web.test");
});
