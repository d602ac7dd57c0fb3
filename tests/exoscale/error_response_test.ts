// The cloud's own words in our messages: all forms that its products use, bounded, on one line, without secrets.
import { assert, assertEquals } from "@std/assert";
import { STARTUP_REFUSAL_MS, StartupPolicy } from "../../src/exoscale/startup_policy.ts";
import { declined } from "../../src/exoscale/cloud_error.ts";
import { explanationOf, refusal, retryAfterMs } from "../../src/exoscale/error_response.ts";

/** What a page may echo. */
const KEY = "EXO0123456789abcdef0123456789";

const FORMS: readonly [form: string, body: unknown, text: string][] = [
  ["a message", { message: "Not found" }, "Not found"],
  [
    "errors with messages",
    { message: "Bad request", errors: [{ message: "instance is starting" }] },
    "Bad request: instance is starting",
  ],
  [
    "RFC 9457",
    { title: "Unprocessable", status: 422, detail: "no such instance", errors: [] },
    "Unprocessable: no such instance",
  ],
  [
    "RFC 9457 with texts",
    { title: "Bad Request", detail: "invalid body", errors: ["id is missing", "id is short"] },
    "Bad Request: invalid body: id is missing; id is short",
  ],
  [
    "RFC 9457 with places",
    { title: "Bad Request", errors: [{ detail: "no UUID", location: "body.instance.id" }] },
    "Bad Request: no UUID (body.instance.id)",
  ],
  ["a detail that says the same", { message: "busy", errors: [{ message: "busy" }] }, "busy"],
  ["CloudStack", { errortext: "refused" }, "refused"],
  [
    "strange members",
    { message: 7, errors: [null, 3, { message: [] }, ""], detail: {} },
    "and 1 more",
  ],
  ["no object", ["x"], ""],
];

for (const [form, body, text] of FORMS) {
  Deno.test(`explanationOf() reads ${form}`, () => assertEquals(explanationOf(body), text));
}

Deno.test("details are bounded, on one line, and without what signs a request", () => {
  const errors = Array.from({ length: 5_000 }, (_, index) => ({
    detail: `${index} apikey=${KEY}&signature=abc\n\u001b[2J ${"x".repeat(9_000)}`,
    location: "y".repeat(9_000),
  }));
  const text = explanationOf({ title: "z".repeat(9_000), detail: KEY, errors });
  assert(text.length < 1_700, `${text.length}`);
  assert(
    !text.includes(KEY) && !text.includes("abc") && !text.includes("\n") &&
      !text.includes("\u001b"),
    text,
  );
  assert(text.endsWith("; and 4997 more"), text);
});

Deno.test("explanationOf() finds the cloud's own words in every form it uses", () => {
  const table: [unknown, string][] = [
    [{ message: "Invalid request signature" }, "Invalid request signature"],
    [{ message: "no", errors: [{ message: "because" }] }, "no: because"],
    [{ error: "slow down" }, "slow down"],
    [{ type: "about:blank", title: "Conflict", detail: "in use" }, "Conflict: in use"],
    [{ title: "Conflict", status: 409 }, "Conflict"],
    [{ errorcode: 401, errortext: "two\n  lines" }, "two lines"],
    [{ message: 17 }, ""],
    [null, ""],
    ["text", ""],
    [{ message: "x".repeat(5_000) }, "x".repeat(199) + "…"],
    [{ message: "forged\x1b[31m\u202eline" }, "forged [31m line"],
    [{ message: `${"x".repeat(7_990)} ${KEY}` }, "x".repeat(199) + "…"],
    [
      { message: `${"https://x.test/?a ".repeat(440)}${" ".repeat(70)}${KEY}${KEY}` },
      "[address] ".repeat(20).slice(0, 199) + "…",
    ],
  ];
  for (const [content, words] of table) assertEquals(explanationOf(content), words);
});

const STATUSES: readonly [status: number, kind: string, retryable: boolean][] = [
  [400, "refused", false],
  [402, "refused", false],
  [408, "timeout", true],
  [409, "conflict", true],
  [412, "conflict", true],
  [422, "refused", false],
  [423, "conflict", true],
  [425, "conflict", true],
  [503, "server-error", true],
];

for (const [status, kind, retryable] of STATUSES) {
  Deno.test(`HTTP ${status} is ${kind}`, () => {
    const error = refusal({ status, headers: new Headers(), json: {} }, "GET /x", 0);
    assertEquals([error.kind, error.retryable, error.mayArrive], [kind, retryable, false]);
    assertEquals(
      declined(error),
      status !== 408 && status < 500,
      "who answers may still have begun",
    );
    // A starting watchdog waits when the error is temporary.
    const patience = new StartupPolicy();
    patience.endsWith(error, 0);
    assertEquals(patience.endsWith(error, STARTUP_REFUSAL_MS), !retryable);
  });
}

Deno.test("retryAfterMs() reads seconds and dates, and nothing else", () => {
  const wallMs = Date.parse("2030-01-01T00:00:00Z");
  const table: [string | null, number | null][] = [
    [null, null],
    ["2", 2_000],
    [" 120 ", 120_000],
    ["Tue, 01 Jan 2030 00:00:30 GMT", 30_000],
    ["Mon, 31 Dec 2029 23:59:30 GMT", 0],
    ["soon", null],
  ];
  for (const [value, expected] of table) {
    const headers = new Headers(value === null ? {} : { "retry-after": value });
    assertEquals(retryAfterMs(headers, wallMs), expected, `${value}`);
  }
});
