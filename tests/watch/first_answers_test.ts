// A watchdog waits for its cloud at the start, and believes a refusal only once it has lasted.
import { assert, assertEquals } from "@std/assert";
import { hurriedClock } from "../support/cloud/cloud_fixture.ts";
import type { Fault } from "../support/cloud/server.ts";
import { start } from "../support/served_watchdog.ts";
import { until } from "../support/until.ts";

Deno.test("Watchdog.run() waits for the cloud at its start, and stops where waiting cannot help", async () => {
  const { server, address, self, lines, ended, tell } = start();
  server.fault = () => "html-502";
  const waits = () => lines.some((line) => line.includes("waiting for the cloud"));
  await until(waits, { title: "a line that says so" });
  server.fault = () => null;
  await until(() => address.holders.has(self.id), { title: "attached" });
  tell("stop");
  assertEquals(await ended, 0);
  await server.close();

  const refused = start();
  refused.address.managed = true;
  assertEquals(await refused.ended, 1);
  assert(refused.lines.some((line) => line.startsWith("critical") && line.includes("managed")));
  await refused.server.close();
});

Deno.test("Watchdog.run() believes a refusal at its start only once it has lasted", async () => {
  const faults: Fault[] = ["401", "403", "404"];
  await Promise.all(faults.map(async (fault) => {
    const clock = hurriedClock(8);
    const { server, address, self, lines, ended, tell } = start({ intervalMs: 1_000 }, clock);
    const beganMs = clock.nowMs();
    server.fault = () => clock.nowMs() < beganMs + 20_000 ? fault : null;
    await until(() => address.holders.has(self.id), { title: `${fault} has passed` });
    assert(lines.some((line) => line.includes("waiting for the cloud")), lines.join("\n"));
    tell("stop");
    assertEquals(await ended, 0);
    await server.close();

    const lasting = start({ intervalMs: 1_000 }, clock);
    lasting.server.fault = () => fault;
    assertEquals(await lasting.ended, 1);
    assert(lasting.lines.some((line) => line.startsWith("critical cloud-refused")));
    await lasting.server.close();
  }));
});
