// Where a watchdog listens.
import { assertEquals } from "@std/assert";
import { someSpeak } from "../../src/core/node/state.ts";
import { localAddressOf } from "../../src/status/info_client.ts";
import { questionsOnly } from "../../src/watch/open_socket.ts";

Deno.test("a node without heartbeats listens on loopback, where --status asks, or where -l says", () => {
  for (const hostname of ["0.0.0.0", "::", "127.0.0.2", "::1"]) {
    const place = questionsOnly({ hostname, port: 12_345 });
    assertEquals(place, { hostname: localAddressOf(hostname), port: 12_345 });
  }
  assertEquals(questionsOnly({ hostname: "0.0.0.0", port: 1 }).hostname, "127.0.0.1");
  assertEquals(questionsOnly({ hostname: "::", port: 1 }).hostname, "127.0.0.1");
});

Deno.test("nodes speak unless all of them have a lease without heartbeats", () => {
  const lease = (heartbeats: boolean) => ({ ttlMs: 10_000, failsafe: true, heartbeats });
  assertEquals(someSpeak([{}]), true);
  assertEquals(someSpeak([{ lease: null }]), true);
  assertEquals(someSpeak([{ lease: lease(true) }]), true);
  assertEquals(someSpeak([{ lease: lease(false) }]), false);
  assertEquals(someSpeak([{ lease: lease(false) }, {}]), true);
});
