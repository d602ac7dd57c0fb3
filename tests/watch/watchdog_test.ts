// The loop itself, with a real clock and a real cloud client, and a socket that only counts.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { decode, encode } from "../../src/core/heartbeat.ts";
import { serviceManager } from "../../src/host/systemd_notify.ts";
import { systemClock } from "../../src/host/clock.ts";
import type { Clock } from "../../src/world.ts";
import { Fragments } from "../../src/status/fragments.ts";
import { until } from "../support/until.ts";
import { start } from "../support/served_watchdog.ts";

Deno.test("Watchdog.run() sends heartbeats while the cloud hangs", async () => {
  const { server, socket, ended, tell } = start();
  server.fault = ({ method }) => method === "PUT" ? "hang" : null;
  const hanging = () => server.calls.some(({ method }) => method === "PUT");
  await until(hanging, { title: "the attach hangs" });
  const before = socket.sent.length;
  await until(() => socket.sent.length >= before + 100, { title: "a hundred heartbeats more" });
  assertEquals(server.model.history.length, 0);
  server.fault = () => null;
  tell("stop");
  tell("stop");
  tell("stop");
  assertEquals(await ended, 1);
  await server.close();
});

Deno.test("the exit line is the last one, whatever still ends beside the watchdog", async () => {
  const { server, lines, ended, tell } = start({}, systemClock, null, async (log) => {
    await systemClock.sleep(20);
    log.write("warning", "notify", "given up at the end");
  });
  server.fault = () => "html";
  // Repetitions are counted, and the count is logged at the end.
  const failed = () => server.calls.length >= 6;
  await until(failed, { title: "the cloud has failed several times" });
  tell("stop");
  assertEquals(await ended, 1);
  assertMatch(lines.join("\n"), /cloud-error: .* more within/);
  assertEquals(lines.filter((line) => / exit: /.test(line)), lines.slice(-1));
  assertEquals(
    lines.at(-1),
    "info exit: exit code 1; this node did not attach 198.51.100.50, and the cloud never said " +
      "who has it",
  );
  await server.close();
});

Deno.test("Watchdog.run() attaches, says so in its heartbeats, and detaches when told to stop", async () => {
  const { server, address, self, socket, ended, tell, lines } = start();
  await until(() => address.holders.has(self.id), { title: "attached" });
  const holds = (bytes: Uint8Array) => {
    const heartbeat = decode(bytes);
    return !("refused" in heartbeat) && heartbeat.trailer?.holds === true;
  };
  await until(() => holds(socket.sent.at(-1)!.bytes), { title: "a heartbeat that says so" });
  tell("stop");
  assertEquals(await ended, 0);
  assertEquals(address.holders.size, 0);
  const last = decode(socket.sent.at(-1)!.bytes);
  assert(!("refused" in last) && last.priority === 255 && last.trailer?.leaving);
  assert(lines.some((line) => line.startsWith("info role: master (alone)")), lines.join("\n"));
  await server.close();
});

Deno.test("Watchdog.run() answers info from this machine only", async () => {
  const { server, socket, lines, ended, tell } = start();
  socket.hear("info\n", "127.0.0.1");
  socket.hear("info", "203.0.113.9");
  await until(() => lines.some((line) => line.includes("remote-info")), { title: "refusal" });
  const answers = socket.sent.filter(({ port }) => port === 4_242);
  assertEquals(answers.map(({ to }) => to), ["127.0.0.1"]);
  const text = new TextDecoder().decode(answers[0]?.bytes);
  assert(text.includes("\n198.51.100.50\n") && text.includes("\n  127.0.0.2 "), text);
  tell("stop");
  await ended;
  await server.close();
});

Deno.test("Watchdog.run() logs what it refuses once per source and reason", async () => {
  const { server, socket, lines, ended, tell } = start();
  for (let count = 0; count < 50; count++) socket.hear("rubbish of no known length", "127.0.0.2");
  socket.hear(new Uint8Array(24), "127.0.0.2");
  await until(() => lines.some((line) => line.includes("version")), { title: "both refused" });
  const refused = lines.filter((line) => line.includes("refused"));
  assertEquals(refused, [
    "warning refused: datagram from 127.0.0.2: length",
    "warning refused: datagram from 127.0.0.2: version",
  ]);
  tell("stop");
  await ended;
  await server.close();
});

