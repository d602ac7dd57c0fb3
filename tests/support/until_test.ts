// What a wait that fails tells.
import { assertRejects } from "@std/assert";
import { ExoipProcess } from "./process.ts";
import { until } from "./until.ts";

Deno.test("until() says what was waited for, and what the latest processes printed", async () => {
  const process = new ExoipProcess(["--version"]);
  await process.ended();
  const { message } = await assertRejects(
    () => until(() => false, { title: "a miracle", withinMs: 1 }),
    Error,
    "not within 1 ms: a miracle",
  );
  if (!message.includes(`process ${process.pid}, ended with 0\nexoip `)) throw new Error(message);
});
