// --status: the question as it leaves, and what becomes of the answer.
import { assertEquals, assertMatch } from "@std/assert";
import { readValues } from "../src/cli.ts";
import { systemClock } from "../src/host/clock.ts";
import { openLink } from "../src/host/link.ts";
import { askStatus } from "../src/status.ts";

/** Asks with those arguments. */
async function ask(argv: string[]) {
  const out: string[] = [], err: string[] = [];
  const code = await askStatus(readValues(["--status", ...argv], {}), {
    clock: systemClock,
    openLink,
    print: (stream, line) => void (stream === "out" ? out : err).push(line),
  });
  return { code, out, err };
}

Deno.test("askStatus() prints the answer of the watchdog, even if the first question gets lost", async () => {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  const asked: string[] = [];
  const answering = (async () => {
    while (asked.length < 2) {
      const [bytes, from] = await socket.receive();
      asked.push(new TextDecoder().decode(bytes));
      if (asked.length < 2) continue;
      await socket.send(new TextEncoder().encode("role master (alone)\npriority 10\n"), from);
    }
    socket.close();
  })();
  const { code, out, err } = await ask(["-l", `127.0.0.1:${port}`]);
  assertEquals([code, out, err], [0, ["role master (alone)\npriority 10"], []]);
  await answering;
  assertEquals(asked, ["info", "info"]);
});

Deno.test("askStatus() believes only the watchdog, and prints no escapes", async () => {
  const listen = () => Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const socket = listen(), other = listen();
  const { port } = socket.addr as Deno.NetAddr;
  const answering = (async () => {
    const [, from] = await socket.receive();
    await other.send(new TextEncoder().encode("role forged\n"), from);
    await socket.send(new TextEncoder().encode("role \x1b[31mmaster\nnext\r\n"), from);
  })();
  const { out } = await ask(["-l", `127.0.0.1:${port}`]);
  await answering;
  assertEquals(out, ["role  [31mmaster\nnext"]);
  socket.close();
  other.close();
});

Deno.test("askStatus() ends with 1 when nobody answers, or it cannot know whom to ask", async () => {
  const silent = await ask(["-l", "127.0.0.1:9"]);
  assertEquals([silent.code, silent.err], [1, ["exoip: no watchdog answers at 127.0.0.1:9"]]);
  const wrong = await ask(["-l", "here"]);
  assertEquals([wrong.code, wrong.err.length], [1, 1]);
  assertMatch(wrong.err[0] ?? "", /^exoip: -l \(IF_BIND_TO\): "here" is not ADDRESS:PORT/);
});
