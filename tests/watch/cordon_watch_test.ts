// A cordon drains and an uncordon ends that; silence changes nothing and is logged once.
import { assertEquals } from "@std/assert";
import { CordonWatch } from "../../src/watch/cordon_watch.ts";
import { until } from "../support/until.ts";

Deno.test("CordonWatch tells each change, and one line about an API server that is silent", async () => {
  const answers: (boolean | string)[] = [
    false,
    true,
    true,
    "refused",
    "refused",
    true,
    "refused",
    false,
  ];
  const told: string[] = [], lines: string[] = [];
  let asked = 0;
  const clock = {
    nowMs: () => 0,
    wallMs: () => 5_000,
    sleep: (_: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        if (asked < answers.length) setTimeout(resolve, 0);
        else signal?.addEventListener("abort", () => resolve());
      }),
  };
  const watch = new CordonWatch({
    node: "pool-1",
    clock,
    log: { write: (severity, _, text) => void lines.push(`${severity} ${text}`) },
    ask: () => {
      const answer = answers[asked++] ?? false;
      return typeof answer === "string"
        ? Promise.reject(new Error(answer))
        : Promise.resolve(answer);
    },
    tell: (cordon) => void told.push(cordon ? `${cordon.by}: ${cordon.why}` : "over"),
  });
  await until(() => told.length === 2, { title: "both changes are told" });
  await watch.close();
  assertEquals(told, ["cordon: Kubernetes node pool-1 is cordoned", "over"]);
  const silent = "warning the API server does not tell whether node pool-1 is cordoned: refused; " +
    "this node stays drained";
  const again = "info the API server tells about node pool-1 again";
  assertEquals(lines, [silent, again, silent, again]);
});
