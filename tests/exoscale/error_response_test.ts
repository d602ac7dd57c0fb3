// The cloud's own words in our messages: all forms that its products use, bounded, on one line, without secrets.
import { assert, assertEquals } from "@std/assert";
import { STARTUP_PATIENCE_MS, StartupPolicy } from "../../src/exoscale/startup_policy.ts";
import { explanationOf, refusal } from "../../src/exoscale/error_response.ts";

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
  const key = "EXO0123456789abcdef0123456789";
  const errors = Array.from({ length: 5_000 }, (_, index) => ({
    detail: `${index} apikey=${key}&signature=abc\n\u001b[2J ${"x".repeat(9_000)}`,
    location: "y".repeat(9_000),
  }));
  const text = explanationOf({ title: "z".repeat(9_000), detail: key, errors });
  assert(text.length < 1_700, `${text.length}`);
  assert(
    !text.includes(key) && !text.includes("abc") && !text.includes("\n") &&
      !text.includes("\u001b"),
    text,
  );
  assert(text.endsWith("; and 4997 more"), text);
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
    // A starting watchdog waits when the error is temporary.
    const patience = new StartupPolicy();
    patience.endsWith(error, 0);
    assertEquals(patience.endsWith(error, STARTUP_PATIENCE_MS), !retryable);
  });
}