Deno.test("Watchdog.run() changes its priority by signals within 1 to 255", async () => {
  const { server, socket, ended, tell } = start({ priority: 2 });
  const said = () => {
    const heartbeat = decode(socket.sent.at(-1)?.bytes ?? new Uint8Array());
    return "refused" in heartbeat ? null : heartbeat.priority;
  };
  tell("better");
  await until(() => said() === 1, { title: "priority 1" });
  tell("better");
  tell("worse");
  await until(() => said() === 2, { title: "priority 2" });
  tell("stop");
  await ended;
  await server.close();
});

/** A service manager that records its messages, with their times. */
function listening(keepAliveMs: number, clock: Clock = systemClock) {
  const told: { text: string; atMs: number }[] = [];
  const say = (message: string) =>
    void told.push(...message.split("\n").map((text) => ({ text, atMs: clock.nowMs() })));
  return {
    manager: serviceManager(say, { keepAliveMs }),
    told,
    texts: () => told.map(({ text }) => text),
  };
}

Deno.test("Watchdog.run() tells the service manager when its first election is over, and what changes", async () => {
  const { manager, told, texts } = listening(Infinity);
  const beganAtMs = systemClock.nowMs();
  const { server, ended, tell } = start({ deadRatio: 10 }, systemClock, manager);
  const isMaster = "STATUS=master (alone), 198.51.100.50 is attached";
  await until(() => texts().includes(isMaster), { title: "it has taken the address" });
  const [first, ...rest] = texts();
  // A busy machine may make it believe that it slept.
  const settling =
    /^STATUS=backup \((settling|stalled)\), 198.51.100.50 is not known to be attached$/;
  assertMatch(first ?? "", settling);
  const ready = rest.indexOf("READY=1");
  const before = rest.slice(0, ready);
  assert(before.every((text) => /settling|stalled/.test(text)), rest.join("\n"));
  assert(told[ready + 1]!.atMs >= beganAtMs + 10 * 20 + 100, "not before the hold-off is over");
  assertEquals(texts().filter((text) => text === "READY=1").length, 1);
  tell("stop");
  assertEquals(await ended, 0);
  const stopping = texts().indexOf("STOPPING=1");
  assertEquals(texts()[stopping + 1], "EXTEND_TIMEOUT_USEC=26000000");
  assert(!texts().slice(stopping).includes("READY=1") && !texts().includes("WATCHDOG=1"));
  await server.close();
});

Deno.test("Watchdog.run() shows life as often as it is asked to, however rare its heartbeats are", async () => {
  const { manager, told } = listening(25);
  const { server, ended, tell } = start({ intervalMs: 3_600_000 }, systemClock, manager);
  const signs = () => told.filter(({ text }) => text === "WATCHDOG=1");
  await until(() => signs().length >= 20, { title: "twenty signs of life" });
  // A late sign makes the next one seem early, so the test uses all of them.
  const [first, last, count] = [signs()[0]!.atMs, signs().at(-1)!.atMs, signs().length];
  assert(last - first >= 24 * (count - 2), `no more often than asked: ${count} in ${last - first}`);
  tell("stop");
  await ended;
  assert(!told.some(({ text }) => text === "READY=1"), "it was stopped within its hold-off");
  await server.close();
});

