// The words about a node that was asked to stand aside.
import { assertEquals } from "@std/assert";
import { asideText } from "../../../src/core/election/aside.ts";

Deno.test("asideText() says who asked and why, and whether the node is also unhealthy", () => {
  const aside = { kind: "drained", by: "root", why: "kernel update", wallMs: 0 } as const;
  const rows = [
    [{ aside: null, healthy: false, unhealthyReason: "x" }, ""],
    [{ aside, healthy: true, unhealthyReason: "" }, "by root: kernel update"],
    [{ aside: { ...aside, why: "" }, healthy: true, unhealthyReason: "" }, "by root"],
    [{ aside, healthy: false, unhealthyReason: "" }, "by root: kernel update; unhealthy, too"],
    [
      { aside, healthy: false, unhealthyReason: "web is down" },
      "by root: kernel update; unhealthy, too: web is down",
    ],
  ] as const;
  for (const [fitness, text] of rows) assertEquals(asideText(fitness), text);
});
