// --status: the question, and the handling of the answer, once and every second.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { readValues } from "../../src/options/parse.ts";
import type { Level, Snapshot } from "../../src/status/snapshot.ts";
import { systemClock } from "../../src/host/clock.ts";
import { openSocket } from "../../src/host/udp_socket.ts";
import { requestedNumber, split } from "../../src/status/fragments.ts";
import { askStatus } from "../../src/commands/status.ts";
import type { SignalName } from "../../src/world.ts";
import { until } from "../support/until.ts";
import { NodeFixture } from "../support/node_fixture.ts";

/** A watchdog that only answers; its answer may change, null is silence. */
class Answerer {
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly asked: string[] = [];
  readonly #answer: (asked: number) => Snapshot | null;
  readonly #running: Promise<void>;

  constructor(answer: (asked: number) => Snapshot | null) {
    this.#answer = answer;
    this.#running = this.#run();
  }

  get port(): number {
    return (this.#socket.addr as Deno.NetAddr).port;
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    for await (const [bytes, from] of this.#socket) {
      const text = new TextDecoder().decode(bytes);
      this.asked.push(text);
      const snapshot = this.#answer(this.asked.length);
      if (!snapshot) continue;
      for (const part of split(snapshot, requestedNumber(text) ?? -1)) {
        await this.#socket.send(part, from);
      }
    }
  }
}

/** A run of `--status` with those arguments; `stop` is Ctrl+C. */
function ask(argv: string[], terminal = false) {
  const out: string[] = [], err: string[] = [];
  let stop: (signal: SignalName) => void = () => {};
  const ended = askStatus(readValues(["--status", ...argv], {}), {
    clock: systemClock,
    signals: {
      listen: (listener) => {
        stop = listener;
        return () => {};
      },
    },
    terminal,
    openSocket,
    print: (stream, line) => void (stream === "out" ? out : err).push(line),
  });
  return { ended, out, err, stop: () => stop("stop") };
}

/** With the terminal's control codes in a readable form. */
function plain(text = ""): string {
  return text.replaceAll("\x1b[", "<").replaceAll(/<([HKJ])/g, "<$1>");
}

/** A node's snapshot. */
function snapshotOf(atMs = 10_000): Snapshot {
  const played = new NodeFixture();
  played.until(atMs);
  return played.snapshot();
}

Deno.test("askStatus() prints the answer of the watchdog, even if the first question gets lost", async () => {
  const watchdog = new Answerer((asked) => asked < 2 ? null : snapshotOf());
  const { ended, out, err } = ask(["-l", `127.0.0.1:${watchdog.port}`]);
  // Its peers were never heard.
  assertEquals([await ended, err], [1, []]);
  assertMatch(
    out.join("\n"),
    /^WARNING: this node holds .*\n( {2}WARNING .*\n)+\n198\.51\.100\.50\n {2}role +master \(alone\) for 6\.9 s\n/,
  );
  // On a slow machine the answer may come after the next question.
  assertEquals(watchdog.asked.slice(0, 2), ["info json 1", "info json 2"]);
  await watchdog.close();
});

Deno.test("askStatus() prints an answer of many datagrams whole, as JSON", async () => {
  const snapshot = snapshotOf();
  const [address] = snapshot.addresses;
  const peers = Array(200).fill(address!.peers[0]);
  const large = { ...snapshot, addresses: [{ ...address!, peers }] };
  const watchdog = new Answerer(() => large);
  const { ended, out } = ask(["--json", "-l", `127.0.0.1:${watchdog.port}`]);
  assertEquals(await ended, 1);
  assertEquals(JSON.parse(out.join("\n")), large);
  await watchdog.close();
});

Deno.test("askStatus() prints no escapes, whoever has the port", async () => {
  const snapshot = snapshotOf();
  const [address] = snapshot.addresses;
  const forged = { ...address!, elasticIp: "198.51.100.50\x1b[2J\nforged" };
  const watchdog = new Answerer(() => ({ ...snapshot, addresses: [forged] }));
  const { ended, out } = ask(["-l", `127.0.0.1:${watchdog.port}`]);
  assertEquals(await ended, 1);
  assertMatch(out.join("\n"), /\n198\.51\.100\.50 \[2J forged\n {2}role /);
  await watchdog.close();
});

Deno.test("askStatus() ends with the code of the verdict, in every form", async () => {
  let snapshot = snapshotOf();
  const watchdog = new Answerer(() => snapshot);
  const codeOf = async (level: Level, ...more: string[]) => {
    snapshot = { ...snapshot, verdict: { level, text: "as told", problems: [] } };
    const { ended, out } = ask([...more, "-l", `127.0.0.1:${watchdog.port}`]);
    return [await ended, out.join("\n").split("\n")[0]];
  };
  assertEquals(await codeOf("OK"), [0, "OK: as told"]);
  assertEquals(await codeOf("WARNING"), [1, "WARNING: as told"]);
  assertEquals(await codeOf("CRITICAL"), [2, "CRITICAL: as told"]);
  assertEquals(await codeOf("UNKNOWN"), [3, "UNKNOWN: as told"]);
  assertEquals(await codeOf("CRITICAL", "--json"), [2, "{"]);
  const [code, line] = await codeOf("WARNING", "--nagios");
  assertEquals(code, 1);
  assertMatch(String(line), /^EXOIP WARNING - as told \| 'holding'=1 /);
  await watchdog.close();
});

Deno.test("--nagios goes with no other form", async () => {
  for (const other of ["--json", "--watch"]) {
    const { ended, err } = ask(["--nagios", other]);
    assertEquals([await ended, err], [3, [`exoip: --nagios: does not go with ${other}`]]);
  }
});

Deno.test("askStatus() ends with 2 when nobody answers, with 3 when it cannot ask", async () => {
  const silent = ask(["-l", "127.0.0.1:9"]);
  assertEquals([await silent.ended, silent.err], [2, [
    "exoip: CRITICAL: no watchdog answers at 127.0.0.1:9: start one, or give its -l (IF_BIND_TO)",
  ]]);
  const plugin = ask(["--nagios", "-l", "127.0.0.1:9"]);
  assertEquals([await plugin.ended, plugin.out, plugin.err], [2, [
    "EXOIP CRITICAL - no watchdog answers at 127.0.0.1:9: start one, or give its -l (IF_BIND_TO)",
  ], []]);
  const watched = ask(["--watch", "-l", "127.0.0.1:9"]);
  assertEquals(await watched.ended, 2);
  const wrong = ask(["-l", "here"]);
  assertEquals([await wrong.ended, wrong.err.length], [3, 1]);
  assertMatch(wrong.err[0] ?? "", /^exoip: -l \(IF_BIND_TO\): "here" is not ADDRESS:PORT/);
  const elsewhere = ask(["-l", "192.0.2.77:9"]);
  assertEquals([await elsewhere.ended, elsewhere.err.length], [3, 1]);
  assertMatch(
    elsewhere.err[0] ?? "",
    /^exoip: -l \(IF_BIND_TO\): cannot ask at 192\.0\.2\.77: Can/,
  );
});

Deno.test("--watch shows each answer, and when none comes any more says so instead of the last one", async () => {
  let present = true;
  const watchdog = new Answerer((asked) => present ? snapshotOf(10_000 + 1_000 * asked) : null);
  const { ended, out, stop } = ask(["--watch", "-l", `127.0.0.1:${watchdog.port}`], true);
  await until(() => out.length >= 2, { title: "two answers" });
  assertMatch(
    plain(out[0]),
    /^<H>WARNING: (.*\n)* {2}role +master \(alone\) for \d+\.9 s<K>\n(.*\n)*watchdog at .* Ctrl/,
  );
  // On a slow machine some answers come too late to be shown.
  const [first, second] = out.map((text) => Number(/\(alone\) for ([\d.]+) s/.exec(text)?.[1]));
  assert(first! >= 7.9 && second! > first!, `${first} s, then ${second} s`);
  present = false;
  const gone = () => out.findIndex((text) => text.includes("no watchdog answers"));
  await until(() => gone() > 0, { title: "it says so" });
  assertMatch(plain(out[gone()]), /any more: the last answer is \d+\.\d s old<K>\n<J>$/);
  assert(!out[gone()]?.includes("master"), "nothing old is left on the screen");
  present = true;
  const back = () => out.slice(gone()).some((text) => text.includes("master (alone)"));
  await until(back, { title: "it is back" });
  stop();
  assertEquals(await ended, 1, "the last verdict");
  await watchdog.close();
});

Deno.test("--watch --json prints a line for each answer, and one for each that is missing", async () => {
  let present = true;
  const watchdog = new Answerer(() => present ? snapshotOf() : null);
  const { ended, out, stop } = ask(["--watch", "--json", "-l", `127.0.0.1:${watchdog.port}`]);
  await until(() => out.length >= 1, { title: "an answer" });
  present = false;
  const silent = () => out.find((line) => line.includes("silentMs"));
  await until(() => silent() !== undefined, { title: "silence" });
  stop();
  assertEquals(await ended, 2, "the watchdog has vanished");
  assertEquals(JSON.parse(out[0] ?? "").addresses[0].role, "master");
  const { answered, silentMs } = JSON.parse(silent() ?? "");
  assert(answered === false && silentMs > 0);
  assert(out.every((line) => !line.includes("\n")));
  await watchdog.close();
});

Deno.test("a late answer to an earlier question is never taken for the state of now", async () => {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  const answering = (async () => {
    await socket.receive();
    // The answer to each question arrives after the next one; a slow machine may need more of them.
    for await (const [bytes, from] of socket) {
      const number = requestedNumber(new TextDecoder().decode(bytes)) ?? -1;
      for (const part of split(snapshotOf(5_000), number - 1)) await socket.send(part, from);
      for (const part of split(snapshotOf(20_000), number)) await socket.send(part, from);
    }
  })();
  const { ended, out } = ask(["--json", "-l", `127.0.0.1:${port}`]);
  assertEquals(await ended, 1);
  assertEquals(JSON.parse(out.join("")).upMs, 20_000);
  socket.close();
  await answering;
});