Deno.test(
  "a watchdog counts what it does, and shows how far it has come",
  async () => {
    const { watchdog, server, socket, peer, ended, tell } = start({ deadRatio: 10 });
    assertEquals(watchdog.snapshot().phase, "starting");
    socket.hear("rubbish", peer.address);
    const running = () => watchdog.snapshot().phase === "running";
    await until(running, { title: "the first election is over" });
    const holds = () => watchdog.snapshot().addresses[0]?.holding === true;
    await until(holds, { title: "it holds" });
    const { heartbeats, loop, addresses: [address], changes, instanceId } = watchdog.snapshot();
    assert(address);
    assertEquals(heartbeats.refused.map(({ word, count }) => [word, count]), [["length", 1]]);
    assertEquals(address.peers[0]?.refused?.word, "length");
    const heard = socket.sent.filter(({ port }) => port === 12_345).length;
    assert(heartbeats.sent > 10 && heartbeats.sent <= heard, `${heartbeats.sent} of ${heard}`);
    assertEquals([address.takeOvers, address.role, instanceId === null], [1, "master", false]);
    const attach = address.calls.find(({ verb }) => verb === "attach");
    assert(attach?.done === 1 && attach.doneAgeMs !== null && attach.tookMs !== null);
    assert(loop.lateAgeMs !== null && loop.listening && loop.worstLateMs >= loop.lateMs);
    assert(changes.some(({ event }) => event === "role") && changes.at(-1)?.event === "attached");
    const says = { priority: 20, elasticIp: address.elasticIp, id: peer.id, trailer: null };
    // On a busy machine a single one would be over before the test checks.
    const best = () => {
      socket.hear(encode(says), peer.address);
      return watchdog.snapshot().addresses[0]?.reason === "best";
    };
    await until(best, { title: "it is not alone any more" });
    assertEquals(watchdog.snapshot().addresses[0]?.takeOvers, 1, "another reason is no take-over");
    server.fault = () => "hang";
    tell("stop");
    assertEquals(watchdog.vitals().phase, "stopping");
    tell("stop");
    tell("stop");
    await ended;
    await server.close();
  },
);

Deno.test("a watchdog counts the calls that fail, by kind", async () => {
  const { watchdog, server, ended, tell } = start();
  server.fault = () => "html-502";
  const errors = () => watchdog.snapshot().addresses[0]?.calls ?? [];
  const failed = () => errors().find(({ verb }) => verb === "prepare")?.errors[0];
  await until(() => failed() !== undefined, { title: "one has failed" });
  assert(failed()?.word && failed()!.count >= 1 && failed()!.ageMs !== null);
  assertEquals(errors().find(({ verb }) => verb === "prepare")?.done, 0);
  tell("stop");
  await ended;
  await server.close();
});

Deno.test("a watchdog tells that its socket is not read any more", async () => {
  const { watchdog, server, socket, ended, tell } = start();
  assertEquals(watchdog.vitals().loop.listening, true);
  await socket.close();
  await until(() => !watchdog.vitals().loop.listening, { title: "it says so" });
  tell("stop");
  await ended;
  await server.close();
});

Deno.test("a watchdog answers so many questions a second, and counts the others", async () => {
  const { watchdog, server, socket, lines, ended, tell } = start();
  for (let number = 0; number < 200; number++) socket.hear(`info json ${number}`, "127.0.0.1");
  const refused = () =>
    watchdog.snapshot().heartbeats.refused.find(({ word }) => word === "info-flood")?.count ?? 0;
  const answers = () => socket.sent.filter(({ port }) => port === 4_242);
  await until(() => refused() + answers().length === 200, { title: "all are dealt with" });
  assert(answers().length >= 20 && answers().length < 100, `${answers().length} answers`);
  const text = new Fragments().add(answers()[0]!.bytes, 0);
  assertEquals(JSON.parse(text ?? "").addresses.length, 1);
  assertEquals(lines.filter((line) => /(?<!\w)\{/.test(line)), [], "an answer is no line");
  tell("stop");
  await ended;
  await server.close();
});

Deno.test("strangers use up no room that a line about the cloud needs, and answers fill no log", async () => {
  const { server, socket, lines, ended, tell } = start({ deadRatio: 10 });
  for (let each = 1; each <= 300; each++) socket.hear("rubbish", `10.9.${each >> 8}.${each & 255}`);
  for (let each = 1; each <= 10; each++) socket.hear("info", "127.0.0.1");
  const answered = () => socket.sent.filter(({ port }) => port === 4_242).length >= 10;
  await until(answered, { title: "all questions are answered" });
  const refused = lines.filter((line) => line.startsWith("warning refused"));
  assert(refused.length <= 65, `${refused.length} lines`);
  const shown = lines.filter((line) => line.includes("priority 10, interval"));
  assertEquals(shown, [], "an answer is no line");
  server.fault = () => "html";
  await until(() => lines.some((line) => line.startsWith("warning cloud-error")), {
    title: "what the cloud does is said all the same",
  });
  server.fault = () => null;
  tell("stop");
  await ended;
  await server.close();
});
