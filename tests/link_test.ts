// The real socket, but for a runtime that takes its time.
import { assertEquals } from "@std/assert";
import { openLink } from "../src/host/link.ts";

Deno.test("openLink() sends to each address in order, and waits for no other", async () => {
  const { listenDatagram } = Deno;
  const begun: string[] = [], done: string[] = [];
  const pending: (() => void)[] = [];
  const socket = {
    send(bytes: Uint8Array, { hostname }: Deno.NetAddr) {
      const name = `${hostname} ${bytes[0]}`;
      begun.push(name);
      return new Promise<void>((resolve) =>
        pending.push(() => {
          done.push(name);
          resolve();
        })
      );
    },
    close: () => done.push("closed"),
  };
  Object.assign(Deno, { listenDatagram: () => socket });
  try {
    const link = openLink("127.0.0.1", 1);
    for (const number of [1, 2, 3]) {
      for (const to of ["10.0.0.1", "10.0.0.2"]) link.send(Uint8Array.of(number), to, 9);
    }
    assertEquals(begun, ["10.0.0.1 1", "10.0.0.2 1"], "the first to each leaves at once");
    const closed = link.close();
    // The runtime is done with the newest first, as it may be.
    for (let turns = 0; turns < 100 && done.length < 6; turns++) {
      pending.pop()?.();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await closed;
    const to = (address: string) => done.filter((name) => name.startsWith(address));
    assertEquals(to("10.0.0.1"), ["10.0.0.1 1", "10.0.0.1 2", "10.0.0.1 3"]);
    assertEquals(to("10.0.0.2"), ["10.0.0.2 1", "10.0.0.2 2", "10.0.0.2 3"]);
    assertEquals(done.at(-1), "closed", "the last word gets out");
  } finally {
    Object.assign(Deno, { listenDatagram });
  }
});
